"""STARTTLS and the handshake: what the conversation makes of offer, certificate and policy, and the words for it."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from helpers.talk import (
    BARE,
    BYE,
    EHLO,
    EHLO_TLS,
    GO,
    GREETING,
    NOW,
    OK,
    READY,
    SECONDS,
    TARGET,
    TO,
    UP_TO_EHLO,
    Talk,
    closed,
    plan,
    silence,
)
from smtp_status.findings import Address, Failure, Finding, Target
from smtp_status.sasl.credentials import Credentials, Secret
from smtp_status.smtp.actions import Handshake, Secured
from smtp_status.tls.judge import CertificateJudgement
from smtp_status.tls.plan import TlsPlan
from smtp_status.tls.policy import TlsPolicy

SECURE = plan(tls=TlsPlan("starttls"))


class StandIn:
    """Stands for the judge of certificates; notes what it was asked."""

    def __init__(self, *found: Finding, notes: tuple[str, ...] = (), verified: bool = True) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self._judgement = CertificateJudgement(found, notes, verified)

    def judge(self, *of: Any) -> CertificateJudgement:
        self.asked.append(of)
        return self._judgement


STARTTLS = "250-mx1\n250 STARTTLS"
LINK = "TLSv1.3 TLS_AES_256_GCM_SHA384"
UP_TO_TLS = (GREETING, STARTTLS, READY)


@cache
def certificate(first_day: int, last_day: int, name: str = "mx1.example.org") -> bytes:
    """A certificate in DER, valid between days counted from the conversation's now."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.fromtimestamp(NOW, timezone.utc)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1)
    builder = builder.not_valid_before(now + timedelta(days=first_day)).not_valid_after(now + timedelta(days=last_day))
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    return builder.add_extension(names, critical=False).sign(key, SHA256()).public_bytes(Encoding.DER)


def secured(*chain: bytes) -> Secured:
    return Secured(*LINK.split(), chain, SECONDS, 0.0)


def secure(**changes: Any) -> Any:
    return plan(tls=TlsPlan("starttls", **changes))


def of_tls(talk: Talk) -> list[Finding]:
    return [finding for finding in talk.outcome.findings if finding.stage == "tls"]


def test_a_good_certificate():
    talk = Talk(secure(), *UP_TO_TLS, EHLO, BYE, secured=secured(certificate(-1, 30)))
    assert of_tls(talk) == [Finding("tls", "success", cause=LINK, seconds=SECONDS)]
    assert talk.times["tls"] == SECONDS
    assert talk.outcome.tls_days == 30
    assert talk.outcome.details[0] == f"tls: {LINK}"
    assert talk.outcome.details[1] == "certificate subject: CN=mx1.example.org"
    assert talk.outcome.details[4].endswith("expires in 30 days")


def test_without_explanations_the_certificate_is_only_judged():
    talk = Talk(secure()._replace(verbose=0), *UP_TO_TLS, EHLO, BYE, secured=secured(certificate(-1, 30)))
    assert talk.outcome.tls_days == 30
    assert not [line for line in talk.outcome.details if line.startswith("certificate")]


def test_an_expired_certificate_does_not_end_the_conversation_where_it_did_not_end_the_handshake():
    talk = Talk(secure(verify=False), *UP_TO_TLS, EHLO, BYE, secured=secured(certificate(-30, -2)))
    assert of_tls(talk) == [Finding("tls", "expired", cause="certificate expired 2 days ago", seconds=SECONDS)]
    assert talk.outcome.tls_days == -2
    assert talk.verbs == "EHLO STARTTLS EHLO QUIT"


def test_what_a_handshake_went_on_beside_is_said():
    chain = (certificate(-1, 30), certificate(-1, 300, "issuer"))
    found = Finding("tls", "verify", cause="self-signed certificate")
    judge = StandIn(found)
    tolerant = secure(tolerate=frozenset(("verify",)))
    talk = Talk(tolerant, *UP_TO_TLS, EHLO, BYE, secured=secured(*chain), judge=judge)
    assert judge.asked == [(chain, "mx1.example.org", None, NOW)]
    assert of_tls(talk) == [found._replace(seconds=SECONDS)]
    assert talk.verbs == "EHLO STARTTLS EHLO QUIT"


def test_what_is_not_tolerated_ends_the_conversation():
    judge = StandIn(Finding("tls", "name", cause="certificate is for other.example.org, not for mx1.example.org"))
    talk = Talk(secure(afterwards=True), *UP_TO_TLS, BYE, judge=judge)
    assert talk.verbs == "EHLO STARTTLS QUIT"
    assert talk.last.kind == "name"


