"""The protocol of the core's workers, without a core."""

from __future__ import annotations

import pytest

from smtp_status.resident import worker
from smtp_status.resident.worker import End, Order, Orders, ProtocolError

JOB = b"job_id=7\0type=2\0command=/usr/lib/nagios/plugins/check_smtp_status -H 'a=b'\0timeout=60\0\1\0\0\0"
ORDER = Order(b"7", b"2", 60, b"/usr/lib/nagios/plugins/check_smtp_status -H 'a=b'")


def test_registration():
    assert worker.registration("check_smtp") == (
        b"@wproc register name=smtp_statusd check_smtp;pid=0;max_jobs=100000;plugin=check_smtp\0"
    )


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_jobs_however_they_come(size):
    octets = b"OK\0" + JOB + JOB.replace(b"job_id=7", b"job_id=8")
    orders = Orders()
    got = [order for at in range(0, len(octets), size) for order in orders.feed(octets[at : at + size])]
    assert got == [ORDER, ORDER._replace(number=b"8")]
    assert orders.registered


def test_keys_that_nobody_knows_are_passed_over():
    orders = Orders()
    assert orders.feed(b"OK\0later=1\0" + JOB) == [ORDER]


@pytest.mark.parametrize(
    "octets",
    [
        b"400: No such handler\0",
        b"x" * 2000,
        b"OK\0job_id=1\0type=0\0timeout=60\0\1\0\0\0",
        b"OK\0job_id=1\0type=0\0command=a\0timeout=soon\0\1\0\0\0",
    ],
)
def test_what_is_no_job(octets):
    with pytest.raises(ProtocolError):
        Orders().feed(octets)


def test_answer():
    end = End(1795728265.943499, 1795728265.946708, 256, b"SMTP WARNING - x | time=1.0s;;;0\n")
    assert worker.answer(ORDER, end) == (
        b"job_id=7\0type=2\0timeout=60\0wait_status=256\0start=1795728265.943499\0stop=1795728265.946708\0"
        b"runtime=0.003209\0exited_ok=1\0outerr=\0outstd=SMTP WARNING - x | time=1.0s;;;0\n\0\1\0\0\0"
    )


def test_answer_for_what_timed_out():
    said = worker.answer(ORDER, End(10.0, 69.0, 0, timed_out=True))
    assert b"\0wait_status=0\0" in said
    assert b"\0exited_ok=0\0error_code=62\0" in said


def test_no_octet_of_an_output_ends_a_value():
    assert worker.answer(ORDER, End(1.0, 2.0, 0, b"a\0b\1\0\0\0c")).count(b"\1\0\0\0") == 1
