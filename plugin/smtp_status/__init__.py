"""check_smtp_status: a Nagios and Icinga plugin that takes a mail through an SMTP server and times it."""

from __future__ import annotations

__version__ = "0.2.0"
