"""Passwords: wherever they come from, whatever the server says back and whatever fails, nobody reads them here."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from helpers.plugin import LAUNCHER, ROOT, run
from servers.certs import Certs
from servers.scripted import Auth, ScriptedServer, Session, Silence, SmtpScript, cram_md5, login, oauth, plain, scram
from smtp_status.secrets.repetition import HIDDEN

pytestmark = pytest.mark.timing

FAILING = ROOT / "tests/helpers/failing.py"
USER = "alice@x.test"
SECRET = "Tr0ub4dor&3 /+=|horse"
SECRETS = (SECRET, "b\u00e4tt\u00e9ry \u20ac st\u00e4ple", 'x\'; "$(id)" `\\n` %s')

WORD = re.compile(r"[A-Za-z0-9+/_-]{4,}")


def leaked(out: str, secret: str) -> str:
    """Where the output holds the secret: as it is, in hexadecimal, or inside any word of base64 at any offset; ''
    where it does not."""
    octets = secret.encode()
    for form in (secret, octets.hex(), octets.hex().upper(), repr(secret)[1:-1], repr(octets)[2:-1]):
        if form in out:
            return form
    for word in WORD.findall(out):
        standard = word.replace("-", "+").replace("_", "/")
        for start in range(4):
            digits = standard[start : start + (len(standard) - start) // 4 * 4]
            if octets in base64.b64decode(digits):
                return word
    return ""


def test_the_detector_detects() -> None:
    octets = SECRET.encode()
    for form in (
        SECRET,
        octets.hex(),
        f"x {octets!r}",
        *(base64.b64encode(b"." * n + octets + b"...").decode() for n in range(9)),
    ):
        assert leaked(f"SMTP OK - {form} ", SECRET)
    assert not leaked("SMTP OK - nothing of it: " + "A" * 60, SECRET)


# -- what a server may say back

Echo = Callable[[bytes, bytes], bytes]
ECHOES: dict[str, Echo] = {
    "the response": lambda response, secret: response,
    "the response decoded": lambda response, secret: base64.b64decode(response),
    "the response twice encoded": lambda response, secret: base64.b64encode(response),
    "the secret": lambda response, secret: secret,
    "the secret in a sentence": lambda response, secret: b"user alice: password '" + secret + b"' is wrong",
    "the secret next to letters": lambda response, secret: b"abc" + secret + b"def",
    "the secret twice": lambda response, secret: secret + secret,
    "hexadecimal": lambda response, secret: secret.hex().encode(),
    "capital hexadecimal": lambda response, secret: secret.hex().upper().encode(),
    "base64": lambda response, secret: base64.b64encode(secret),
    "base64, one octet before": lambda response, secret: base64.b64encode(b"." + secret + b".."),
    "base64, two octets before": lambda response, secret: base64.b64encode(b".." + secret + b"."),
    "base64 for URLs": lambda response, secret: base64.urlsafe_b64encode(b"\xff\xfe" + secret),
    "base64 without padding": lambda response, secret: base64.b64encode(secret).rstrip(b"="),
    "a dictionary": lambda response, secret: b'{"user": "alice", "pass": "' + secret + b'"}',
    "beyond the limit of a text": lambda response, secret: b"x" * 8100 + secret,
}
MECHANISMS: dict[str, Callable[[str, str], Auth]] = {
    "PLAIN": plain,
    "LOGIN": login,
    "CRAM-MD5": cram_md5,
    "SCRAM-SHA-256": lambda user, secret: scram(user, secret, nonce=b"3rfcNHYJY1ZVvWVs7j"),
    "XOAUTH2": lambda user, secret: oauth(secret),
    "OAUTHBEARER": lambda user, secret: oauth(secret),
}


def echoing(mechanism: str, echo: Echo, secret: str) -> SmtpScript:
    """Every reply from AUTH's on repeats what the client said then; AUTH succeeds."""
    dialogue = MECHANISMS[mechanism](USER, secret)

    def reply(code: bytes) -> Callable[[Session], bytes]:
        return lambda session: code + b" " + echo(session.responses[-1], secret.encode()) + b"\r\n"

    later = {"mail": reply(b"250"), "rcpt": reply(b"250"), "data": reply(b"354"), "message": reply(b"250")}
    return SmtpScript(auth={mechanism: Auth(dialogue.challenges, final=reply(b"235"))}, **later, quit=reply(b"221"))


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("secret", SECRETS, ids=["ASCII", "not ASCII", "shell"])
def test_echoes(mechanism: str, secret: str, scripted: Callable[..., ScriptedServer]) -> None:
    if "OAUTH" in mechanism or mechanism == "OAUTHBEARER":
        # Tokens have an alphabet of their own (RFC 6750), with equals signs at the end only.
        secret = urllib.parse.quote(secret, safe="/+").replace("%", "_") + "=="
    servers = {name: scripted(echoing(mechanism, echo, secret)) for name, echo in ECHOES.items()}

    def check(server: ScriptedServer) -> str:
        args = ("-f", "a@x.test", "--to", "b@x.test", "-U", USER, "-A", mechanism, "-vvv")
        return run("-H", "127.0.0.1", "-p", str(server.port), *args, env={"SMTP_STATUS_AUTHPASS": secret}).out

    with ThreadPoolExecutor(3) as pool:
        outputs = dict(zip(servers, pool.map(check, servers.values())))
    for name, out in outputs.items():
        assert leaked(out, secret) == "", f"{name}: {out}"
        for response in servers[name].session.responses:
            assert len(response) < 9 or response.decode() not in out, f"{name}: {out}"


