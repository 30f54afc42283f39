"""XOAUTH2 and OAUTHBEARER (RFC 7628): access tokens in the place of passwords."""

from __future__ import annotations

from .exchange import Exchange


class Token(Exchange):
    """XOAUTH2 and OAUTHBEARER: a challenge is an error message, to be acknowledged (RFC 7628 section 3.2)."""

    _refused = False

    def _respond(self, challenge: bytes) -> bytes:
        if self._refused:
            raise self._fault("challenge after an error message")
        self._refused = True
        self.explanation = _explain(challenge)
        return b"" if self.mechanism == "XOAUTH2" else b"\x01"

    def finish(self, final: bytes | None = None) -> None:
        if self._refused:
            raise self._fault("accepted after an error message")


def check(token: str) -> None:
    """Raises ValueError, which shows nothing of it, for what cannot be a token (RFC 6750 section 2.1)."""
    bare = token.rstrip("=")
    if bare and not bare.translate(_ALLOWED):
        return
    if token[:1] == "\ufeff":
        reason = "it begins with a byte order mark"
    elif token[:7].lower() == "bearer ":
        reason = "Bearer in front of it does not belong to it"
    elif token[:1] in ("'", '"') and token[-1:] == token[:1]:
        reason = "the quotes around it do not belong to it"
    elif token.lstrip()[:1] in ("{", "["):
        reason = "it is JSON; take the value of access_token"
    elif token != token.strip():
        reason = "there are blanks around it"
    else:
        reason = "it holds characters that no token has"
    raise ValueError(f"the token cannot be one: {reason}")


_ALLOWED = {ord(char): None for char in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"}


def _explain(challenge: bytes) -> str:
    """The words in a token mechanism's error message (RFC 7628 section 3.2.2), else the message itself."""
    import json  # noqa: PLC0415 - only when a token was refused

    text = challenge.decode("utf-8", "backslashreplace")
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):  # RecursionError: brackets nested without end
        return text
    if not isinstance(told, dict):
        return text
    words = [
        f"{key} {told[key]}"
        for key in ("status", "error", "error_description", "scope")
        if isinstance(told.get(key), (str, int)) and told[key] != ""
    ]
    # JSON can spell half of a surrogate pair, which no output can encode.
    return ", ".join(words).encode("utf-8", "backslashreplace").decode("utf-8") or text
