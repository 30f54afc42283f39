"""CRAM-MD5 (RFC 2195)."""

from __future__ import annotations

from .exchange import Exchange


class CramMd5(Exchange):
    """CRAM-MD5 (RFC 2195)."""

    _answered = False

    def _respond(self, challenge: bytes) -> bytes:
        if self._answered:
            raise self._fault("challenge after everything was said")
        if not challenge:
            raise self._fault("challenge is empty")
        import hashlib  # noqa: PLC0415 - loads OpenSSL's hashes, needed by few checks
        import hmac  # noqa: PLC0415 - as hashlib

        def md5(data: bytes = b"") -> hashlib._Hash:
            # Without this flag a host in FIPS mode has no MD5; the mechanism leaves no other choice of hash.
            return hashlib.md5(data, usedforsecurity=False)

        self._answered = True
        digest = hmac.new(self._secret, challenge, md5).hexdigest().encode()
        self._hide(digest)
        return self._user + b" " + digest

    def finish(self, final: bytes | None = None) -> None:
        if not self._answered:
            raise self._fault("accepted without a challenge")
