"""From the command line to the credentials of a conversation: who logs in, and where that must not be tried."""

from __future__ import annotations

from ..sasl import mechanisms
from ..sasl.credentials import Credentials, Secret
from . import files, hosts
from .settings import UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..smtp.plan import Plan
    from ..tls.plan import TlsPlan
    from .commandline import Arguments, Use

USER_LIMIT = 255
"""Octets of a user name (RFC 4616 section 2)."""

KEY_LEAST = 16
"""Octets of a key: whoever gets one sealed message can try short ones until one fits."""

SECRET_LIMIT = 8192
"""Octets of a password or token, so that AUTH's lines keep their 12288 (RFC 4954 section 4)."""


def credentials(given: Arguments, environ: Mapping[str, str], tls: TlsPlan) -> Credentials | None:
    """Who logs in, None where nobody does.  Reads the file with the password.  Raises UsageError."""
    named, user = given.last("authtype"), given.last("authuser")
    if user is not None and not user.text and (named is None or named.text.upper() not in mechanisms.SECRETLESS):
        user = None
    if user is None:
        for use in (named, given.last("authpass"), given.last("authpass-file")):
            if use is not None:
                raise use.fault("takes --authuser as well")
        return None
    mechanism = None if named is None else named.read(_mechanism)
    if len(user.text.encode()) > USER_LIMIT:
        raise user.fault(f"takes at most {USER_LIMIT} octets")
    secretless = mechanism in mechanisms.SECRETLESS
    password = None if secretless else secret(given, environ, "authpass", "SMTP_STATUS_AUTHPASS")
    by_certificate = secretless or (mechanism is None and tls.client_cert is not None)
    if password is None and not by_certificate:
        raise user.fault("takes a password as well: --authpass-file, --authpass or SMTP_STATUS_AUTHPASS")
    login = Credentials(user.text, password, mechanism, given.has("auth-plaintext"))
    if named is not None and mechanism is not None:
        if mechanism in mechanisms.PLUS and tls.mode == "off":
            raise named.fault(f"{mechanism} takes TLS as well: --starttls or --ssl")
        try:
            mechanisms.start(mechanism, login, "localhost", 25, b"nonce")
        except ValueError as error:
            raise named.fault(f"{mechanism} cannot be used: {error}") from None
    return login


def secret(given: Arguments, environ: Mapping[str, str], option: str, variable: str) -> Secret | None:
    """The first there is of argument, file, environment and ini file; ``option`` is that of the argument, with
    ``-file`` behind it that of the file.  Raises UsageError."""
    uses = given.all(option)
    argument = next((use for use in reversed(uses) if not use.origin), None)
    if argument is not None:
        return _checked_secret(argument, argument.text)
    file = given.last(f"{option}-file")
    if file is not None:
        return _checked_secret(file, _first_line(file))
    if environ.get(variable):
        return _checked_secret(None, environ[variable], variable)
    return _checked_secret(uses[-1], uses[-1].text) if uses else None


def key_in(file: Use) -> Secret:
    """The key that a file holds on one line.  Raises UsageError."""
    line = _first_line(file)
    if len(line.encode()) < KEY_LEAST:
        raise file.fault(f"takes a key of at least {KEY_LEAST} octets")
    return _checked_secret(file, line)


def _first_line(file: Use) -> str:
    """What the file holds, without a line end or the byte order mark editors put in front; no reason given shows any
    of it."""
    try:
        content = files.read_regular(file.text, SECRET_LIMIT + 5)
        line = content[:-1] if content.endswith(b"\n") else content
        return (line[:-1] if line.endswith(b"\r") else line).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise file.fault("takes a file in UTF-8") from None
    except (OSError, ValueError) as error:
        raise file.fault(f"cannot read {shown(file.text)}: {files.reason(error)}") from None


def _checked_secret(use: Use | None, text: str, variable: str = "") -> Secret:
    reason = ""
    if not text:
        reason = "takes a password, not an empty one"
    elif not _is_utf8(text) or any(char < " " or char == "\x7f" for char in text):
        reason = "takes a password on one line, in UTF-8 and without control characters"
    elif len(text.encode()) > SECRET_LIMIT:
        reason = f"takes a password of at most {SECRET_LIMIT} octets"
    if reason:
        raise UsageError(f"{variable} {reason}") if use is None else use.fault(reason)
    return Secret(text)


def plaintext_refusal(made: Plan, peer: str) -> UsageError | None:
    """Why AUTH as planned must not be tried with ``peer``, the address or socket path connected to.

    A mechanism named by ``--authtype`` that shows the secret to whoever can read the connection is refused before
    anything is sent, unless TLS is required, the connection stays on this machine or ``--auth-plaintext`` is given.
    """
    login = made.credentials
    if login is None or login.mechanism is None or login.plaintext or made.tls.mode in {"starttls", "ssl"}:
        return None
    if login.mechanism not in mechanisms.PLAINTEXT or hosts.is_path(peer) or hosts.is_loopback(peer):
        return None
    return UsageError(
        f"--authtype {login.mechanism} would send the password readable to {shown(peer)}:"
        " use --starttls, --ssl or --auth-plaintext"
    )


def _mechanism(text: str) -> str:
    if text.upper() not in mechanisms.STRENGTH:
        raise ValueError(f"takes no {shown(text)}, but {mechanisms.listed(mechanisms.STRENGTH)}")
    return text.upper()


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
