"""The ServerKeyExchange message of TLS 1.2 and below (RFC 5246 section 7.4.3), looked at before OpenSSL works with it.

To answer a Diffie-Hellman prime of 10,000 bits takes OpenSSL a second in which nothing ends it, and fifteen servers
take fifteen.
"""

from __future__ import annotations

MOST_BITS = 4096
"""Bits of a Diffie-Hellman prime that is answered, in less than a tenth of a second."""

_HANDSHAKE = 22  # content type, section 6.2.1
_RECORD_HEADER, _MESSAGE_HEADER = 5, 4  # octets
_SERVER_KEY_EXCHANGE, _SERVER_HELLO_DONE = 12, 14
_LONGEST = 16 * 1024
"""Octets of the message; one with 10,000 bits and a signature has 4 KiB."""


class KeyExchangeWatch:
    """Follows what a server sends in a handshake, as far as it is in clear text.

    ``done``: nothing more is to be looked at.
    """

    def __init__(self) -> None:
        self.done = False
        self._records = bytearray()
        self._messages = bytearray()
        self._to_skip = 0  # octets of a message nobody is interested in

    def feed(self, data: bytes) -> int:
        """Take octets as they came; the bits of a prime beyond MOST_BITS, else 0."""
        self._records += data
        position = 0
        while not self.done and len(self._records) - position >= _RECORD_HEADER:
            start = position + _RECORD_HEADER
            end = start + int.from_bytes(self._records[start - 2 : start], "big")
            if self._records[position] != _HANDSHAKE:  # all that follows is encrypted, or an alert
                self.done = True
            elif end > len(self._records):
                break
            else:
                self._messages += self._records[start:end]
                bits = self._look()
                if bits:
                    return bits
            position = end
        del self._records[:position]
        return 0

    def _look(self) -> int:
        while not self.done:
            skipped = min(self._to_skip, len(self._messages))
            del self._messages[:skipped]
            self._to_skip -= skipped
            if self._to_skip or len(self._messages) < _MESSAGE_HEADER:
                return 0
            kind, length = self._messages[0], int.from_bytes(self._messages[1:_MESSAGE_HEADER], "big")
            if kind != _SERVER_KEY_EXCHANGE:
                self.done = kind == _SERVER_HELLO_DONE
                self._to_skip = _MESSAGE_HEADER + length
                continue
            if length <= _LONGEST and len(self._messages) < _MESSAGE_HEADER + length:
                return 0
            self.done = True
            return _excess(bytes(self._messages[_MESSAGE_HEADER : _MESSAGE_HEADER + length]))
        return 0


def _excess(body: bytes) -> int:
    """The bits of the Diffie-Hellman prime in a ServerKeyExchange where they are more than MOST_BITS.

    With elliptic curves the message begins with the octet 3 and the number of the curve, which would be a prime of 768
    octets and more: then behind it there are no generator and no public value.
    """
    position = 0
    values = []
    for _ in range(3):
        size = int.from_bytes(body[position : position + 2], "big")
        values.append(body[position + 2 : position + 2 + size])
        position += 2 + size
        if not size or position > len(body):
            return 0
    bits = int.from_bytes(values[0], "big").bit_length()
    return bits if bits > MOST_BITS else 0