def test_the_transcript_says_from_where_on_it_was_encrypted():
    transcript = Talk(secure(), *UP_TO_TLS, EHLO, BYE).outcome.transcript
    secured_at = transcript.index(f"=== {LINK}")
    assert transcript[secured_at - 1] == f"<<< {READY}"
    assert transcript[secured_at + 1] == ">>> EHLO probe.example.org"


def test_the_name_asked_for_is_the_one_that_counts():
    judge = StandIn()
    talk = Talk(secure(name="other.example.org"), *UP_TO_TLS, EHLO, BYE, judge=judge)
    assert of_tls(talk) == [Finding("tls", "success", cause=LINK, seconds=SECONDS)]
    assert judge.asked == [((), "other.example.org", None, NOW)]


def test_a_handshake_that_fails_over_the_certificate_shows_it():
    failure = Failure("verify", "self-signed certificate", chain=(certificate(-1, 30),))
    talk = Talk(secure(), *UP_TO_TLS, secured=failure)
    assert talk.last == Finding("tls", "verify", cause="self-signed certificate")
    assert talk.outcome.tls_days == 30
    assert talk.outcome.details[0] == "certificate subject: CN=mx1.example.org"
    assert "tls" not in talk.times


def test_closed_during_the_handshake():
    talk = Talk(secure(), *UP_TO_TLS, secured=closed())
    assert talk.last.cause == "connection closed by the server during the TLS handshake"
    refused = Failure("handshake", "TLS handshake failed: no shared cipher")
    assert Talk(secure(), *UP_TO_TLS, secured=refused).last.cause == "TLS handshake failed: no shared cipher"


def test_inside_tls_plain_is_a_mechanism_like_others():
    login = Credentials("probe", Secret("correct horse"))
    talk = Talk(
        plan(tls=TlsPlan("starttls"), credentials=login),
        *(*UP_TO_TLS, "250-mx1\n250 AUTH PLAIN", "235 2.7.0 ok", BYE),
    )
    assert talk.verbs == "EHLO STARTTLS EHLO AUTH QUIT"


def test_extensions_offered_before_tls_are_gone_where_the_hello_inside_fails():
    talk = Talk(plan(tls=TlsPlan("starttls"), quit_after="ehlo"), *UP_TO_TLS, "250 mx1", BYE)
    assert talk.decisive == Finding("ehlo", "success", (250,), "mx1", seconds=SECONDS)


# -- policies


class Policy:
    """Stands for the policy of a target."""

    server_name = "base.example.org."

    def __init__(self, *, demanded: str = "", without: Any = ()) -> None:
        self.tls_demanded_by = demanded
        self._without = without

    def without_tls(self) -> tuple[Finding, ...]:
        return self._without


OFFERED = plan(tls=TlsPlan("offered"))
REMARK = Finding("sts", "missing", cause="MTA-STS policy (testing): STARTTLS not offered", default="warning")


def test_a_policy_that_is_kept():
    policy, judge = Policy(), StandIn(notes=("TLSA 3 1 1 matched", "MTA-STS enforce valid"))
    chain = (certificate(-30, -2),)  # neither dates nor names are looked at by anybody else
    talk = Talk(OFFERED, *UP_TO_TLS, EHLO, BYE, secured=secured(*chain), policy=policy, judge=judge)
    words = f"{LINK}, TLSA 3 1 1 matched, MTA-STS enforce valid"
    assert of_tls(talk) == [Finding("tls", "success", cause=words, seconds=SECONDS)]
    assert talk.outcome.notes == ("TLSA 3 1 1 matched", "MTA-STS enforce valid")
    assert judge.asked == [(chain, "base.example.org", policy, NOW)]
    assert Handshake(OFFERED.tls, "base.example.org") in talk.actions


def test_nobody_asked_for_verification_and_the_row_says_so():
    talk = Talk(OFFERED, *UP_TO_TLS, EHLO, BYE, policy=Policy(), judge=StandIn(verified=False))
    assert of_tls(talk) == [Finding("tls", "success", cause=f"{LINK}, not verified", seconds=SECONDS)]


def test_a_policy_that_is_broken_ends_the_conversation():
    broken = Finding("tls", "verify", cause="DANE: no TLSA record matches the certificate")
    talk = Talk(OFFERED, *UP_TO_TLS, BYE, policy=Policy(), judge=StandIn(broken))
    assert of_tls(talk) == [broken._replace(seconds=SECONDS)]
    assert talk.verbs == "EHLO STARTTLS QUIT"


