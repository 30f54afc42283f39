"""The options of the group Arrival."""

from __future__ import annotations

import pytest

from smtp_status.options.arrivalplan import ArrivalPlan, Threshold
from smtp_status.options.build import settings_from
from smtp_status.options.settings import Settings, UsageError

BASE = ("-H", "mx1.example.org", "--to", "bob@example.org", "--imap", "imap.example.org")
LOGIN = ("--imap-user", "probe", "--imap-pass", "s3cret")


def settings(*more: str, environ: dict[str, str] | None = None) -> Settings:
    return settings_from([*BASE, *more], environ or {})


def plan(*more: str, environ: dict[str, str] | None = None) -> ArrivalPlan:
    made = settings(*more, environ=environ).arrival
    assert made is not None
    return made


def test_defaults():
    made = plan(*LOGIN)
    assert (made.host, made.port, made.tls.mode, made.folders, made.spam) == (
        "imap.example.org",
        993,
        "ssl",
        ("INBOX",),
        (),
    )
    assert (made.wait, made.lost_after, made.forget, made.lost, made.pending) == (
        5.0,
        3600,
        3600,
        Threshold(1, 2),
        Threshold(),
    )
    assert (made.authserv_id, made.require_auth, made.hold) == (None, (), 12)
    assert len(made.name) == 12


def test_the_limits_of_arrival_have_a_default():
    made = settings(*LOGIN)
    assert (made.stage_warning["arrive"].end, made.stage_critical["arrive"].end) == (60, 600)
    assert settings(*LOGIN, "--stage-warning", "arrive=5").stage_warning["arrive"].end == 5
    assert "arrive" not in settings_from(["-H", "mx1.example.org"], {}).stage_warning


@pytest.mark.parametrize(
    ("place", "tls", "expected"),
    [
        ("imap.example.org", "ssl", ("imap.example.org", 993)),
        ("imap.example.org", "starttls", ("imap.example.org", 143)),
        ("imap.example.org:1993", "ssl", ("imap.example.org", 1993)),
        ("192.0.2.1:1143", "off", ("192.0.2.1", 1143)),
        ("2001:db8::1", "ssl", ("2001:db8::1", 993)),
        ("[2001:db8::1]:1993", "ssl", ("2001:db8::1", 1993)),
    ],
)
def test_places(place, tls, expected):
    made = plan(*LOGIN, "--imap", place, "--imap-tls", tls)
    assert (made.host, made.port) == expected


def test_the_same_check_has_the_same_name_everywhere():
    name = plan(*LOGIN).name
    assert name == plan("--imap-user", "probe", "--imap-pass", "other", "-F", "elsewhere.example.org").name
    others = {
        plan(*LOGIN, *more).name
        for more in (
            ("--to", "eve@example.org"),
            ("-p", "587"),
            ("-H", "mx2.example.org"),
            ("--imap-folder", "Probes"),
            ("--imap-user", "other"),
            ("--imap", "imap2.example.org"),
        )
    }
    assert len(others | {name}) == 7


def test_logins(tmp_path):
    file = tmp_path / "token"
    file.write_text("from a file\n")
    environ = {"SMTP_STATUS_IMAPPASS": "from the environment"}
    user = ("--imap-user", "probe")
    smtp = ("-U", "monitor", "-P", "of smtp")

    def login(*more: str, environ: dict[str, str] | None = None) -> tuple[str, str]:
        made = plan(*more, environ=environ).credentials
        assert made.secret is not None
        return made.user, made.secret.value

    assert login(*user, "--imap-pass", "argument", "--imap-pass-file", str(file), environ=environ)[1] == "argument"
    assert login(*user, "--imap-pass-file", str(file), environ=environ)[1] == "from a file"
    assert login(*user, *smtp, environ=environ) == ("probe", "from the environment")
    assert login(*smtp) == ("monitor", "of smtp")


def test_folders():
    made = plan(*LOGIN, "--imap-folder", "inbox", "--imap-folder", "Entwürfe", "--imap-folder", "INBOX")
    assert made.folders == ("INBOX", "Entwürfe")
    assert plan(*LOGIN, "--imap-spam", "none").spam is None
    assert plan(*LOGIN, "--imap-spam", "A", "--imap-spam", "B").spam == ("A", "B")


