"""AUTH (RFC 4954): which mechanism is taken, the commands of one authentication, and what its replies mean."""

from __future__ import annotations

from ..sasl import mechanisms
from ..sasl.exchange import AuthFault, decode_challenge, encode
from ..text import clean
from . import replies
from .farewell import FAREWELL_SECONDS
from .session import Over, reply_to

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..sasl.binding import Binding
    from ..sasl.exchange import Exchange
    from .actions import Answered
    from .replies import Reply
    from .session import Session, Steps

MAX_AUTH_COMMAND = 512
"""Octets of an AUTH command with its initial response (RFC 4954 section 4, RFC 5321 section 4.5.3.1.4)."""

REJECTED = 535
"""The credentials are not good (RFC 4954 section 6)."""

MEANINGS = {
    432: "password transition needed",
    454: "temporary authentication failure",
    500: "command or response too long or not understood",
    501: "response malformed or exchange cancelled",
    502: "authentication not implemented",
    503: "authentication not permitted at this point",
    504: "mechanism not supported",
    534: "a stronger mechanism or an app password is wanted",
    535: "credentials rejected",
    538: "encryption required for this mechanism",
}
"""What a reply code to AUTH means, in an operator's words (RFC 4954 sections 4 and 6).

530 is not among them: elsewhere it asks for a login, but in answer to AUTH for TLS (RFC 3207 section 4).
"""


def meaning(reply: Reply) -> str:
    """What the code of a reply to AUTH means; '' where there is nothing to add to the server's own words."""
    words = MEANINGS.get(reply.code, "")
    return "" if words.encode() in b" ".join(reply.texts).lower() else words


def authenticate(session: Session) -> Steps[None]:
    """Log in as the plan says; the conversation is over where that fails."""
    credentials = session.plan.credentials
    assert credentials is not None and session.link is not None
    offered = session.extensions.get("AUTH", "").upper().split()
    handshake = session.handshake
    binding = None if handshake is None else mechanisms.bind(offered, handshake.unique, handshake.chain)
    mechanism = mechanisms.choose(
        offered,
        credentials.mechanism,
        protected=session.secured or session.link.address.stays_here,
        plaintext=credentials.plaintext,
        has_secret=credentials.secret is not None,
        has_client_cert=session.plan.tls.client_cert is not None,
        binding=binding,
    )
    if mechanism is None:
        if _lacks_binding(session, offered, binding):
            from ..sasl.binding import NONE  # noqa: PLC0415 - hardly any certificate is like that

            session.lack("auth", f"{NONE}, offered: {clean(' '.join(offered))}", "unknown")
        session.lack("auth", _why_no_mechanism(session, offered))
    try:
        port = session.link.address.port
        exchange = mechanisms.start(mechanism, credentials, session.tls_name, port, binding=binding)
    except ValueError as error:
        session.lack("auth", str(error))
    # Besides the password as the user gave it: SASLprep may have changed it.
    session.observations.hide(exchange.secrets, exchange.sent)
    answer = yield from _sasl(session, exchange)
    explanation = session.observations.shown(exchange.explanation)
    words = meaning(answer.reply)
    default = ""
    column = "protocol" if answer.early else replies.judge("AUTH", answer.reply.code)
    if column == "success":
        words = mechanism
    elif column == "protocol":
        words = f"not a {reply_to(f'AUTH {mechanism}')}"
    else:
        words = ": ".join(filter(None, (mechanism, words, explanation)))
        if answer.reply.code == REJECTED:
            hint = _others(mechanism, offered)
            words += hint
            if binding is not None and mechanism in mechanisms.PLUS:
                from ..sasl.binding import refusal, refusal_state  # noqa: PLC0415 - few servers have such mechanisms

                words = refusal(mechanism, binding, exchange.explanation, hint) or words
                default = refusal_state(binding, exchange.explanation)
    session.observations.add_reply("auth", column, answer, words, default=default)
    if column != "success":
        raise Over
    session.reached("auth")