def test_a_policy_that_has_only_a_remark_does_not():
    remark = Finding("sts", "policy", cause="MTA-STS policy (testing): wrong name", default="warning")
    talk = Talk(OFFERED, *UP_TO_TLS, EHLO, BYE, policy=Policy(), judge=StandIn(remark))
    assert remark in talk.outcome.findings
    assert of_tls(talk)[0].succeeded
    assert talk.verbs == "EHLO STARTTLS EHLO QUIT"


def test_a_policy_that_demands_tls_where_none_is_offered():
    talk = Talk(OFFERED, GREETING, EHLO, BYE, policy=Policy(demanded="DANE"))
    assert talk.decisive == Finding("starttls", "missing", cause="STARTTLS not offered, but DANE demands it")


def test_a_policy_that_remarks_on_tls_not_offered():
    talk = Talk(OFFERED, GREETING, EHLO, BYE, policy=Policy(without=(REMARK,)))
    assert REMARK in talk.outcome.findings
    assert talk.verbs == "EHLO QUIT"


def test_no_tls_offered_and_nobody_demands_it():
    talk = Talk(OFFERED, GREETING, EHLO, BYE)
    assert talk.stages == [("connect", "success"), ("banner", "success"), ("ehlo", "success"), ("quit", "success")]


def test_starttls_missing_without_a_policy():
    talk = Talk(secure(), GREETING, EHLO, BYE)
    assert talk.decisive == Finding("starttls", "missing", cause="STARTTLS not offered")


def test_starttls_forgets_what_was_said_before():
    talk = Talk(plan(TO, tls=TlsPlan("starttls")), GREETING, EHLO_TLS, READY, BARE, OK, OK, GO, OK, BYE)
    assert talk.verbs == "EHLO STARTTLS EHLO MAIL RCPT DATA <message> QUIT"
    assert talk.commands[3] == "MAIL FROM:<from@example.org>"
    assert talk.times["ehlo"] == 2 * SECONDS
    assert [stage for stage, _ in talk.stages][:6] == ["connect", "banner", "ehlo", "starttls", "tls", "ehlo"]
    assert talk.outcome.findings[4].cause == "TLSv1.3 TLS_AES_256_GCM_SHA384"


def test_auth_offered_before_tls_does_not_count():
    wanted = SECURE._replace(credentials=Credentials("user", Secret("pencil")))
    talk = Talk(wanted, GREETING, EHLO_TLS, READY, BARE, BYE)
    assert talk.last == Finding("auth", "missing", cause="AUTH not offered")


def test_handshake_is_asked_for_by_name():
    talk = Talk(SECURE, GREETING, EHLO_TLS, READY, BARE, BYE)
    assert Handshake(SECURE.tls, "mx1.example.org") in talk.actions
    named = plan(tls=TlsPlan("ssl", name="mail.example.net"))
    assert Talk(named, *UP_TO_EHLO, BYE).actions[1] == Handshake(named.tls, "mail.example.net")
    dotted = Talk(SECURE, GREETING, EHLO_TLS, READY, BARE, BYE, target=TARGET._replace(host="mx1.example.org."))
    assert Handshake(SECURE.tls, "mx1.example.org") in dotted.actions


def test_starttls_not_offered():
    talk = Talk(SECURE, *UP_TO_EHLO, BYE)
    assert talk.last == Finding("starttls", "missing", cause="STARTTLS not offered")
    assert talk.verbs == "EHLO QUIT"


@pytest.mark.parametrize(
    ("answer", "kind"), [("454 no TLS now", "failure"), ("501 what?", "error"), ("250 fine", "protocol")]
)
def test_starttls_refused(answer, kind):
    talk = Talk(SECURE, GREETING, EHLO_TLS, answer, BYE)
    assert (talk.last.stage, talk.last.kind) == ("starttls", kind)
    assert talk.verbs == "EHLO STARTTLS QUIT"


def test_plain_text_behind_starttls():
    injected = Failure("protocol", "data in plain text before the TLS handshake", (b"250 injected",))
    talk = Talk(SECURE, GREETING, EHLO_TLS, READY, secured=injected)
    assert talk.last == Finding(
        "starttls", "protocol", text="250 injected", cause="data in plain text before the TLS handshake"
    )
    assert "starttls" not in talk.times
    assert talk.verbs == "EHLO STARTTLS"


