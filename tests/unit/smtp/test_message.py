"""The probe message: content, headers, and octets on the wire."""

from __future__ import annotations

import email
import email.policy
import email.utils
import os
import re
import subprocess
import sys
import threading
import time
import tracemalloc
from email.header import decode_header, make_header
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from helpers.descriptors import descriptors, none_left_open
from smtp_status import __version__
from smtp_status.smtp.address import NULL, Mailbox, parse
from smtp_status.smtp.message import HEAD_LIMIT, Message

ALICE = parse("alice@example.org")
BOB = parse("bob@example.org")


def build(
    data: str | None = None,
    file: Path | str | None = None,
    subject: str | None = None,
    headers: list[tuple[str, str]] | None = None,
    sender: Mailbox | None = ALICE,
    recipients: tuple[Mailbox, ...] = (BOB,),
    deadline: float | None = None,
) -> Message:
    path = None if file is None else str(file)
    return Message.build(data, path, subject, headers or [], sender, recipients, "probe.example", deadline)


def received(message: Message) -> bytes:
    """The message as a server has it: dot-stuffing undone (RFC 5321 section 4.5.2)."""
    wire = b"".join(message.chunks())
    assert wire.endswith(b"\r\n")
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", wire)
    assert b"\r\n.\r\n" not in b"\r\n" + wire
    lines = wire.split(b"\r\n")
    assert all(line[1:2] == b"." or len(line) > 1 for line in lines if line.startswith(b"."))
    plain = b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)
    assert len(plain) == message.size
    return plain


def head(message: Message) -> list[tuple[str, str]]:
    fields = received(message).partition(b"\r\n\r\n")[0].decode().split("\r\n")
    return [(name, value.strip()) for name, _, value in (field.partition(":") for field in fields)]


def body(message: Message) -> bytes:
    return received(message).partition(b"\r\n\r\n")[2]


def test_the_default_message() -> None:
    before = int(time.time())
    message = build()
    fields = dict(head(message))
    assert list(fields) == [
        "Subject",
        "Date",
        "From",
        "To",
        "Message-ID",
        "Auto-Submitted",
        "X-Check-SMTP-Status",
    ]
    assert fields["Subject"] == "SMTP PROTOCOL TESTING"
    assert before <= email.utils.parsedate_to_datetime(fields["Date"]).timestamp() <= time.time()
    assert re.fullmatch(
        r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000", fields["Date"]
    )
    assert fields["From"] == "alice@example.org"
    assert fields["To"] == "bob@example.org"
    assert re.fullmatch(r"<[0-9a-f]{32}@probe\.example>", fields["Message-ID"])
    assert fields["Auto-Submitted"] == "auto-generated"
    assert fields["X-Check-SMTP-Status"] == f"{__version__}; host=probe.example"
    assert body(message) == b"DATA SECTION\r\n"
    assert not message.eight_bit
    assert not message.needs_utf8
    assert dict(head(build()))["Message-ID"] != fields["Message-ID"]


def test_from_is_postmaster_of_this_host_for_the_null_reverse_path() -> None:
    for sender in (None, NULL):
        assert dict(head(build(sender=sender)))["From"] == "postmaster@probe.example"


@pytest.mark.parametrize(
    ("data", "subject", "content"),
    [
        (r"Subject: hi\n\nbody", "hi", b"body\r\n"),
        ("Subject: hi\n\nbody\n", "hi", b"body\r\n"),
        ("Subject: hi\r\n\r\none\rtwo\r\n\r\n", "hi", b"one\r\ntwo\r\n\r\n"),
        ("Subject: hi\r\rone", "hi", b"one\r\n"),
        (r"Subject: a\tb\n\nc:\\new\x", "a\tb", b"c:\\new\\x\r\n"),
        ("Subject: no empty line\nbody: \nis text", "no empty line", b"is text\r\n"),
        ("Subject: hi", "hi", b""),
        ("Subject: hi\n", "hi", b""),
        ("Subject: hi\n\n", "hi", b""),
        ("just text", "SMTP PROTOCOL TESTING", b"just text\r\n"),
        ("12:30 all is well", "SMTP PROTOCOL TESTING", b"12:30 all is well\r\n"),
        ("\nSubject: hi", "SMTP PROTOCOL TESTING", b"\r\nSubject: hi\r\n"),
        ("", "SMTP PROTOCOL TESTING", b""),
        ("text\\", "SMTP PROTOCOL TESTING", b"text\\\r\n"),
        (".", "SMTP PROTOCOL TESTING", b".\r\n"),
        ("..\n.\n\n.x", "SMTP PROTOCOL TESTING", b"..\r\n.\r\n\r\n.x\r\n"),
    ],
)
def test_text(data: str, subject: str, content: bytes) -> None:
    message = build(data)
    assert dict(head(message))["Subject"] == subject
    assert body(message) == content


