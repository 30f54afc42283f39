"""Logins with channel binding over real TLS, and what is told where the binding is at fault (RFC 5802, RFC 5929)."""

from __future__ import annotations

import base64
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from helpers.certificates_signed import self_signed
from helpers.plugin import Result, run
from servers.certs import Certs
from servers.imap import Imap
from servers.imap import Session as ImapSession
from servers.postman import Postman
from servers.scripted import Auth, BoundScram, ScriptedServer, SmtpScript, StartTls, plain, scram

HOST = "127.0.0.1"
USER, PASSWORD = "probe", "s3cret"
AUTHENTICATED = f"SMTP OK - {HOST} authenticated in N s: 235 2.7.0 Authentication successful"
HASHES = {"SCRAM-SHA-512": "sha512", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
KINDS = {"1.2": "tls-unique", "1.3": "tls-server-end-point"}


def bound(certs: Certs, mechanism: str = "SCRAM-SHA-256", **changes: object) -> BoundScram:
    values = {"user": USER, "password": PASSWORD, "certificate": certs.good.certificate, **changes}
    return BoundScram(hash_name=HASHES[mechanism], **values)  # type: ignore[arg-type]


def context(certs: Certs, version: str) -> ssl.SSLContext:
    made = certs.context()
    made.minimum_version = made.maximum_version = VERSIONS[version]
    return made


def check(server: ScriptedServer, certs: Certs, *args: str, password: str = PASSWORD) -> Result:
    return run(
        *("-H", HOST, "-p", str(server.port), "-F", "probe.example.org", "--ca", str(certs.ca)),
        *("-U", USER, "-P", password, "--quit-after", "auth", *args),
    )


def initial(server: ScriptedServer) -> tuple[bytes, bytes]:
    """The mechanism and the header of the client's first message, as they came."""
    (line,) = [line for line in server.session.lines if line.startswith(b"AUTH ")]
    return line.split(b" ")[1], base64.b64decode(line.split(b" ")[2]).partition(b"n=")[0]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mechanism", HASHES)
def test_good(scripted, certs, mechanism, version):
    server = scripted(starttls=context(certs, version), auth={f"{mechanism}-PLUS": bound(certs, mechanism)})
    result = check(server, certs, "-S", "-A", f"{mechanism}-plus", "-vv")
    assert (result.code, result.steady) == (0, AUTHENTICATED)
    assert [line for line in result.lines if line.startswith(">>> AUTH")] == [f">>> AUTH {mechanism}-PLUS ***"]
    assert initial(server) == (f"{mechanism}-PLUS".encode(), f"p={KINDS[version]},,".encode())


@pytest.mark.parametrize("version", VERSIONS)
def test_good_with_tls_from_the_first_byte(scripted, certs, version):
    script = (StartTls(context(certs, version)), SmtpScript(auth={"SCRAM-SHA-256-PLUS": bound(certs)}))
    server = scripted(script)
    result = check(server, certs, "-s", "-A", "SCRAM-SHA-256-PLUS")
    assert (result.code, result.steady) == (0, AUTHENTICATED)


REJECTED = "535 5.7.8 Authentication credentials invalid"
PLUS = f"{HOST} auth: {REJECTED} (SCRAM-SHA-256-PLUS:"


@pytest.mark.parametrize(
    ("version", "changes", "expected"),
    [
        ("1.3", {"leaf": "rsa"}, (2, f"CRITICAL - {PLUS} tls-server-end-point differs: does TLS end before it?)")),
        ("1.3", {"leaf": "rsa", "tells": False}, (2, f"CRITICAL - {PLUS} login or tls-server-end-point rejected)")),
        ("1.3", {"knows": ("tls-exporter",)}, (3, f"UNKNOWN - {PLUS} the server knows no tls-server-end-point)")),
        (
            "1.3",
            {"knows": ("tls-exporter",), "tells": False},
            (2, f"CRITICAL - {PLUS} login or tls-server-end-point rejected)"),
        ),
        ("1.3", {"password": "other"}, (2, f"CRITICAL - {PLUS} credentials rejected: invalid-proof)")),
        ("1.2", {"unique": b"another one"}, (2, f"CRITICAL - {PLUS} tls-unique differs: does TLS end before it?)")),
        ("1.2", {"knows": ("tls-server-end-point",)}, (2, f"CRITICAL - {PLUS} the server knows no tls-unique)")),
        ("1.2", {"password": "other"}, (2, f"CRITICAL - {PLUS} credentials rejected: invalid-proof)")),
        ("1.2", {"password": "other", "tells": False}, (2, f"CRITICAL - {PLUS} login or tls-unique rejected)")),
        ("1.2", {"forged": True}, (2, f"CRITICAL - {HOST} auth: 334 (SCRAM-SHA-256-PLUS server signature is false)")),
    ],
)
def test_refused(scripted, certs, version, changes, expected):
    leaf = getattr(certs, changes.pop("leaf", "good")).certificate
    server = scripted(
        starttls=context(certs, version), auth={"SCRAM-SHA-256-PLUS": bound(certs, certificate=leaf, **changes)}
    )
    result = check(server, certs, "-S", "-A", "SCRAM-SHA-256-PLUS")
    assert (result.code, result.first) == (expected[0], f"SMTP {expected[1]}")


def test_what_else_to_try_is_told(scripted, certs):
    mechanism = bound(certs, knows=())
    for others, hint in ((("SCRAM-SHA-256", "PLAIN"), "SCRAM-SHA-256"), (("LOGIN", "PLAIN"), "PLAIN")):
        auth = {"SCRAM-SHA-256-PLUS": mechanism, **dict.fromkeys(others, Auth())}
        result = check(scripted(starttls=context(certs, "1.3"), auth=auth), certs, "-S", "-A", "SCRAM-SHA-256-PLUS")
        assert (result.code, result.first) == (
            3,
            f"SMTP UNKNOWN - {PLUS} the server knows no tls-server-end-point; -A {hint}?)",
        )


# -- by itself


@pytest.mark.parametrize(
    ("version", "offered", "expected"),
    [
        # The plain one of the same strength goes first, and says that it does not bind.
        ("1.2", ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"), (b"SCRAM-SHA-256", b"n,,")),
        ("1.3", ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"), (b"SCRAM-SHA-256", b"n,,")),
        # What every such server knows is taken like any mechanism, ...
        ("1.2", ("SCRAM-SHA-256-PLUS", "PLAIN"), (b"SCRAM-SHA-256-PLUS", b"p=tls-unique,,")),
        # ... what it need not know only where there is nothing else.
        ("1.3", ("SCRAM-SHA-256-PLUS",), (b"SCRAM-SHA-256-PLUS", b"p=tls-server-end-point,,")),
    ],
)
def test_taken_by_itself(scripted, certs, version, offered, expected):
    ways = {
        "SCRAM-SHA-256-PLUS": bound(certs),
        "SCRAM-SHA-256": scram(USER, PASSWORD, nonce=b"server"),
        "PLAIN": plain(USER, PASSWORD),
    }
    server = scripted(starttls=context(certs, version), auth={name: ways[name] for name in offered})
    result = check(server, certs, "-S")
    assert (result.code, result.steady) == (0, AUTHENTICATED)
    assert initial(server) == expected


def test_plain_rather_than_what_the_server_need_not_know(scripted, certs):
    auth = {"SCRAM-SHA-256-PLUS": bound(certs), "PLAIN": plain(USER, PASSWORD)}
    result = check(scripted(starttls=context(certs, "1.3"), auth=auth), certs, "-S", "-vv")
    assert (result.code, result.steady) == (0, AUTHENTICATED)
    assert ">>> AUTH PLAIN ***" in result.lines


# -- where there is no binding


def test_without_tls(scripted, certs):
    """Named, it is bad usage; by itself it is not taken."""
    server = scripted(auth={"SCRAM-SHA-256-PLUS": bound(certs)})
    result = check(server, certs, "-A", "SCRAM-SHA-256-PLUS")
    assert (result.code, result.first) == (
        3,
        "SMTP UNKNOWN - -A SCRAM-SHA-256-PLUS takes TLS as well: --starttls or --ssl",
    )
    result = check(server, certs)
    assert (result.code, result.first) == (
        2,
        f"SMTP CRITICAL - {HOST} auth: channel binding takes TLS, offered: SCRAM-SHA-256-PLUS",
    )


def test_tls_is_offered(scripted, certs):
    server = scripted(starttls=context(certs, "1.3"), auth={"SCRAM-SHA-256-PLUS": bound(certs)})
    result = check(server, certs)
    assert (result.code, result.first) == (
        2,
        f"SMTP CRITICAL - {HOST} auth: channel binding takes TLS, offered: SCRAM-SHA-256-PLUS;"
        " STARTTLS is offered: -S?",
    )


@pytest.mark.parametrize("named", [("-A", "SCRAM-SHA-256-PLUS"), ()])
def test_a_certificate_of_which_none_can_be_made(scripted, certs, tmp_path: Path, named):
    """RFC 5929 section 4.1 leaves open what tls-server-end-point is where a signature has no hash of its own."""
    key = ed25519.Ed25519PrivateKey.generate()
    pem = tmp_path / "ed25519.pem"
    pem.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + self_signed(key, None).public_bytes(Encoding.PEM)
    )
    lines = []
    for version in VERSIONS.values():
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.minimum_version = made.maximum_version = version
        made.load_cert_chain(pem)
        server = scripted(starttls=made, auth={"SCRAM-SHA-256-PLUS": bound(certs)})
        result = check(server, certs, "-S", "--no-verify", *named)
        lines.append((result.code, result.steady))
    assert lines == [
        (0, AUTHENTICATED),
        (
            3,
            f"SMTP UNKNOWN - {HOST} auth: no channel binding can be made with this certificate under TLS 1.3,"
            " offered: SCRAM-SHA-256-PLUS",
        ),
    ]


# -- a mailbox


class OverImap:
    """The dialogue of SMTP's AUTH in the words of IMAP's AUTHENTICATE (RFC 9051 section 6.2.2)."""

    def __init__(self, session: ImapSession, tag: str) -> None:
        self._session = session
        self._tag = tag

    def send(self, line: bytes) -> None:
        if line.startswith(b"334 "):
            self._session.send(b"+ " + line[4:])
        else:
            self._session.send(f"{self._tag} {'OK done' if line.startswith(b'235') else 'NO failed'}\r\n".encode())

    def read_response(self) -> bytes:
        return self._session.line().encode()

    def tls_unique(self) -> bytes:
        assert isinstance(self._session.connection, ssl.SSLSocket)
        return self._session.connection.get_channel_binding("tls-unique") or b""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("unknown", "expected"),
    [
        (
            False,
            (
                0,
                f"SMTP OK - {HOST} accepted the message in N s, arrived in INBOX after N s: 250 2.0.0 Ok: queued as ID",
            ),
        ),
        (
            True,
            (
                2,
                f"SMTP CRITICAL - {HOST} imap: NO failed: unsupported-channel-binding-type"
                f" ({HOST} accepted the message)",
            ),
        ),
    ],
    ids=["good", "unknown"],
)
def test_a_mailbox(certs, version, unknown, expected):
    mechanism = bound(certs, user="probe@example.test", **({"knows": ()} if unknown else {}))

    def authenticate(session: ImapSession, tag: str, name: str) -> bool:
        assert name == "SCRAM-SHA-256-PLUS"
        mechanism.converse(OverImap(session, tag), None)  # type: ignore[arg-type]
        return True

    capabilities = "IMAP4rev1 AUTH=SCRAM-SHA-256-PLUS UIDPLUS SPECIAL-USE"
    tls = context(certs, version)
    with (
        Imap(capabilities=capabilities, answers={"AUTHENTICATE": authenticate}, tls=tls) as imap,
        Postman(imap.put) as postman,
    ):
        result = run(
            *("-H", HOST, "-p", str(postman.port), "-f", "a@example.org", "--to", "b@example.org", "--wait", "3"),
            *("--imap", f"{HOST}:{imap.port}", "--ca", str(certs.ca), "--imap-tls-name", "mx1.example.test"),
            *("--imap-user", "probe@example.test", "--imap-pass", PASSWORD, "-t", "10"),
            *("--imap-authtype", "SCRAM-SHA-256-PLUS"),
        )
    assert (result.code, result.steady) == expected