def test_numbers():
    made = plan(*LOGIN, "--wait", "0", "--lost-after", "60", "--lost", "3", "--pending", "2,5", "-t", "2.5")
    assert (made.wait, made.lost_after, made.forget, made.hold) == (0.0, 60, 3600, 5)
    assert (made.lost, made.pending) == (Threshold(3), Threshold(2, 5))


def test_faults_of_the_certificate_are_tolerated_by_their_kind():
    assert plan(*LOGIN, "--no-verify").tls.tolerate == frozenset()
    assert plan(*LOGIN, "--no-verify").tls.verify
    assert plan(*LOGIN, "--state", "imap:expired=ok,tls:name=ok").tls.tolerate == {"expired"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "--imap takes a user as well: --imap-user"),
        (("--imap-user", ""), "--imap-user takes a user name"),
        (
            ("--imap-user", "u"),
            "--imap takes a password as well: --imap-pass-file, --imap-pass or SMTP_STATUS_IMAPPASS",
        ),
        ((*LOGIN, "--quit-after", "rcpt"), "--imap and --quit-after exclude each other: a message has to be sent"),
        ((*LOGIN, "-C", "NOOP"), "--imap and -C exclude each other: a message has to be sent"),
        ((*LOGIN, "--imap-tls", "tls"), "--imap-tls takes ssl, starttls or off, not tls"),
        ((*LOGIN, "--imap", "a:b"), "--imap takes a port from 1 to 65535, not b"),
        ((*LOGIN, "--imap", "/run/imap"), "--imap takes HOST[:PORT], not /run/imap"),
        ((*LOGIN, "--imap", ""), "--imap takes HOST[:PORT], not ''"),
        ((*LOGIN, "--imap-authtype", "EXTERNAL"), "--imap-authtype takes no EXTERNAL, but SCRAM-SHA-"),
        (
            (*LOGIN, "--imap-authtype", "scram-sha-1-plus", "--imap-tls", "off"),
            "--imap-authtype SCRAM-SHA-1-PLUS takes TLS as well: --imap-tls",
        ),
        ((*LOGIN, "--imap-folder", ""), "--imap-folder takes the name of a folder of at most 255 octets, not ''"),
        ((*LOGIN, "--imap-spam", "none", "--imap-spam", "A"), "--imap-spam takes none, or folders, but not both"),
        ((*LOGIN, "--wait", "-1"), "--wait takes seconds from 0 to 1000000, not -1"),
        ((*LOGIN, "--wait", "nan"), "--wait takes seconds from 0 to 1000000, not nan"),
        ((*LOGIN, "--lost-after", "0"), "--lost-after takes SECONDS[,FORGET] such as 3600,3600, not 0"),
        ((*LOGIN, "--lost", "0"), "--lost takes WARN[,CRIT], numbers of probes such as 1,2, not 0"),
        ((*LOGIN, "--lost", "3,2"), "--lost takes no more for WARN than for CRIT, not 3,2"),
        ((*LOGIN, "--pending", "x"), "--pending takes WARN[,CRIT], numbers of probes such as 1,2, not x"),
        ((*LOGIN, "--require-auth", "spf"), "--require-auth takes --authserv-id as well"),
        ((*LOGIN, "--authserv-id", "a", "--require-auth", "arc"), "--require-auth takes spf, dkim, dmarc, not arc"),
        ((*LOGIN, "--authserv-id", "a;b"), "--authserv-id takes the name of a server, not a;b"),
        ((*LOGIN, "--probe-name", "a b"), "--probe-name takes a name of at most 40 letters"),
        (
            (*LOGIN, "--imap", "192.0.2.1", "--imap-tls", "off", "--imap-authtype", "PLAIN"),
            "--imap-authtype PLAIN would send the password readable to 192.0.2.1",
        ),
    ],
)
def test_bad_usage(more, said):
    with pytest.raises(UsageError) as caught:
        settings(*more)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("option", ["--wait", "--imap-user", "--lost", "--pending", "--probe-name", "--authserv-id"])
def test_nothing_of_the_group_without_imap(option):
    with pytest.raises(UsageError) as caught:
        settings_from(["-H", "mx1.example.org", "--to", "a@example.org", option, "1"], {})
    assert str(caught.value) == f"{option} takes --imap as well"


def test_without_a_recipient():
    with pytest.raises(UsageError) as caught:
        settings_from(["-H", "mx1.example.org", "--imap", "imap.example.org", *LOGIN], {})
    assert str(caught.value).startswith("--imap takes --to as well")