def test_handshake_fails():
    failure = Failure("handshake", "TLS handshake failed: no shared cipher")
    talk = Talk(SECURE, GREETING, EHLO_TLS, READY, secured=failure)
    assert talk.last == Finding("tls", "handshake", cause="TLS handshake failed: no shared cipher")
    assert talk.times["starttls"] == SECONDS
    assert "tls" not in talk.times
    assert "QUIT" not in talk.verbs


def test_alert_after_the_handshake_is_of_stage_tls():
    alert = Failure("handshake", "TLS handshake failed: certificate required")
    talk = Talk(plan(tls=TlsPlan("ssl")), alert)
    assert talk.last == Finding("tls", "handshake", cause="TLS handshake failed: certificate required")
    assert "tls" not in talk.times
    assert "QUIT" not in talk.verbs


@pytest.mark.parametrize(
    ("stage", "script", "verbs"),
    [
        ("ehlo", (GREETING, EHLO_TLS, READY, BARE, BYE), "EHLO STARTTLS EHLO QUIT"),
        ("starttls", (GREETING, EHLO_TLS, READY), "EHLO STARTTLS"),
        ("tls", (GREETING, EHLO_TLS, READY, BYE), "EHLO STARTTLS QUIT"),
    ],
)
def test_quit_after_with_starttls(stage, script, verbs):
    assert Talk(SECURE._replace(quit_after=stage), *script).verbs == verbs


def test_tls_from_the_first_byte():
    talk = Talk(plan(tls=TlsPlan("ssl")), *UP_TO_EHLO, BYE)
    assert [type(action).__name__ for action in talk.actions[:3]] == ["Connect", "Handshake", "Ask"]
    assert talk.verbs == "EHLO QUIT"
    stopping = plan(tls=TlsPlan("ssl"), quit_after="tls")
    for heard in (GREETING, "554 no", silence(waited=2.0)):
        talk = Talk(stopping, heard)
        assert (talk.verbs, talk.limits, talk.stages[-1]) == ("", [2.0], ("tls", "success"))


ALERT = Failure("handshake", "TLS connection failed: alert certificate required (the server wants one of ours)")


@pytest.mark.parametrize("failure", [ALERT, closed()])
@pytest.mark.parametrize(
    ("tls", "script", "before"),
    [
        (TlsPlan("ssl"), (), "before the greeting"),
        (TlsPlan("starttls"), (GREETING, EHLO_TLS, READY), "before the reply to QUIT"),
    ],
    ids=["ssl", "starttls"],
)
def test_a_refusal_behind_the_handshake_is_tls(tls, script, before, failure):
    """TLS 1.3: the server looks at our certificate when we are through; also where the run was to end there."""
    talk = Talk(plan(tls=tls, quit_after="tls"), *script, failure)
    assert (talk.last.stage, talk.last.kind) == ("tls", failure.kind)
    assert talk.last.cause == (failure.cause if failure == ALERT else f"{failure.cause} {before}")


def test_unverified_tls_says_so():
    talk = Talk(plan(tls=TlsPlan("ssl", verify=False)), *UP_TO_EHLO, BYE)
    assert talk.outcome.findings[1].cause == "TLSv1.3 TLS_AES_256_GCM_SHA384, not verified"


def test_starttls_where_offered():
    wanted = plan(tls=TlsPlan("offered"))
    assert Talk(wanted, *UP_TO_EHLO, BYE).verbs == "EHLO QUIT"
    assert Talk(wanted, GREETING, EHLO_TLS, READY, BARE, BYE).verbs == "EHLO STARTTLS EHLO QUIT"


@pytest.mark.parametrize("stage", ["starttls", "tls"])
def test_the_run_ends_where_the_stage_to_stop_after_would_be(stage):
    """With a policy asked for, TLS is used where it is offered; where it is not, the message must not be sent."""
    stopping = plan(TO, tls=TlsPlan("offered"), quit_after=stage)
    talk = Talk(stopping, GREETING, EHLO, BYE, policy=TlsPolicy("mx1.example.org"))
    assert talk.verbs == "EHLO QUIT"


def test_the_zone_of_an_address_is_no_part_of_its_name():
    """RFC 4007 section 11: it means something on this machine only; no certificate can have it."""
    address = Address(socket.AF_INET6, ("fe80::1", 465, 0, 2), "fe80::1", 465)
    target = Target("fe80::1%eth0", (address,))
    talk = Talk(plan(tls=TlsPlan("ssl")), closed(), target=target)
    (handshake,) = [action for action in talk.actions if isinstance(action, Handshake)]
    assert handshake.name == "fe80::1"
