"""Messages of the DNS: whatever octets come, they are an answer, no answer, or a fault, and in time."""

from __future__ import annotations

import struct
import time
from functools import cache

import dns.message
import dns.name
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servers.fakedns import octets
from smtp_status.maildomain import codec
from smtp_status.maildomain.codec import Query

MX = Query("example.test", "MX")
TLSA = Query("_25._tcp.a.test", "TLSA")


HEAD = b"\0\1\x81\x80\0\1%b\0\0\0\0\7example\4test\0\0\x0f\0\1"
"""A response to MX with id 1, but for the number of its answers."""

OPAQUE = 65280
"""A type for private use, the data of which nobody looks into."""


def record(owner, kind, data):
    return owner + struct.pack("!HHIH", kind, 1, 60, len(data)) + data


def full(first, more):
    """64 KiB: one record, and as many of the others as there is room for."""
    count = (65535 - len(HEAD % b"xx") - len(first)) // len(more)
    return HEAD % (count + 1).to_bytes(2, "big") + first + count * more


def bombs():
    """Names that take long to read, each used as often as 64 KiB allow."""
    start = len(HEAD % b"xx") + 12
    owner, first = b"\xc0\x0c", (0xC000 | start).to_bytes(2, "big")
    labels = record(owner, OPAQUE, b"\1a" * 7900 + b"\0")
    yield "labels", full(labels, record(owner, 15, b"\0\5" + first))
    data, last = chain(start, b"\1a")
    yield "jumps", full(record(owner, OPAQUE, data), record(owner, 15, b"\0\5" + last))
    data, last = chain(start, b"")
    pointers = record(owner, OPAQUE, data)
    yield "pointers", full(pointers, record(last, 15, b"\0\5" + last))
    hosts = record(owner, 55, b"\1\1\0\1hk" + last * 23000)  # HIP, which ends with a list of names
    yield "list of names", HEAD % b"\0\3" + pointers + hosts + record(owner, OPAQUE, b"")


def chain(start, label):
    """Octets to stand at ``start``: ``label`` and a pointer to the one before, as far as pointers reach; and a pointer
    to the last."""
    data, last = label + b"\xc0\x0c", start
    while start + len(data) < 0x4000:
        here = start + len(data)
        data += label + (0xC000 | last).to_bytes(2, "big")
        last = here
    return data, (0xC000 | last).to_bytes(2, "big")


CHANGES = st.lists(st.tuples(st.integers(0, 999), st.integers(0, 2), st.binary(max_size=2)), min_size=1, max_size=6)
"""Where (beyond the end it begins anew), how many octets, and what stands there instead."""


class TestAnyOctets:
    """Whatever comes, it is an answer, no answer, or a MessageFault."""

    GOOD = (
        (MX, "example.test. 60 IN CNAME b.test.", "b.test. 60 IN MX 5 mx.b.test.", "b.test. 60 IN MX 7 example.test."),
        (Query("a.test", "A"), "a.test. 60 IN A 192.0.2.1", "a.test. 60 IN A 192.0.2.2"),
        (Query("a.test", "AAAA"), "a.test. 60 IN AAAA 2001:db8::1"),
        (Query("a.test", "CNAME"), "a.test. 60 IN CNAME b.test."),
        (Query("a.test", "TXT"), 'a.test. 60 IN TXT "one" "two"', "a.test. 60 IN TXT three"),
        (TLSA, "_25._tcp.a.test. 60 IN TLSA 3 1 1 " + "00" * 32, "_25._tcp.a.test. 60 IN TLSA 2 0 0 00"),
        (Query(".", "SOA"), ". 60 IN SOA a. b. 1 2 3 4 5"),
    )

    @staticmethod
    def decode(octets_, query=MX):
        try:
            return codec.decode(octets_, query, 1)
        except codec.MessageFault:
            return None

    @classmethod
    @cache
    def good(cls, number):
        """A query and an answer to it."""
        query, *records = cls.GOOD[number]
        asked = dns.message.make_query(query.name, query.type, id=1, use_edns=0)
        return query, octets(asked, *records, error=(6, "words"))[0]

    @given(st.binary(max_size=200))
    def test_noise(self, noise):
        self.decode(noise)
        self.decode(HEAD % b"\0\2" + noise)

    @settings(max_examples=500)
    @given(st.integers(0, len(GOOD) - 1), CHANGES)
    def test_a_good_message_with_octets_changed(self, number, changes):
        query, message = self.good(number)
        changed = bytearray(message)
        for place, length, octets_ in changes:
            place %= len(changed)  # noqa: PLW2901
            changed[place : place + length] = octets_
            if not changed:
                break
        response = self.decode(bytes(changed), query)
        if response is not None and query.type not in ("SOA", "TLSA"):
            assert response.present == bool(response.mx or response.hosts or response.texts)

    @pytest.mark.parametrize("number", range(len(GOOD)))
    def test_an_answer_that_breaks_off_is_none(self, number):
        query, message = self.good(number)
        assert self.decode(message, query).present
        assert self.decode(message + b"surplus", query) == self.decode(message, query)
        for end in range(len(message)):
            assert self.decode(message[:end], query) is None

    def test_compression_that_points_at_itself(self):
        assert self.decode(HEAD % b"\0\1" + b"\xc0\x1e") is None

    @pytest.mark.parametrize("message", [pytest.param(message, id=name) for name, message in bombs()])
    def test_names_that_take_long(self, message):
        """Some seconds to a minute and more, if dnspython were let."""
        assert 60000 < len(message) < 65536
        began = time.process_time()
        response = self.decode(message)
        assert time.process_time() - began < 0.8
        assert response is None or not response.present

    @staticmethod
    def takes_too_long(message):
        began = time.process_time()
        with pytest.raises(codec.MessageFault) as caught:
            codec.decode(message, MX, 1)
        assert time.process_time() - began < 0.8
        assert str(caught.value) in ("answer that takes too long to read", "malformed answer")

    def test_long_names_in_a_short_message(self):
        """Names of 120 labels in 16 KiB took seconds."""
        first = (0xC000 | len(HEAD % b"xx")).to_bytes(2, "big")
        records = record(b"\1a" * 120 + b"\0", 15, b"\0\5" + b"\1a" * 120 + b"\0")
        records += b"".join(record(first, 15, struct.pack("!H", number) + first) for number in range(1000))
        self.takes_too_long(HEAD % b"\3\xe9" + records)

    def test_more_than_one_question_is_no_answer(self):
        question = b"\7example\4test\0\0\x0f\0\1"
        began = time.process_time()
        assert codec.decode(b"\0\1\x81\x80\x03\x84" + bytes(6) + 900 * question, MX, 1) is None
        assert time.process_time() - began < 0.01

    @pytest.mark.parametrize("kind", [1, 15, 300, OPAQUE])
    def test_many_records(self, kind):
        """Also malformed ones, or of types that dnspython looks for in vain."""
        many = [record(b"\xc0\x0c", kind + (number if kind == 300 else 0), b"x") for number in range(5038)]
        self.takes_too_long(HEAD % len(many).to_bytes(2, "big") + b"".join(many))
        began = time.process_time()
        response = self.decode(HEAD % b"\1\xf4" + b"".join(many[:500]))
        assert time.process_time() - began < 0.8
        assert (response.present, response.malformed) == (False, 500 if kind < 300 else 0)
