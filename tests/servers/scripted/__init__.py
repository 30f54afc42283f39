"""A server that plays a script on the wire and records everything the client sent.

The script language, usable wherever an *action* is asked for:

- ``b"250 ok\\r\\n"``: send these bytes, at once;
- ``Drip(data, size, interval)``, ``Split(data, 3, 7, pause=0.05)``: send them in pieces;
- ``Line()``, ``Read(n)``, ``Message()``, ``Eof()``: read a line, n bytes, a message up to its final dot, the
  end;
- ``Sleep(s)``, ``Silence()`` (read and never answer), ``Deaf()`` (never read again);
- ``StartTls(context)``; for garbage instead of a handshake ``Read(1)`` and then some bytes;
- ``Close()``, ``HalfClose()``, ``Reset()``;
- a list or tuple: all of these in order; a function of the session: the action it returns; None: nothing;
- ``Turns(a, b)``: a the first time it is played in a session, b from then on.

``SmtpScript`` is a correct small SMTP or LMTP server in which each stage's action can be replaced.
"""

from __future__ import annotations

from .binding import BoundScram
from .sasl import Auth, Raw, cram_md5, login, oauth, plain, scram
from .server import ScriptedServer
from .session import Session
from .smtp import SmtpScript
from .steps import (
    Action,
    Close,
    Deaf,
    Drip,
    Eof,
    HalfClose,
    Line,
    Message,
    Read,
    Reset,
    Silence,
    Sleep,
    Split,
    StartTls,
    Turns,
    play,
)

__all__ = [
    "Action",
    "Auth",
    "BoundScram",
    "Close",
    "Deaf",
    "Drip",
    "Eof",
    "HalfClose",
    "Line",
    "Message",
    "Raw",
    "Read",
    "Reset",
    "ScriptedServer",
    "Session",
    "Silence",
    "Sleep",
    "SmtpScript",
    "Split",
    "StartTls",
    "Turns",
    "cram_md5",
    "login",
    "oauth",
    "plain",
    "play",
    "scram",
]