def test_echo_in_the_first_line(scripted: Callable[..., ScriptedServer]) -> None:
    server = scripted(echoing("PLAIN", ECHOES["the secret in a sentence"], SECRET))
    args = ("-U", USER, "-A", "PLAIN", "-P", SECRET, "--quit-after", "auth", "--state", "auth:235=critical")
    result = run("-H", "127.0.0.1", "-p", str(server.port), *args)
    assert result.first == (f"SMTP CRITICAL - 127.0.0.1 auth: 235 {HIDDEN} (PLAIN, not wanted)")


def test_server_that_knows_the_password_before_it_is_told(scripted: Callable[..., ScriptedServer]) -> None:
    server = scripted(
        banner=f"220 {SECRET}\r\n".encode(),
        ehlo=b"250-x\r\n250-AUTH PLAIN\r\n250 X-" + base64.b64encode(b"." + SECRET.encode()) + b"\r\n",
        auth={"PLAIN": plain(USER, SECRET)},
    )
    args = ("-U", USER, "-P", SECRET, "-A", "PLAIN", "-vvv")
    result = run("-H", "127.0.0.1", "-p", str(server.port), *args)
    assert result.state == "OK"
    assert leaked(result.out, SECRET) == ""


@pytest.mark.parametrize("early", [b"", b"454-4.7.0 no\r\n454 "], ids=["broken off", "two lines"])
def test_echo_in_a_reply_that_is_cut_off(early: bytes, scripted: Callable[..., ScriptedServer]) -> None:
    def half(session: Session) -> bytes:
        return early + session.responses[-1] + b" " + SECRET.encode()

    server = scripted(auth={"PLAIN": Auth((b"",), final=half)})
    args = ("-U", USER, "-P", SECRET, "-A", "PLAIN", "-vvv", "-t", "1")
    result = run("-H", "127.0.0.1", "-p", str(server.port), *args)
    assert result.state == "CRITICAL"
    assert HIDDEN in result.first
    assert leaked(result.out, SECRET) == ""


@pytest.mark.parametrize("verbosity", ["-q", "-vv"])
@pytest.mark.parametrize("place", range(8170, 8190, 3))
def test_echo_across_the_longest_line(place: int, verbosity: str, scripted: Callable[..., ScriptedServer]) -> None:
    """A line may have 8 KiB: where it is cut, a part of the secret stands before, and the rest behind."""
    line = (b"535 ".ljust(place, b"x") + SECRET.encode()).ljust(9000, b"y") + b"\r\n"
    server = scripted(auth={"PLAIN": Auth((b"",), final=line)})
    result = run("-H", "127.0.0.1", "-p", str(server.port), "-U", USER, "-P", SECRET, "-A", "PLAIN", verbosity)
    assert result.state == "CRITICAL"
    assert not any(SECRET[start : start + 5] in result.out for start in range(len(SECRET) - 4))


def test_echo_in_a_certificate(certs: Certs, scripted: Callable[..., ScriptedServer]) -> None:
    name = "tr0ub4dor.example.test"
    server = scripted(tls=certs.context(certs.leaf("tr0ub4dor", [name])))
    args = ("-s", "--ca", str(certs.ca), "-U", USER, "-P", SECRET, "-vvv")
    result = run("-H", "127.0.0.1", "-p", str(server.port), *args)
    assert result.first == f"SMTP CRITICAL - 127.0.0.1 tls: certificate is for {HIDDEN} not for 127.0.0.1; --tls-name?"
    assert "tr0ub4dor" not in result.out.lower()


# -- where it comes from


def by_argument(_: Path) -> tuple[list[str], dict[str, str]]:
    return ["-U", USER, "-P", SECRET], {}


def by_file(directory: Path) -> tuple[list[str], dict[str, str]]:
    (directory / "pass").write_text(f"{SECRET}\n")
    return ["-U", USER, "--authpass-file", str(directory / "pass")], {}


def by_environment(_: Path) -> tuple[list[str], dict[str, str]]:
    return ["-U", USER], {"SMTP_STATUS_AUTHPASS": SECRET}


def by_ini(directory: Path) -> tuple[list[str], dict[str, str]]:
    (directory / "ini").write_text(f"[mail]\nauthuser={USER}\nauthpass={SECRET}\n")
    return [f"--extra-opts=mail@{directory / 'ini'}"], {}


SOURCES = (by_argument, by_file, by_environment, by_ini)
Source = Callable[[Path], "tuple[list[str], dict[str, str]]"]


