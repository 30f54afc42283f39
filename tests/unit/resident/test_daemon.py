"""What keeps the resident from beginning is told in one line."""

from __future__ import annotations

import tempfile

from smtp_status.resident import daemon


def test_no_place_for_the_socket_of_the_web_server(monkeypatch, tmp_path):
    told: list[str] = []
    monkeypatch.setattr(daemon, "_settle", lambda: None)
    monkeypatch.setattr(daemon.log, "tell", told.append)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    assert daemon.main(["--metrics", "127.0.0.1:9925", "--modules", str(tmp_path / "modules.ini")]) == 3
    assert told == ["--metrics takes --listen PATH as well, or a TMPDIR for its socket: no such file or directory"]