def test_given_headers_stay_and_only_missing_ones_are_added() -> None:
    message = build(
        "from: Me <me@example.org>\nDATE: today\nTo:\n you@example.org\nMessage-Id: <1@x>\nauto-submitted: no\n\nx"
    )
    assert received(message) == (
        b"from: Me <me@example.org>\r\nDATE: today\r\nTo:\r\n you@example.org\r\nMessage-Id: <1@x>\r\n"
        b"auto-submitted: no\r\nX-Check-SMTP-Status: " + __version__.encode() + b"; host=probe.example\r\n\r\nx\r\n"
    )


def test_subject_and_headers_replace_fields_of_their_name() -> None:
    message = build(
        "Subject: old\nX-One: 1\nx-one:\n 2\nX-Kept: yes\n\nbody",
        subject="new",
        headers=[("X-One", "a"), ("X-ONE", "b"), ("Date", "then"), ("X-Empty", "")],
    )
    assert head(message)[:6] == [
        ("X-Kept", "yes"),
        ("Subject", "new"),
        ("X-One", "a"),
        ("X-ONE", "b"),
        ("Date", "then"),
        ("X-Empty", ""),
    ]
    assert [name for name, _ in head(message)].count("Date") == 1
    assert [value for name, value in head(build(subject="x", headers=[("subject", "y")])) if "ubject" in name] == ["y"]
    assert dict(head(build(subject="")))["Subject"] == ""


def test_long_headers_are_folded_and_unfold_to_what_they_were() -> None:
    value = "word  and another " * 20 + "x" * 900
    message = build(headers=[("X-Long", value)], recipients=(BOB, parse("a..b@example.org")) * 8)
    lines = received(message).split(b"\r\n")
    assert all(len(line) <= 78 for line in lines if b"xxx" not in line)
    parsed = email.message_from_bytes(received(message), policy=email.policy.SMTP)
    assert parsed["X-Long"] == value
    assert [str(address) for address in parsed["To"].addresses] == ["bob@example.org", "a..b@example.org"] * 8
    assert b'To: bob@example.org, "a..b"@example.org, bob@' in received(message)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"data": "one\n" + "x" * 999}, "line 2 is longer than 998 octets"),
        ({"data": "Subject: x\nX: y\n\none\n" + "x" * 999 + "\nmore"}, "line 5 is longer than 998 octets"),
        ({"data": "Subject: " + "x" * 990}, "line 1 is longer than 998 octets"),
        ({"data": "ü" * 500}, "line 1 is longer than 998 octets"),
        ({"data": "one\r\ntwo\rthree\0"}, "line 3 holds the control character 0x00"),
        ({"data": "\x1b[31m"}, "line 1 holds the control character 0x1b"),
        ({"data": "x\n\x7f"}, "line 2 holds the control character 0x7f"),
        ({"data": "\ud800"}, "not valid Unicode text"),
        ({"data": "Subject: caf\udce9\n\nx"}, "a header is not UTF-8"),
        ({"subject": "a\nb"}, "the value of header Subject holds a control character"),
        ({"subject": "a\tb"}, "the value of header Subject holds a control character"),
        ({"subject": "\udce9"}, "the value of header Subject is not valid Unicode text"),
        ({"headers": [("Bad name", "x")]}, "a header name is printable ASCII without space and colon"),
        ({"headers": [("", "x")]}, "a header name is printable ASCII without space and colon"),
        ({"headers": [("Größe", "x")]}, "a header name is printable ASCII without space and colon"),
        ({"headers": [("X", "y" * 996)]}, "header X has a word too long for a line of 998 octets"),
    ],
)
def test_bad_content(options: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError) as refused:
        build(**options)  # type: ignore[arg-type]
    assert str(refused.value) == reason


