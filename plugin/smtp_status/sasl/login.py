"""LOGIN (draft-murchison-sasl-login)."""

from __future__ import annotations

from .exchange import Exchange


class LoginMechanism(Exchange):
    """LOGIN (draft-murchison-sasl-login): user, then password, whatever the prompts say.

    Their wording differs between servers, their order does not, and some send them as plain text.
    """

    reads_challenges = False

    def __init__(self, mechanism: str, user: bytes, secret: bytes) -> None:
        super().__init__(mechanism, user, secret)
        self._answers = [user, secret]

    def _respond(self, challenge: bytes) -> bytes:
        if not self._answers:
            raise self._fault("challenge after everything was said")
        return self._answers.pop(0)

    def finish(self, final: bytes | None = None) -> None:
        if self._answers:
            raise self._fault("accepted before the password was asked for")
