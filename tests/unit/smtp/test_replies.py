"""Replies from bytes: whole, byte by byte and with trailing data; every fault; the caps to the octet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_status.findings import COLUMNS
from smtp_status.smtp import replies
from smtp_status.smtp.replies import MAX_LINE, MAX_REPLY, Reply, ReplyReader, extensions
from smtp_status.smtp.session import command_line

TRAILING = b"250 of the next\r\n"

VALID = [
    (b"220 mx1 ESMTP\r\n", (220,), (b"220 mx1 ESMTP",)),
    (b"250\r\n", (250,), (b"250",)),
    (b"250 \r\n", (250,), (b"250 ",)),
    (b"250 bare line feed\n", (250,), (b"250 bare line feed",)),
    (b"250-a\n250 b\r\n", (250,), (b"250-a", b"250 b")),
    (b"250-\r\n250\r\n", (250,), (b"250-", b"250")),
    (b"250-one\r\n250-two\r\n250 three\r\n", (250,), (b"250-one", b"250-two", b"250 three")),
    (b"421 4.3.2 down\r\n", (421,), (b"421 4.3.2 down",)),
    (b"250 \xff\x00\x1b[31m\r\n", (250,), (b"250 \xff\x00\x1b[31m",)),
    (b"250 ends in two\r\r\n", (250,), (b"250 ends in two\r",)),
    (b"559 last of all codes\r\n", (559,), (b"559 last of all codes",)),
]

NO_CODE = "no reply code"
NO_SEPARATOR = "neither space nor hyphen behind the reply code"

FAULTY = [
    (b"\r\n", (), (b"",), NO_CODE),
    (b"\n", (), (b"",), NO_CODE),
    (b"hello\r\n", (), (b"hello",), NO_CODE),
    (b"25\r\n", (), (b"25",), NO_CODE),
    (b" 250 ok\r\n", (), (b" 250 ok",), NO_CODE),
    (b"-25 ok\r\n", (), (b"-25 ok",), NO_CODE),
    ("\u0662\u0665\u0660 ok\r\n".encode(), (), ("\u0662\u0665\u0660 ok".encode(),), NO_CODE),
    (b"SSH-2.0-OpenSSH_9.2\r\n", (), (b"SSH-2.0-OpenSSH_9.2",), NO_CODE),
    (b"250-first\r\nsecond\r\n", (250,), (b"250-first", b"second"), NO_CODE),
    (b"2500 ok\r\n", (250,), (b"2500 ok",), NO_SEPARATOR),
    (b"250ok\r\n", (250,), (b"250ok",), NO_SEPARATOR),
    (b"250\tok\r\n", (250,), (b"250\tok",), NO_SEPARATOR),
    (b"250+ok\r\n", (250,), (b"250+ok",), NO_SEPARATOR),
    (b"150 ok\r\n", (150,), (b"150 ok",), "reply code 150 is outside 200 to 559"),
    (b"000 ok\r\n", (), (b"000 ok",), "reply code 000 is outside 200 to 559"),
    (b"600 ok\r\n", (600,), (b"600 ok",), "reply code 600 is outside 200 to 559"),
    (b"260 ok\r\n", (260,), (b"260 ok",), "reply code 260 is outside 200 to 559"),
    (b"250-a\r\n299 b\r\n", (250, 299), (b"250-a", b"299 b"), "reply code 299 is outside 200 to 559"),
    (
        b"250-a\r\n550 b\r\n",
        (250, 550),
        (b"250-a", b"550 b"),
        "lines of one reply have different codes, 250 and 550",
    ),
    (
        b"220-a\r\n250-b\r\n220 c\r\n",
        (250, 220),
        (b"220-a", b"250-b", b"220 c"),
        "lines of one reply have different codes, 250 and 220",
    ),
]


def drain(reader: ReplyReader) -> list[Reply]:
    replies = []
    while (reply := reader.next_reply()) is not None:
        replies.append(reply)
    return replies


def whole(raw: bytes) -> list[Reply]:
    reader = ReplyReader()
    reader.feed(raw)
    return drain(reader)


def byte_by_byte(raw: bytes) -> list[Reply]:
    reader = ReplyReader()
    replies = []
    for position in range(len(raw)):
        reader.feed(raw[position : position + 1])
        replies += drain(reader)
    return replies


@pytest.mark.parametrize("read", [whole, byte_by_byte])
@pytest.mark.parametrize(("raw", "codes", "lines"), VALID)
def test_valid(read, raw, codes, lines):
    assert read(raw) == [Reply(codes, lines)]
    assert read(raw)[0].code == codes[-1]


@pytest.mark.parametrize("read", [whole, byte_by_byte])
@pytest.mark.parametrize(("raw", "codes", "lines", "fault"), FAULTY)
def test_faulty(read, raw, codes, lines, fault):
    assert read(raw) == [Reply(codes, lines, fault)]


@pytest.mark.parametrize("read", [whole, byte_by_byte])
@pytest.mark.parametrize("raw", [case[0] for case in VALID + FAULTY])
def test_what_stands_behind_a_reply_is_left_for_the_next(read, raw):
    first, *others = read(raw + TRAILING)
    assert first == whole(raw)[0]
    assert others == [Reply((250,), (b"250 of the next",))]


def test_every_code():
    for code in range(1000):
        digits = f"{code:03}"
        (reply,) = whole(f"{digits} text\r\n".encode())
        inside = digits[0] in "2345" and digits[1] in "012345"
        assert reply.fault == ("" if inside else f"reply code {digits} is outside 200 to 559")
        assert reply.code == code


def test_different_codes_are_all_named_and_the_last_line_counts():
    (reply,) = whole(b"220-a\r\n250-b\r\n354-c\r\n220 d\r\n")
    assert reply.codes == (250, 354, 220)
    assert reply.code == 220


def test_code_of_no_reply_is_0():
    (reply,) = whole(b"hello\r\n")
    assert (reply.codes, reply.code) == ((), 0)


def test_texts_are_without_code_and_separator():
    (reply,) = whole(b"250-one\r\n250-\r\n250-  two\r\n250\r\n")
    assert reply.texts == (b"one", b"", b"  two", b"")
    (reply,) = whole(b"no code\r\n")
    assert reply.texts == (b"no code",)
    (reply,) = whole(b"220mx1 ready\r\n")
    assert reply.texts == (b"mx1 ready",)


# -- the caps


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_longest_line(end):
    line = b"250 " + b"x" * (MAX_LINE - 4 - (len(end) - 1))
    assert whole(line + end) == [Reply((250,), (line,))]


@pytest.mark.parametrize("read", [whole, byte_by_byte])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"x" * 100])
def test_line_too_long(read, end):
    line = b"250 " + b"x" * (MAX_LINE - 4) + (b"" if end == b"\r\n" else b"x")
    first = read(line + end)[0]
    assert first == Reply((250,), (line[:MAX_LINE],), "reply line longer than 8192 octets")


@pytest.mark.parametrize("size", [1, 100, MAX_LINE, 100_000])
def test_what_stays_behind_a_line_too_long_does_not_depend_on_the_cuts(size):
    octets = b"250 " + b"x" * 9000 + b"\r\n250 ok\r\n"
    reader = ReplyReader()
    found = []
    for start in range(0, len(octets), size):
        reader.feed(octets[start : start + size])
        found.extend(iter(reader.next_reply, None))
    assert [reply.fault for reply in found] == ["reply line longer than 8192 octets", "no reply code", ""]
    assert found[1].lines == (b"x" * (9004 - MAX_LINE),)


def test_line_without_end_is_no_fault_before_its_cap():
    reader = ReplyReader()
    reader.feed(b"250 " + b"x" * (MAX_LINE - 4))
    assert reader.next_reply() is None
    reader.feed(b"x")
    assert reader.next_reply() is not None


def test_too_long_a_line_inside_a_reply():
    reader = ReplyReader()
    reader.feed(b"250-begin\r\n250-" + b"x" * MAX_LINE + b"\r\n")
    reply = reader.next_reply()
    assert reply is not None
    assert reply.codes == (250,)
    assert reply.fault == "reply line longer than 8192 octets"
    assert [len(line) for line in reply.lines] == [9, MAX_LINE]


def filled(octets: int) -> bytes:
    """A reply of so many octets, CRLF counted, without its last line."""
    line = b"250-" + b"x" * 1018 + b"\r\n"
    count, rest = divmod(octets, len(line))
    return line * count + b"250-" + b"x" * (rest - 6) + b"\r\n"


def test_longest_reply():
    last = b"250 end\r\n"
    (reply,) = whole(filled(MAX_REPLY - len(last)) + last)
    assert reply.fault == ""
    assert sum(len(line) + 2 for line in reply.lines) == MAX_REPLY


def test_reply_too_long():
    last = b"250 end\r\n"
    (reply,) = whole(filled(MAX_REPLY - len(last) + 1) + last)
    assert reply.fault == "reply longer than 1048576 octets"
    assert reply.codes == (250,)


def test_reply_without_end_is_cut_off_at_its_cap():
    reader = ReplyReader()
    reader.feed(b"250-x\r\n" * (MAX_REPLY // 7))
    assert reader.next_reply() is None
    reader.feed(b"250-x\r\n")
    reply = reader.next_reply()
    assert reply is not None
    assert reply.fault == "reply longer than 1048576 octets"


def test_caps_begin_anew_with_each_reply():
    raw = filled(MAX_REPLY - 9) + b"250 end\r\n"
    assert [reply.fault for reply in whole(raw * 2)] == ["", ""]


# -- what is pending


def test_idle_and_begun():
    reader = ReplyReader()
    assert (reader.idle, reader.begun()) == (True, ())
    reader.feed(b"250-one\r\n250-t")
    assert reader.next_reply() is None
    assert (reader.idle, reader.begun()) == (False, (b"250-one", b"250-t"))
    reader.feed(b"wo\r\n")
    assert reader.next_reply() is None
    assert reader.begun() == (b"250-one", b"250-two")
    reader.feed(b"250 three\r\n")
    assert reader.next_reply() == Reply((250,), (b"250-one", b"250-two", b"250 three"))
    assert (reader.idle, reader.begun()) == (True, ())


def test_begun_before_any_look():
    reader = ReplyReader()
    reader.feed(b"250 one\r\n220 two\nrest")
    assert reader.begun() == (b"250 one", b"220 two", b"rest")


def test_discard_forgets_buffer_and_lines():
    reader = ReplyReader()
    reader.feed(b"250-one\r\n250-t")
    assert reader.next_reply() is None
    reader.discard()
    assert (reader.idle, reader.begun()) == (True, ())
    reader.feed(b"220 new\r\n")
    assert reader.next_reply() == Reply((220,), (b"220 new",))


def test_empty_feed_changes_nothing():
    reader = ReplyReader()
    reader.feed(b"")
    assert reader.idle
    assert reader.next_reply() is None


pieces = st.lists(
    st.sampled_from([b"2", b"5", b"0", b"4", b"250", b"220-", b" ", b"-", b"\r", b"\n", b"\r\n", b"x", b"\xff"]),
    max_size=40,
)


@given(pieces)
def test_how_the_network_cut_the_stream_does_not_matter(parts):
    raw = b"".join(parts)
    in_pieces = ReplyReader()
    replies = []
    for part in parts:
        in_pieces.feed(part)
        replies += drain(in_pieces)
    assert replies == whole(raw) == byte_by_byte(raw)


@given(st.binary(max_size=300))
def test_any_octets_make_replies_or_wait(raw):
    reader = ReplyReader()
    reader.feed(raw)
    replies = drain(reader)
    taken = sum(len(reply.lines) for reply in replies)
    assert taken + len(reader.begun()) == raw.count(b"\n") + (not raw.endswith(b"\n") and raw != b"")


# -- EHLO


def ehlo(*lines: bytes) -> dict[str, str]:
    (reply,) = whole(b"".join(b"250-" + line + b"\r\n" for line in lines[:-1]) + b"250 " + lines[-1] + b"\r\n")
    return extensions(reply)


def test_extensions():
    assert ehlo(b"mx1 greets you", b"SIZE 10240000", b"8BITMIME", b"auth PLAIN LOGIN") == {
        "SIZE": "10240000",
        "8BITMIME": "",
        "AUTH": "PLAIN LOGIN",
    }


def test_extensions_in_any_case_with_odd_blanks():
    assert ehlo(b"mx1", b"StartTLS ", b" size", b"SmtpUtf8  x") == {"STARTTLS": "", "SIZE": "", "SMTPUTF8": "x"}


def test_greeting_line_is_no_extension():
    assert ehlo(b"STARTTLS") == {}
    assert ehlo(b"STARTTLS", b"SIZE") == {"SIZE": ""}


def test_old_form_of_auth_adds_up():
    assert ehlo(b"mx1", b"AUTH PLAIN", b"AUTH=LOGIN PLAIN") == {"AUTH": "PLAIN LOGIN PLAIN"}
    assert ehlo(b"mx1", b"AUTH=LOGIN") == {"AUTH": "LOGIN"}


def test_extensions_of_hostile_lines():
    assert ehlo(b"mx1", b"", b"\xff\xfe", b"8BITMIME\x00") == {"\ufffd\ufffd": "", "8BITMIME\x00": ""}


# -- commands


def test_command_line():
    assert command_line(b"QUIT") == b"QUIT\r\n"
    assert command_line(b"") == b"\r\n"


@pytest.mark.parametrize("line", [b"QUIT\r\n", b"a\rb", b"a\nb", b"\n"])
def test_command_is_one_line(line):
    with pytest.raises(ValueError, match="line end inside a command"):
        command_line(line)


# command | success | failure | error; in brackets what RFC 5321 section 4.3.2 adds to RFC 821 section 4.3
WRITTEN = """
connection | 220 | 421 [554] |
EHLO, HELO, LHLO | 250 | [550] | 500 501 504 421 [502]
MAIL | 250 | 552 451 452 [450 455 550 553 555] | 500 501 421 [503]
RCPT | 250 251 [252] | 550 551 552 553 450 451 452 [455 554 555] | 500 501 503 421
DATA | 354 | 451 554 [450 550] | 500 501 503 421
message | 250 | 552 554 451 452 [450 550] | 500 501 503 421
RSET | 250 | | 500 501 504 421
SEND, SOML, SAML | 250 | 552 451 452 | 500 501 502 421
VRFY | 250 251 [252] | 550 551 553 | 500 501 502 504 421
EXPN | 250 [252] | 550 | 500 501 502 504 421
HELP | 211 214 | | 500 501 502 504 421
NOOP | 250 | | 500 421
QUIT | 221 | | 500
TURN | 250 | 502 | 500 503
STARTTLS | 220 | 454 | 500 501 502 503
AUTH | 235 | 432 454 534 535 538 | 500 501 502 503 504 530
"""

ROWS = {
    command: [frozenset(map(int, cell.replace("[", " ").replace("]", " ").split())) for cell in cells]
    for commands, *cells in (line.split("|") for line in WRITTEN.strip().splitlines())
    for command in (name.strip() for name in commands.split(","))
}

CODES = [code for code in range(100, 1000) if str(code)[0] in "2345" and str(code)[1] in "012345"]


def test_table_is_the_one_that_is_written():
    table = {command: [frozenset(map(int, cell.split())) for cell in row] for command, row in replies.TABLE.items()}
    assert table == ROWS


def test_no_code_stands_twice_in_a_row():
    for command, row in replies.TABLE.items():
        codes = " ".join(row).split()
        assert len(codes) == len(set(codes)), command


@pytest.mark.parametrize("command", ROWS)
def test_every_code_of_a_row(command):
    for code in CODES:
        listed = [column for column, codes in zip(COLUMNS, ROWS[command]) if code in codes]
        if listed:
            wanted = listed[0]
        elif code >= 400:
            wanted = "failure"
        elif code < 300 and command in ("MAIL", "RCPT", "RSET", "NOOP", "message"):
            wanted = "success"
        else:
            wanted = "protocol"
        assert replies.judge(command, code) == wanted, code


@pytest.mark.parametrize(
    ("command", "code", "column"),
    [
        ("connection", 220, "success"),
        ("connection", 221, "protocol"),
        ("connection", 250, "protocol"),
        ("connection", 354, "protocol"),
        ("connection", 421, "failure"),
        ("connection", 450, "failure"),
        ("EHLO", 220, "protocol"),
        ("EHLO", 421, "error"),
        ("MAIL", 251, "success"),
        ("MAIL", 354, "protocol"),
        ("MAIL", 530, "failure"),
        ("RCPT", 220, "success"),
        ("RCPT", 530, "failure"),
        ("DATA", 250, "protocol"),
        ("DATA", 334, "protocol"),
        ("DATA", 355, "protocol"),
        ("message", 251, "success"),
        ("message", 354, "protocol"),
        ("message", 421, "error"),
        ("AUTH", 334, "protocol"),
        ("QUIT", 250, "protocol"),
        ("QUIT", 421, "failure"),
        ("NOOP", 221, "success"),
        ("RSET", 220, "success"),
        ("STARTTLS", 250, "protocol"),
        ("HELP", 250, "protocol"),
    ],
)
def test_what_an_operator_would_stumble_over(command, code, column):
    assert replies.judge(command, code) == column


@pytest.mark.parametrize("verb", ["XCLIENT", "ETRN", "", "DXNLCG=="])
def test_verbs_without_a_row(verb):
    for code in CODES:
        assert replies.judge(verb, code) == ("success" if code < 400 else "failure"), code


def test_only_the_first_equals_sign_of_a_keyword_is_one():
    assert extensions(Reply((250,), (b"250-mx1", b"250-AUTH=PLAIN X=Y", b"250 X=1=2"))) == {
        "AUTH": "PLAIN X=Y",
        "X": "1=2",
    }


def test_an_empty_line_behind_a_reply_is_a_line():
    reader = ReplyReader()
    reader.feed(b"250 a\r\n\n250 b\n")
    found = [reader.next_reply() for _ in range(3)]
    assert [(one.code, one.fault) for one in found if one is not None] == [(250, ""), (0, "no reply code"), (250, "")]