def test_lines_of_998_octets_are_sent() -> None:
    assert body(build("Subject: x\n\n" + "x" * 998 + "\n." + "y" * 997)) == (
        b"x" * 998 + b"\r\n." + b"y" * 997 + b"\r\n"
    )
    assert dict(head(build(headers=[("X", "y" * 995)])))["X"] == "y" * 995


def test_an_eight_bit_body_gets_mime_headers() -> None:
    message = build("bücher")
    assert head(message)[-3:] == [
        ("MIME-Version", "1.0"),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Transfer-Encoding", "8bit"),
    ]
    assert message.eight_bit
    assert not message.needs_utf8
    message = build("Content-Type: text/html; charset=utf-8\nMIME-Version: 1.0\n\nü")
    assert [value for name, value in head(message) if name == "Content-Type"] == ["text/html; charset=utf-8"]
    assert dict(head(build("caf\udce9")))["Content-Type"] == "text/plain; charset=unknown-8bit"
    assert dict(head(build("half \udce2\udc82")))["Content-Type"] == "text/plain; charset=unknown-8bit"


@pytest.mark.parametrize(
    "options",
    [
        {"data": "Subject: Grüße\n\nbody"},
        {"headers": [("Reply-To", "jürgen@example.org")]},
        {"sender": parse("jürgen@example.org")},
        {"recipients": (BOB, parse("jürgen@example.org"))},
    ],
)
def test_a_header_that_is_not_ascii_needs_smtputf8(options: dict[str, object]) -> None:
    message = build(**options)  # type: ignore[arg-type]
    assert message.needs_utf8
    assert message.eight_bit
    assert "MIME-Version" not in dict(head(message))


@pytest.mark.parametrize(
    ("options", "name", "sent"),
    [
        ({"subject": "Grüße"}, "Subject", "=?utf-8?b?R3LDvMOfZQ==?="),
        ({"headers": [("X-Who", "jürgen")]}, "X-Who", "=?utf-8?q?j=C3=BCrgen?="),
        (
            {"headers": [("From", "Jürgen Groß <probe@example.org>")]},
            "From",
            "=?utf-8?b?SsO8cmdlbiBHcm/Dnw==?= <probe@example.org>",
        ),
    ],
)
def test_a_header_of_the_options_is_sent_in_ascii(options: dict[str, object], name: str, sent: str) -> None:
    """RFC 2047: only addresses need SMTPUTF8."""
    message = build(**options)  # type: ignore[arg-type]
    assert dict(head(message))[name] == sent
    assert not message.needs_utf8
    assert not message.eight_bit


def test_a_long_header_of_the_options_is_folded_between_encoded_words() -> None:
    text = "Prüfung der Zustellung " * 12
    message = build(subject=text)
    lines = message.head_lines(100)
    assert all(len(line) <= 78 for line in lines)
    raw = b"\n".join(lines)
    assert str(make_header(decode_header(email.message_from_bytes(raw)["Subject"]))) == text.strip()


def test_a_domain_that_is_not_ascii_needs_nothing() -> None:
    message = build(recipients=(parse("bob@bücher.example"),))
    assert not message.needs_utf8
    assert dict(head(message))["To"] == "bob@xn--bcher-kva.example"


def test_a_header_name_with_a_dot_in_front_is_stuffed() -> None:
    message = build(headers=[(".x", "y")])
    assert b"\r\n..x: y\r\n" in b"".join(message.chunks())
    assert (".x", "y") in head(message)


def test_the_first_lines() -> None:
    message = build("Subject: hi\n\n.one\ntwo")
    assert message.head_lines(1) == (b"Subject: hi",)
    assert message.head_lines(100)[-3:] == (b"", b"..one", b"two")
    assert len(message.head_lines(100)) == 10
    assert message.head_lines(0) == ()


