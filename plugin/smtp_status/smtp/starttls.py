"""STARTTLS (RFC 3207) and the handshake, also from the first byte: what TLS adds to a conversation."""

from __future__ import annotations

from ..findings import Failure, Finding
from ..tls import peer, validity
from ..tls.judge import Judge
from .actions import Ask, Handshake, Secured
from .farewell import FAREWELL_SECONDS
from .opening import hello
from .session import Over

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .session import Session, Steps


def secure(session: Session, now: float, judge: Judge | None) -> Steps[None]:
    """TLS as the plan wants it, at once or by STARTTLS; the conversation is over where it is not to be had.

    ``now``: seconds since the epoch.  ``judge``: of certificates, None for one of this conversation's own.
    """
    if judge is None:
        judge = Judge(session.plan.tls)
    if session.plan.tls.mode == "ssl":
        yield from _handshake(session, now, judge)
        return
    if "STARTTLS" not in session.extensions:
        _without(session)
        return
    yield from session.must("starttls", "STARTTLS", b"STARTTLS")
    session.reached("starttls")
    yield from _handshake(session, now, judge)
    # What was said in plain text may be an attacker's (RFC 3207 section 4.2).
    session.extensions = {}
    yield from hello(session)


def _without(session: Session) -> None:
    """STARTTLS is not offered: go on where nobody demands it."""
    policy = session.policy
    demanded = policy.tls_demanded_by if policy is not None else ""
    if session.plan.tls.mode != "offered" or demanded:
        from .hints import instead  # noqa: PLC0415 - only where TLS is not to be had

        came = instead(session)
        lacking = "STARTTLS not offered" + (f", but {demanded} demands it" if demanded else "")
        missing = Finding("starttls", "missing", cause=f"{lacking}; {came}" if came else lacking)
        session.observations.findings.append(missing)
        # Who asks for TLS himself does not go on without it, whatever is called harmless.
        if session.plan.tls.mode != "offered" or not session.tolerates(missing):
            raise Over
    session.observations.findings.extend(policy.without_tls() if policy is not None else ())
    session.reached("starttls")
    session.reached("tls")


def _handshake(session: Session, now: float, judge: Judge) -> Steps[None]:
    plan = session.plan.tls
    observations = session.observations
    result = yield Handshake(plan, session.tls_name)
    observations.decided = result.at
    if isinstance(result, Failure):
        _describe(session, result.chain, now)
        # Plain text behind the 220 is STARTTLS's fault, not that of a handshake that never began.
        stage = "starttls" if result.kind == "protocol" and "starttls" in observations.times else "tls"
        during = " during the TLS handshake" if result.kind == "closed" else ""
        session.fail(stage, result, result.cause + during)
    assert isinstance(result, Secured)
    session.secured, session.handshake = True, result
    session.may_command = plan.mode != "ssl"
    words = f"{result.version} {result.cipher}"
    observations.times["tls"] = result.seconds
    observations.details.append(f"tls: {words}")
    observations.tell_secured(words)
    _describe(session, result.chain, now)
    judgement = judge.judge(result.chain, session.tls_name, session.policy, now)
    observations.notes.extend(judgement.notes)
    found = [_timed(finding, result.seconds) for finding in judgement.findings]
    if all(finding.stage != "tls" for finding in found):
        verified = () if judgement.verified else ("not verified",)
        observations.add_success("tls", result.seconds, ", ".join((words, *judgement.notes, *verified)))
    observations.findings.extend(found)
    # With --no-verify and no policy the date alone is judged, and nobody wants to be kept away by it.
    if (plan.verify or session.policy is not None) and not all(map(session.tolerates, found)):
        raise Over
    if plan.mode == "ssl" and session.plan.quit_after == "tls":
        # Its greeting is the proof that it is content with our side (``Session.refused_after_handshake``).
        answer = yield Ask(limit=FAREWELL_SECONDS, strict=False)
        if isinstance(answer, Failure) and session.refused_after_handshake(answer):
            session.fail("tls", answer, session.cause("connection", answer))
    session.reached("tls")


def _timed(finding: Finding, seconds: float) -> Finding:
    return finding._replace(seconds=seconds) if finding.stage == "tls" else finding


def _describe(session: Session, chain: tuple[bytes, ...], now: float) -> None:
    """Put down what the output tells of the peer's own certificate, where there is one to be read."""
    certificate = peer.leaf(chain)
    if certificate is not None:
        if session.plan.verbose:
            session.observations.details.extend(peer.describe(certificate, now))
        session.observations.tls_days = validity.days_left(certificate, now)
