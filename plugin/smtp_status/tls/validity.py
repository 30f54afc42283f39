"""How long a certificate is valid, in days and in words."""

from __future__ import annotations

from ..findings import Days

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .certificate import Certificate

DAY = 86400

EPOCH = 719_163
"""The number of 1 January 1970, where that of 1 January of the year 1 is 1."""


def days_left(certificate: Certificate, now: float) -> Days:
    """Whole days until the certificate expires, rounded down: 0 on its last day, -1 once it has expired.

    ``now`` is in seconds since the epoch.
    """
    days = int((certificate.not_after - now) // DAY)
    return Days(days, _expiry(certificate.not_after - now, days), int(certificate.not_after))


def expiry_words(certificate: Certificate, now: float) -> str:
    """How the certificate's dates stand at ``now``, in words that count days as ``days_left`` does; hours or minutes
    within the last day and the first two after it, when it matters who has noticed."""
    if now < certificate.not_before:
        # The day alone would puzzle where only an hour or a clock is wrong.
        words = day(certificate.not_before)
        if certificate.not_before - now < DAY:
            words = f"{words} {_clock(certificate.not_before)} UTC"
        return f"not valid before {words}"
    if day(certificate.not_after) == "9999-12-31":  # RFC 5280 section 4.1.2.5: no well-defined end
        return "never expires"
    return days_left(certificate, now).words


def day(seconds: float) -> str:
    """The date (UTC) of one of a certificate's times, such as ``2027-01-31``."""
    from datetime import date  # noqa: PLC0415 - only -v and bad certificates show a date

    # Not time.gmtime: where time_t has 32 bits it fails on the dates hostile certificates have.
    return date.fromordinal(EPOCH + int(seconds // DAY)).isoformat()


def _clock(seconds: float) -> str:
    minutes, second = divmod(int(seconds % DAY), 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"


def _expiry(left: float, days: int) -> str:
    if left < 0:
        return f"expired {_within(-left) if -left < 2 * DAY else _count(-days, 'day')} ago"
    return f"expires in {_within(left) if left < DAY else _count(days, 'day')}"


def _within(seconds: float) -> str:
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return _count(int(seconds // length), unit)
    return _count(int(seconds), "second")


def _count(count: int, unit: str) -> str:
    return f"1 {unit}" if count == 1 else f"{count} {unit}s"