def test_a_file_is_sent_as_it_is_but_for_its_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "mail"
    path.write_bytes(b"Subject: file\nX-Raw: a\\nb\n\nback\\nslash\x0c\x1b\rcr\r\n\r\n.dot\ncaf\xe9")
    message = build(file=path)
    assert head(message)[:2] == [("Subject", "file"), ("X-Raw", "a\\nb")]
    assert body(message) == b"back\\nslash\x0c\x1b\r\ncr\r\n\r\n.dot\r\ncaf\xe9\r\n"
    assert dict(head(message))["Content-Type"] == "text/plain; charset=unknown-8bit"
    path.write_bytes(b"one\ntwo\0")
    with pytest.raises(ValueError, match=r"^line 2 holds a NUL character$"):
        build(file=path)
    path.write_bytes(b"")
    assert body(build(file=path)) == b""


@pytest.mark.parametrize("piped", [False, True])
def test_a_byte_order_mark_is_no_part_of_the_first_header(tmp_path: Path, piped: bool) -> None:
    """With it all headers would be body, and a server without 8BITMIME would be blamed for that."""
    path = tmp_path / "mail"
    marked = "\ufeffSubject: file\r\n\r\nline\r\n".encode()
    writer = threading.Thread(target=path.write_bytes, args=(marked,))
    if piped:
        os.mkfifo(path)
    writer.start()
    if not piped:
        writer.join()
    message = build(file=path, deadline=time.monotonic() + 10)
    writer.join()
    assert head(message)[0] == ("Subject", "file")
    assert body(message) == b"line\r\n"
    assert not message.eight_bit


