"""Who logs in, and the secret that proves it."""

from __future__ import annotations

from ..record import NamedTuple


class Secret:
    """A password or token that no ``repr``, ``str`` or traceback shows."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "Secret(***)"


class Credentials(NamedTuple):
    """Who logs in.  ``mechanism`` None: the strongest both sides know.  ``plaintext`` allows PLAIN, LOGIN and the
    OAuth mechanisms over an unprotected connection that leaves this machine."""

    user: str
    secret: Secret | None
    mechanism: str | None = None
    plaintext: bool = False
