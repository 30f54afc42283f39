"""The one judge of certificates: what was asked for is judged whatever policy there is, and a policy only adds."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from smtp_status.findings import Finding
from smtp_status.tls import context
from smtp_status.tls.judge import CertificateJudgement, Judge
from smtp_status.tls.plan import TlsPlan
from smtp_status.tls.policy import TlsPolicy
from smtp_status.tls.tlsa import Tlsa, TlsaRecord

NAME = "mx1.example.test"
BAD = ("expired", "wrong_name", "selfsigned")


def ders(path: Path) -> tuple[bytes, ...]:
    return tuple(one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(path.read_bytes()))


@pytest.fixture
def judged(certs):
    """What the judge says of a leaf of ``certs`` under a plan and a policy."""

    def judge(leaf: str, policy: TlsPolicy | None = None, **changes: object) -> CertificateJudgement:
        plan = TlsPlan("starttls", ca=str(certs.ca), asked=True, afterwards=policy is not None)._replace(**changes)
        return Judge(plan).judge(ders(getattr(certs, leaf).crt), NAME, policy, time.time())

    return judge


def kinds(judgement: CertificateJudgement) -> list[tuple[str, str]]:
    return [(finding.stage, finding.kind) for finding in judgement.findings]


def tlsa_policy(certs, leaf: str = "good", usage: int = 3) -> TlsPolicy:
    digest = hashlib.sha256(ders(getattr(certs, leaf).crt)[0]).digest()
    return TlsPolicy(NAME, Tlsa(NAME, (NAME,), (TlsaRecord(usage, 0, 1, digest),)))


def sts_policy(certs, mode: str) -> TlsPolicy:
    return TlsPolicy(NAME, None, mode, context.make_context(TlsPlan("ssl", ca=str(certs.ca))))


def test_a_good_certificate(judged):
    assert judged("good") == CertificateJudgement((), (), verified=True)


@pytest.mark.parametrize(("leaf", "kind"), [("expired", "expired"), ("wrong_name", "name"), ("selfsigned", "verify")])
def test_with_a_policy_that_says_nothing_the_user_is_still_answered(judged, leaf, kind):
    """``-S --dane try`` without TLSA records: chain, name and dates count as without a policy."""
    assert kinds(judged(leaf, TlsPolicy(NAME)))[0] == ("tls", kind)


@pytest.mark.parametrize("leaf", BAD)
def test_a_record_that_matches_takes_the_place_of_all_that(judged, certs, leaf):
    """RFC 7672 section 3.1.1."""
    judgement = judged(leaf, tlsa_policy(certs, leaf))
    assert judgement == CertificateJudgement((), ("TLSA 3 0 1 matched",), verified=True)


@pytest.mark.parametrize("leaf", ["good", *BAD])
def test_a_record_that_does_not_match_is_a_fault_of_its_own(judged, certs, leaf):
    judgement = judged(leaf, tlsa_policy(certs, "rsa"))
    assert judgement.findings[0].cause.startswith("DANE: ")
    assert judgement.findings[0].stage == "tls"
    assert judgement.notes == ()


@pytest.mark.parametrize(("mode", "default"), [("enforce", ""), ("testing", "warning")])
def test_mta_sts_judges_for_the_name_of_the_exchanger(judged, certs, mode, default):
    (finding,) = judged("wrong_name", sts_policy(certs, mode), asked=False).findings
    assert (finding.stage, finding.kind, finding.default) == ("sts", "name", default)
    assert finding.cause.startswith(f"MTA-STS policy ({mode}): certificate is for ")
    assert judged("good", sts_policy(certs, mode), asked=False) == CertificateJudgement((), (), verified=True)


def test_where_both_judge_both_are_told(judged, certs):
    assert kinds(judged("wrong_name", sts_policy(certs, "enforce"))) == [("tls", "name"), ("sts", "name")]


@pytest.mark.parametrize("leaf", BAD)
def test_what_nobody_asked_for_is_not_judged_and_that_is_said(judged, leaf):
    assert judged(leaf, TlsPolicy(NAME), asked=False) == CertificateJudgement((), (), verified=False)


def test_without_verification_the_dates_are_looked_at(judged):
    assert kinds(judged("expired", verify=False)) == [("tls", "expired")]
    assert kinds(judged("wrong_name", verify=False)) == []
    assert not judged("good", verify=False).verified


@pytest.mark.parametrize("kind", ["expired", "name", "verify"])
def test_what_is_tolerated_is_told_nevertheless(judged, kind):
    leaf = dict(zip(("expired", "name", "verify"), BAD))[kind]
    assert ("tls", kind) in kinds(judged(leaf, tolerate=frozenset({kind})))
    assert judged("good", tolerate=frozenset({kind})).findings == ()


@pytest.mark.parametrize("chain", [(), (b"",), (b"noise",)])
def test_a_certificate_that_cannot_be_read_is_a_fault(certs, chain):
    judge = Judge(TlsPlan("starttls", ca=str(certs.ca), asked=True))
    (finding,) = judge.judge(chain, NAME, None, time.time()).findings
    assert (finding.stage, finding.kind) == ("tls", "verify")
    assert finding.cause.startswith("the certificate cannot be read: ")
    assert isinstance(finding, Finding)