PIECES = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"..", b"a", "ü".encode(), b"x" * 300]), max_size=40)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(PIECES, st.integers(0, 3))
@example([b".\r", b"\n."] * 5, 1)
def test_what_the_server_has_is_the_content(tmp_path: Path, pieces: list[bytes], shift: int) -> None:
    content = b"".join(pieces)
    # a block of 64 KiB ends somewhere in the content
    padding = (b"y" * 255 + b"\n") * 256
    raw = b"Subject: x\n\n" + padding[12 + shift + len(content) // 2 :] + content
    path = tmp_path / "mail"
    path.write_bytes(raw)
    lines = re.split(rb"\r\n|\r|\n", raw.partition(b"\n\n")[2])
    if max(map(len, lines)) > 998:
        with pytest.raises(ValueError, match=r"^line \d+ is longer than 998 octets$"):
            build(file=path)
        return
    wanted = b"\r\n".join(lines)
    message = build(file=path)
    assert body(message) == (wanted if wanted.endswith(b"\r\n") or not wanted else wanted + b"\r\n")


def test_line_length_and_number_across_blocks(tmp_path: Path) -> None:
    path = tmp_path / "mail"
    for offset in range(65536 - 1001, 65536 + 2, 77):
        begin = b"X: y\n\n" + b"z\n" * ((offset - 6) // 2)
        path.write_bytes(begin + b"x" * 998 + b"\r\nend")
        assert body(build(file=path)).endswith(b"x" * 998 + b"\r\nend\r\n")
        path.write_bytes(begin + b"x" * 999 + b"\r\nend")
        number = 1 + begin.count(b"\n")
        with pytest.raises(ValueError, match=f"^line {number} is longer than 998 octets$"):
            build(file=path)


def test_a_big_file_takes_little_memory_and_time(tmp_path: Path) -> None:
    path = tmp_path / "mail"
    with path.open("wb") as out:
        for _ in range(50):
            out.write((b"." + b"x" * 62 + b"\n") * 16384)
    begin = time.process_time()
    message = build(file=path)
    total = sum(map(len, message.chunks()))
    assert time.process_time() - begin < 3
    assert total == message.size + 50 * 16384
    assert 50 * 16384 * 65 < message.size < 50 * 16384 * 65 + 1000
    tracemalloc.start()
    try:
        message = build(file=path)
        assert max(map(len, message.chunks())) < 160 * 1024
        assert tracemalloc.get_traced_memory()[1] < 2 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_two_transmissions_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "mail"
    path.write_bytes(b"".join(b"%07d\n" % number for number in range(50000)))
    message = build(file=path)
    path.unlink()  # it stays open
    pairs = list(zip(message.chunks(), message.chunks()))
    assert len(pairs) > 5
    assert all(one == two for one, two in pairs)


def test_files_are_closed(tmp_path: Path) -> None:
    path = tmp_path / "mail"
    path.write_bytes(b"text")
    before = descriptors()
    with none_left_open():
        message = build(file=path)
        assert [file for _, file in descriptors() - before] == [str(path)]
        del message
        with pytest.raises(IsADirectoryError):
            build(file=tmp_path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        build(file=tmp_path / "none")
    assert missing.value.strerror == "No such file or directory"
    with pytest.raises(IsADirectoryError) as directory:
        build(file=tmp_path)
    assert directory.value.strerror == "Is a directory"


def test_a_header_section_without_end(tmp_path: Path) -> None:
    path = tmp_path / "mail"
    path.write_bytes(b"X-A: b\n" * (HEAD_LIMIT // 7 + 2))
    with pytest.raises(ValueError, match=r"^a header section over 256 KiB$"):
        build(file=path)
    # without headers there is no such limit
    path.write_bytes(b"text\n" * HEAD_LIMIT)
    assert len(body(build(file=path))) == 6 * HEAD_LIMIT


def test_a_fifo_nobody_writes_to_ends_at_the_deadline(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    begin = time.monotonic()
    with pytest.raises(TimeoutError) as late:
        build(file=path, deadline=begin + 0.2)
    assert 0.19 < time.monotonic() - begin < 2
    assert late.value.strerror == "its end did not come in time"


def test_a_fifo_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)

    def write() -> None:
        time.sleep(0.05)  # the reader is there first
        with path.open("wb", buffering=0) as out:
            out.write(b"Subject: fifo\n\n")
            time.sleep(0.05)
            out.write(b"line\n" * 50000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        message = build(file=path, deadline=time.monotonic() + 10)
    finally:
        writer.join()
    assert body(message) == body(message) == b"line\r\n" * 50000


def test_an_endless_stream_ends(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with subprocess.Popen(["sh", "-c", 'exec yes >"$0"', str(path)], stderr=subprocess.DEVNULL) as writer:
        try:
            with pytest.raises((TimeoutError, ValueError)) as endless:
                build(file=path, deadline=time.monotonic() + 1)
        finally:
            writer.kill()
    assert str(endless.value) in {
        "more than 64 MiB from what is not a regular file",
        f"[Errno 110] its end did not come in time: '{path}'",
    }


SHOW = """
import sys
from smtp_status.smtp.message import Message
message = Message.build(None, sys.argv[1], "s", [], None, [], "probe.example")
sys.stdout.buffer.write(b"".join(message.chunks()).partition(b"\\r\\n\\r\\n")[2])
"""


def shown(argument: str, **options: object) -> bytes:
    code = f"import sys; sys.path[:0] = {sys.path!r}\n{SHOW}"
    ran = subprocess.run(  # type: ignore[call-overload]
        [sys.executable, "-c", code, argument], stdout=subprocess.PIPE, check=True, timeout=30, **options
    )
    out: bytes = ran.stdout
    return out


def test_standard_input(tmp_path: Path) -> None:
    assert shown("-", input=b"through a pipe\n" * 9999) == b"through a pipe\r\n" * 9999
    path = tmp_path / "mail"
    path.write_bytes(b"skipped\nfrom a file\n")
    with path.open("rb", buffering=0) as source:
        source.seek(8)
        assert shown("-", stdin=source) == b"from a file\r\n"
    assert shown("-", stdin=subprocess.DEVNULL) == b""


def test_a_pipe_of_the_shell() -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, b"substituted")
        os.close(writing)
        assert shown(f"/dev/fd/{reading}", pass_fds=[reading]) == b"substituted\r\n"
    finally:
        os.close(reading)


def test_the_plain_path_loads_no_heavy_module() -> None:
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "from smtp_status.smtp.message import Message; from smtp_status.smtp.address import parse\n"
        "b''.join(Message.build(None, None, None, [], None, [parse('a@b')], 'h').chunks())\n"
        "heavy = {'typing', 'email', 'tempfile', 'ssl', 'socket', 'unicodedata', 'select'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, check=True, timeout=30, text=True)
    assert ran.stdout == "\n"