def _sasl(session: Session, exchange: Exchange) -> Steps[Answered]:
    """The commands of one authentication; the reply that ended it."""
    verb = f"AUTH {exchange.mechanism}"
    command = verb.encode("ascii")
    initial = exchange.initial
    whole = command + b" " + (encode(initial or b"") or b"=")
    if initial is None or len(whole) + 2 > MAX_AUTH_COMMAND:
        answer = yield from session.command("auth", verb, command)
    else:
        initial = None
        answer = yield from session.command("auth", verb, whole, command + b" ***")
    try:
        while answer.reply.code == replies.CONTINUE:
            challenge = decode_challenge(b"".join(answer.reply.texts)) if exchange.reads_challenges else b""
            response, initial = initial, None
            if response is None:
                response = exchange.respond(challenge)
            elif challenge:
                raise AuthFault(f"{exchange.mechanism} challenge before the initial response")
            session.observations.hide(exchange.secrets, exchange.sent)
            answer = yield from session.command("auth", verb, encode(response), b"***")
        if replies.judge("AUTH", answer.reply.code) == "success":
            if initial is not None:
                raise AuthFault(f"{exchange.mechanism} accepted before the response was sent")
            exchange.finish(b" ".join(answer.reply.texts))
    except AuthFault as fault:
        named = fault.cause.startswith(exchange.mechanism)
        cause = fault.cause if named else f"{exchange.mechanism} {fault.cause}"
        session.observations.add_reply("auth", "protocol", answer, cause)
        if answer.reply.code == replies.CONTINUE:
            yield from session.attempt("*", FAREWELL_SECONDS)  # the only way out of an exchange (RFC 4954 section 4)
        raise Over from None
    return answer


def _others(mechanism: str, offered: list[str]) -> str:
    """A server that keeps passwords hashed can never check a response made of the password itself, and offers such
    mechanisms all the same.  Without channel binding the binding cannot be what is wrong."""
    if mechanism in mechanisms.PLAINTEXT | mechanisms.SECRETLESS:
        return ""
    others: list[str] = [name for name in ("PLAIN", "LOGIN") if name in offered]
    if mechanism in mechanisms.PLUS:
        unbound = mechanism.partition("-PLUS")[0]
        others = [unbound] if unbound in offered else others[:1]
        return f"; -A {others[0]}?" if others else ""
    if not others:
        return ""
    return f"; {' and '.join(others)} {'are' if others[1:] else 'is'} offered too: -A?"


def _lacks_binding(session: Session, offered: list[str], binding: Binding | None) -> bool:
    """Whether there is a mechanism in common that only wants a binding, in spite of TLS."""
    credentials = session.plan.credentials
    if not session.secured or binding is not None or credentials is None or credentials.secret is None:
        return False
    names = offered if credentials.mechanism is None else {credentials.mechanism}.intersection(offered)
    return not mechanisms.PLUS.isdisjoint(names)


def _why_no_mechanism(session: Session, offered: list[str]) -> str:
    wanted = session.plan.credentials.mechanism if session.plan.credentials else None
    if not offered:
        from .hints import instead  # noqa: PLC0415 - only where nobody can log in

        came = instead(session)
        if came:
            return f"AUTH not offered; {came}"
        hint = ", STARTTLS is: -S?" if not session.secured and "STARTTLS" in session.extensions else ""
        return f"AUTH not offered{hint}"
    listed = clean(" ".join(offered))
    if wanted is not None and wanted not in offered:
        return f"{wanted} not offered, only {listed}"
    # Of mechanisms that take a token none is taken unasked, with TLS or without.
    untold = mechanisms.PLAINTEXT if wanted is not None else mechanisms.PLAINTEXT - mechanisms.TOKEN
    if not session.secured and untold.intersection(offered):
        hint = "STARTTLS is offered: -S?" if "STARTTLS" in session.extensions else "another port? --auth-plaintext?"
        return f"without TLS no mechanism offered hides the password ({listed}); {hint}"
    if not session.secured and mechanisms.PLUS.intersection(offered if wanted is None else (wanted,)):
        hint = "; STARTTLS is offered: -S?" if "STARTTLS" in session.extensions else ""
        return f"channel binding takes TLS, offered: {listed}{hint}"
    return mechanisms.without_password(offered, listed, "-A")
