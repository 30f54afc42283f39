"""The server's answers as imaplib leaves them."""

from __future__ import annotations

import time

import pytest

from smtp_status.arrival import fetched
from smtp_status.arrival.fetched import Fetched, Folder
from smtp_status.arrival.ledger import Stamp

DATE = '"27-Nov-2026 02:00:05 +0100"'
AT = 1795741205


def test_messages():
    data = [
        (f"1 (UID 5 FLAGS (\\Seen $x) INTERNALDATE {DATE} BODY[HEADER.FIELDS (A)]<0> {{6}}".encode(), b"A: 1\r\n"),
        b")",
        b"2 (FLAGS (\\Deleted))",  # told unasked
        (b"3 (BODY[HEADER.FIELDS (A)] {0}", b""),
        f' UID 7 INTERNALDATE {DATE} SAVEDATE " 7-nov-2026 00:00:00 -0030" FLAGS ())'.encode(),
    ]
    assert fetched.messages(data) == [
        Fetched(5, frozenset(("\\seen", "$x")), Stamp(AT), b"A: 1\r\n"),
        Fetched(7, frozenset(), Stamp(AT, 1794011400), b""),
    ]


@pytest.mark.parametrize(("value", "octets"), [('"a\\"b"', b'a"b'), ("NIL", b""), ('""', b"")])
def test_without_a_literal(value, octets):
    data = [f"1 (UID 5 FLAGS () INTERNALDATE {DATE} BODY[HEADER.FIELDS (A B)] {value})".encode()]
    assert fetched.messages(data) == [Fetched(5, frozenset(), Stamp(AT), octets)]


@pytest.mark.parametrize(
    "data",
    [
        [],
        [None],
        [b""],
        [b"1 (UID 5)"],
        [b"1 (UID 99999999999 INTERNALDATE " + DATE.encode() + b")"],
        [b'1 (UID 5 INTERNALDATE "32-Foo-2026 02:00:05 +0100")'],
        [b'1 (UID 5 INTERNALDATE "00-Nov-0000 02:00:05 +0100")'],
        [b"(" * 60_000],
        [(b"", b"")],
    ],
)
def test_what_is_no_message(data):
    assert fetched.messages(data) in ([], [Fetched(5, frozenset(), Stamp(-62170160395), b"")])


def test_uids():
    assert fetched.uids([b"3 1 2", b"2", None, b"x 99999999999"]) == [1, 2, 3]


def test_folders():
    data = [
        b'(\\HasNoChildren \\Junk) "/" "Junk"',
        b"(\\Noselect) NIL other",
        (b'() "." {5}', b'a "b"'),
        b'() "\\\\" "a\\"b"',
        b"nonsense",
        b"",
        None,
    ]
    assert fetched.folders(data) == [
        Folder(frozenset(("\\hasnochildren", "\\junk")), "/", "Junk"),
        Folder(frozenset(("\\noselect",)), "", "other"),
        Folder(frozenset(), ".", 'a "b"'),
        Folder(frozenset(), "\\", 'a"b'),
    ]


def test_status():
    assert fetched.status([b'"UIDNEXT 9" (MESSAGES 3 UIDNEXT 44)']) == {"MESSAGES": 3, "UIDNEXT": 44}
    assert fetched.status([b"nothing", None]) == {}


def test_sets():
    assert fetched.uid_set([1, 2, 3, 5, 7, 8]) == "1:3,5,7:8"


def test_a_day_further_back():
    assert fetched.search_date(AT) == "26-Nov-2026"
    assert fetched.search_date(5) == "1-Jan-1970"


@pytest.mark.timing
@pytest.mark.parametrize("unit", [b"BODY[", b"BODY[] ", b'BODY[] "', b"FLAGS (", b'" ', b"\\", b"1 ("])
def test_a_line_takes_time_in_proportion(unit: bytes) -> None:
    """The longest there is, of what each may begin a part of an answer."""
    line = f"1 (UID 5 INTERNALDATE {DATE} ".encode() + unit * (65536 // len(unit))
    begin = time.process_time()
    assert [message.uid for message in fetched.messages([line])] == [5]
    assert time.process_time() - begin < 0.2
