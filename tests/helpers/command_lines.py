"""Settings from a command line, or the one line of a mistake in it."""

from __future__ import annotations

import pytest

from smtp_status.options.build import settings_from
from smtp_status.options.settings import Settings, UsageError


def made(*argv: str, **environ: str) -> Settings:
    return settings_from(argv, environ)


def fault(*argv: str, **environ: str) -> str:
    with pytest.raises(UsageError) as caught:
        settings_from(argv, environ)
    return str(caught.value)


def rules(*argv: str) -> list[tuple[str, str, str]]:
    return [(rule.stage, rule.what, rule.state) for rule in made(*argv).rules]


def login(*argv: str, **environ: str) -> tuple[str, str | None, str | None, bool]:
    """User, password, mechanism and whether plain text is allowed."""
    credentials = made(*argv, **environ).plan.credentials
    assert credentials is not None
    secret = credentials.secret.value if credentials.secret else None
    return (credentials.user, secret, credentials.mechanism, credentials.plaintext)