@pytest.mark.parametrize("source", SOURCES)
def test_process_list(source: Source, tmp_path: Path) -> None:
    """There are no children, and of the plugin itself nothing shows what was not on its command line."""
    args, env = source(tmp_path)
    script = SmtpScript(auth={"PLAIN": Auth((b"",), final=Silence())})
    with ScriptedServer(script) as server:
        command = [sys.executable, str(LAUNCHER), "-H", "127.0.0.1", "-p", str(server.port), "-t", "10", *args]
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE) as process:
            until = time.monotonic() + 10
            while not (server.sessions and b"AUTH" in server.sessions[0].received) and time.monotonic() < until:
                time.sleep(0.02)
            proc = Path("/proc", str(process.pid))
            children = "".join(task.joinpath("children").read_text() for task in proc.joinpath("task").iterdir())
            shown = proc.joinpath("cmdline").read_bytes().decode()
            process.terminate()
            out = process.communicate()[0].decode()
    assert children == ""
    assert (SECRET in shown) is (source is by_argument)
    assert "timed out at auth" in out
    assert leaked(out, SECRET) == ""


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("fault", ["\n", "\x1b", "\x7f", "x" * 9000], ids=ascii)
def test_a_password_that_is_refused_is_not_shown(source: Source, fault: str, tmp_path: Path) -> None:
    args, env = source(tmp_path)
    bad = SECRET + fault + SECRET
    args = [arg.replace(SECRET, bad) for arg in args]
    env = {name: value.replace(SECRET, bad) for name, value in env.items()}
    for file in tmp_path.iterdir():
        file.write_text(file.read_text().replace(SECRET, bad))
    result = run("-H", "127.0.0.1", "-p", "1", *args, env=env)
    assert result.state == "UNKNOWN"
    assert leaked(result.out, SECRET) == ""


@pytest.mark.parametrize(
    "args",
    [
        ("-vXP" + SECRET,),
        ("-U", USER, f"--autpass={SECRET}"),
        ("-U", USER, f"--authpas={SECRET}"),
        ("-P", SECRET),
        ("-U", USER, "-P", SECRET, "-A", "NONSENSE"),
        ("-U", USER, "-P", SECRET, "-A", "PLAIN", "-H", "192.0.2.1"),
        ("-U", USER, "-P", SECRET, "-w", "nan"),
    ],
)
def test_bad_usage(args: tuple[str, ...]) -> None:
    result = run("-p", "1", *args)
    assert result.state == "UNKNOWN"
    assert leaked(result.out, SECRET) == ""


# -- raw commands


def test_auth_by_raw_commands(scripted: Callable[..., ScriptedServer]) -> None:
    """AUTH by hand, as users of check_smtp may have it: what is behind the mechanism, and what answers a challenge."""

    def echo(session: Session) -> bytes:
        return b"250 you said " + b" ".join(session.lines) + b" " + SECRET.encode() + b"\r\n"

    server = scripted(auth={"PLAIN": plain(USER, SECRET), "LOGIN": login(USER, SECRET)}, noop=echo)
    response = base64.b64encode(f"\0{USER}\0{SECRET}".encode()).decode()
    args = ("-C", f"AUTH PLAIN {response}", "-R", "235", "-C", "NOOP", "-R", "250", "-vvv")
    result = run("-H", "127.0.0.1", "-p", str(server.port), *args)
    assert result.state == "OK"
    assert ">>> AUTH PLAIN ***" in result.lines
    assert leaked(result.out, SECRET) == ""

    password = base64.b64encode(SECRET.encode()).decode()
    name = base64.b64encode(USER.encode()).decode()
    commands = (("AUTH LOGIN", "334"), (name, "334"), (password, "535"))
    pairs = [word for command, reply in commands for word in ("-C", command, "-R", reply)]
    result = run("-H", "127.0.0.1", "-p", str(server.port), *pairs, "-vvv")
    assert result.state == "CRITICAL"
    assert leaked(result.out, SECRET) == ""


# -- exceptions


@pytest.mark.parametrize("error", ["oserror", "memory", "bug"])
def test_every_call_that_fails(error: str, tmp_path: Path, scripted: Callable[..., ScriptedServer]) -> None:
    """One line or the verdict, whichever call fails, and the secret in none."""
    args, env = by_file(tmp_path)
    echo = ECHOES["the secret in a sentence"]
    server = scripted(echoing("PLAIN", echo, SECRET), strict=False)
    whole = ("-H", "127.0.0.1", "-p", str(server.port), "-f", "a@x.test", "--to", "b@x.test", "-t", "5", *args, "-vvv")

    def check(number: int) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, str(FAILING), str(number), error, str(LAUNCHER), *whole],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=False,
        )
        assert done.stderr == b"", f"call {number}: {done.stderr!r}"
        return done.returncode, done.stdout.decode()

    failed = 0
    with ThreadPoolExecutor(3) as pool:
        for begin in range(1, 1000, 12):
            outcomes = list(pool.map(check, range(begin, begin + 12)))
            for code, out in outcomes:
                assert leaked(out, SECRET) == "", out
                assert code in (0, 1, 2, 3, 99), out
                assert code != 0 or "accepted the message" in out
                assert out.startswith("SMTP ")
                failed += code != 99
            if any(code == 99 for code, _ in outcomes):
                break
    assert failed > 40
