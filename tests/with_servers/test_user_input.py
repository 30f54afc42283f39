"""Whatever the user or the scheduler gives the plugin: one line, and exit 3 or the true verdict, never a traceback."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from helpers.plugin import LAUNCHER, check_form, run
from servers.scripted import ScriptedServer
from smtp_status.options import table
from smtp_status.options.build import settings_from
from smtp_status.options.settings import USAGE_LIMIT, InformationWanted, UsageError

NOT_UTF8 = os.fsdecode(b"\xff\xfe")
LONG = "x" * 65536
SHORTENED = f"{'x' * 20}…{'x' * 18}…"
SECONDS = "takes SECONDS[:STATE], from 0 to 1000000 s, not"
RANGE = "takes a range of seconds such as 5, 0.1:5, ~:5 or @1:2, not"
ACCEPTED = "SMTP OK - 127.0.0.1 accepted the message in "


@pytest.fixture
def server(scripted: Callable[..., ScriptedServer]) -> ScriptedServer:
    return scripted()


def check(server: ScriptedServer) -> list[str]:
    """The options of a whole check of the server."""
    return ["-H", "127.0.0.1", "-p", str(server.port), "-F", "probe.test", "-f", "a@x.test", "--to", "b@x.test"]


# -- arguments


def test_fewer_servers_than_required(server: ScriptedServer) -> None:
    """Also where the two that are named are one."""
    for more in ((), ("-H", "127.0.0.1")):
        result = run(*check(server), *more, "--require", "2")
        assert result.first == "SMTP CRITICAL - 1 of 1 servers accept mail, 2 required"
        assert result.code == 2
    assert run(*check(server), "--require", "1").first.startswith(ACCEPTED)


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["-H", "a\x1b[2Jb"], "-H takes no control characters, and there is a 0x1b"),
        (["-H", "a\nb"], "-H takes no control characters, and there is a 0x0a"),
        (["-H", NOT_UTF8], "-H takes text in UTF-8"),
        (["-H", LONG], f"-H takes a host name or an address, not {SHORTENED}"),
        ([NOT_UTF8], "HOST takes text in UTF-8"),
        (["-f", "a@x\r\nRCPT TO:<b@x>"], "-f takes no control characters, and there is a 0x0d"),
        (["--to", "b@x\x7f"], "--to takes no control characters, and there is a 0x7f"),
        (["-C", "NOOP\r\nQUIT"], "-C takes no control characters, and there is a 0x0d"),
        (["-e", "\x01"], "-e takes no control characters, and there is a 0x01"),
        (["--nonsense"], "--nonsense is no option, see --help"),
        ([f"--{LONG}"], f"--{'x' * 18}…{'x' * 18}… is no option, see --help"),
        (["--\x1b[2J"], "--␛[2J is no option, see --help"),
        (["-\x07"], "-␇ is no option, see --help"),
        (list("abcde"), "takes at most HOST FROM TO DATA without options, not also e"),
        (["-d", "bob@example.org"], "-d takes a mail domain, not bob@example.org"),
        (["-D", "7,21"], "-D takes at least as many days for WARN as for CRIT, not 7,21"),
        (["-w", "nan"], f"-w {RANGE} nan"),
        (["-w", "1e400"], f"-w {RANGE} 1e400"),
        (["-c", "inf"], f"-c {RANGE} inf"),
        (["-w", ""], f"-w {RANGE} ''"),
        (["-w", "-1"], "-w takes a range of seconds, and no time is below 0 as -1 wants it"),
        (["-c", "9" * 65536], f"-c {RANGE} {'9' * 20}…{'9' * 18}…"),
        (["-t", "nan"], f"-t {SECONDS} nan"),
        (["-t", "1e400"], f"-t {SECONDS} 1e400"),
        (["-t", "-1"], f"-t {SECONDS} -1"),
        (["-t", ""], f"-t {SECONDS} ''"),
        (["-p", "2\uff15"], "-p takes a port from 1 to 65535, not 2\uff15"),
        (["--to", "b@x", "--data", "a\x01"], "--data cannot be sent: line 1 holds the control character 0x01"),
        (["--to", "b@x", "--data", NOT_UTF8], "--data takes text in UTF-8"),
        (["--to", "b@x", "--data", LONG], "--data cannot be sent: line 1 is longer than 998 octets"),
    ],
    ids=lambda value: None if isinstance(value, list) else value[:60],
)
def test_arguments(args: list[str], sentence: str) -> None:
    result = run(*args)
    assert (result.code, result.out) == (3, f"SMTP UNKNOWN - {sentence}\n")


HOSTILE = (
    "",
    " ",
    "-",
    "\x1b[2J",
    "a\nb",
    NOT_UTF8,
    LONG,
    "9" * 65536,
    "nan",
    "1e400",
    "-1",
    "\u202e\u0000",
    "a|b<c>&=`$",
)


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value[:12]))
@pytest.mark.parametrize("option", [option.name for option in table.OPTIONS if option.metavar])
def test_every_option_takes_or_refuses_every_value(option: str, value: str, tmp_path: Path) -> None:
    for context in ((), ("--to", "b@x.test"), ("-S", "-U", "a", "-P", "b", "-C", "NOOP")):
        try:
            settings_from((*context, f"--{option}={value}"), {})
        except UsageError as error:
            sentence = str(error)
            assert sentence.isprintable()
            assert len(sentence) <= USAGE_LIMIT
            assert not set(sentence) & set("|<>&")


def test_information_is_exit_3() -> None:
    for option in ("-h", "-V"):
        with pytest.raises(InformationWanted):
            settings_from((option,), {})
        assert run(option, form=False).code == 3


# -- files


OPTIONS_WITH_FILES = {
    "--data-file": ("--to", "b@x.test"),
    "--authpass-file": ("-U", "a"),
    "--ca": ("-S",),
    "--client-cert": ("-S",),
    "--extra-opts": (),
}


@pytest.mark.parametrize("option", OPTIONS_WITH_FILES)
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "No such file or directory"),
        (lambda path: path.mkdir(), "not a regular file"),
        (os.mkfifo, "not a regular file"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
        (lambda path: path.symlink_to("/proc/self/mem"), "Input/output error"),
    ],
    ids=["missing", "directory", "FIFO", "loop", "unreadable"],
)
def test_files_that_cannot_be_read(
    option: str, make: Callable[[Path], object], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("it"))
    if option == "--data-file":  # which reads whatever can be read to its end
        reason = {"not a regular file": "Is a directory"}.get(reason, reason)
        if Path("it").is_fifo():
            reason = "its end did not come in time"
    if option == "--ca" and Path("it").is_dir():
        pytest.skip("--ca takes directories")
    value = "--extra-opts=@it" if option == "--extra-opts" else f"{option}=it"
    result = run("-H", "127.0.0.1", "-t", "0.5", *OPTIONS_WITH_FILES[option], value)
    assert (result.code, result.out) == (3, f"SMTP UNKNOWN - {option} cannot read it: {reason}\n")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a\0b", "line 1 holds a NUL character"),
        (b"Subject: \xff\n\nbody\n", "a header is not UTF-8"),
        (b"x" * 65536, "line 1 is longer than 998 octets"),
    ],
)
def test_messages_that_cannot_be_sent(content: bytes, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "message"
    file.write_bytes(content)
    result = run("-H", "127.0.0.1", "--to", "b@x.test", "--data-file", str(file))
    assert (result.code, result.out) == (3, f"SMTP UNKNOWN - --data-file cannot be sent: {reason}\n")


def test_message_without_end_is_not_read_for_ever() -> None:
    result = run("-H", "127.0.0.1", "--to", "b@x.test", "--data-file", "/dev/zero")
    sentence = "--data-file cannot be sent: more than 64 MiB from what is not a regular file"
    assert (result.code, result.out) == (3, f"SMTP UNKNOWN - {sentence}\n")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "--extra-opts: no section check_smtp_status or check_smtp in it"),
        (b"hostname=a\n", "--extra-opts: it line 1 stands before any section"),
        (b"[check_smtp\nhostname=a\n", "--extra-opts: it line 1 is no section header such as [check_smtp]"),
        (b"[check_smtp] x\n", "--extra-opts: it line 1 is no section header such as [check_smtp]"),
        (b"[check_smtp]\nhostname\n", "--extra-opts: it line 2 is not of the form option=value"),
        (b"[check_smtp]\n=a\n", "--extra-opts: it line 2 is not of the form option=value"),
        (b"[check_smtp]\nhostname=\xff\n", "--extra-opts: it line 2 is not UTF-8"),
        (b"[check_smtp]\nhostname=a\0b\n", "--hostname takes no control characters, and there is a 0x00 (it line 2)"),
        (b"[check_smtp]\nnonsense=1\n", "--nonsense is no option, see --help (it line 2)"),
        (b"[check_smtp]\nextra-opts=@it\n", "--extra-opts takes effect on the command line only (it line 2)"),
        (b"[check_smtp]\nwarning=nan\n", f"--warning {RANGE} nan (it line 2)"),
        (
            b"[check_smtp]\nauthuser=a\nauthpass=\n",
            "--authuser takes a password as well: --authpass-file, --authpass or SMTP_STATUS_AUTHPASS (it line 2)",
        ),
        (b"[check_smtp]\n" + b"x" * 65536 + b"=1\n", f"--{'x' * 18}…{'x' * 18}… is no option, see --help (it line 2)"),
        (b"\0" * (1 << 21), "--extra-opts cannot read it: longer than 1048576 octets"),
    ],
    ids=range(14),
)
def test_ini_files(content: bytes, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("it").write_bytes(content)
    result = run("-H", "127.0.0.1", "--extra-opts=@it")
    assert (result.code, result.out) == (3, f"SMTP UNKNOWN - {sentence}\n")


# -- the environment


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"LANG": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii:strict"},
        {"LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de"},
        {"LC_ALL": "\xff no such locale"},
        {"HOME": "/nonexistent", "PATH": ""},
        {"PATH": "/nonexistent", "TMPDIR": "/nonexistent", "TZ": "Mars/Olympus"},
        {"COLUMNS": "0", "TERM": "\x1b[2J", "SMTP_STATUS_AUTHPASS": "unused"},
    ],
    ids=lambda env: " ".join(env) or "none at all",
)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_environment(server: ScriptedServer, env: Mapping[str, str], host: str) -> None:
    """Outcome and words are the same whatever the locale; the text of a reply may be anything."""
    args = check(server)
    args[1] = host
    code, out, err = start(args, env=env)
    assert (code, err) == (0, b"")
    assert out.startswith(f"SMTP OK - {host} accepted the message in ".encode())


def test_reply_that_the_locale_cannot_write(scripted: Callable[..., ScriptedServer]) -> None:
    server = scripted(message="250 Ok: \u00fc \u4e2d \U0001f600\r\n".encode())
    code, out, err = start(check(server), env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    assert (code, err) == (0, b"")
    assert ": 250 Ok: \u00fc \u4e2d \U0001f600 | time=" in out.decode()


def start(
    args: list[str],
    env: Mapping[str, str] | None = None,
    before: Callable[[], object] | None = None,
    stdout: int | None = None,
) -> tuple[int, bytes, bytes]:
    """Run the plugin with nothing but ``env`` in its environment, ``before`` having run in its process."""
    done = subprocess.run(
        [sys.executable, str(LAUNCHER), *args],
        env=dict(env or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=subprocess.PIPE,
        preexec_fn=before,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout or b"", done.stderr


# -- descriptors

F_SETPIPE_SZ = 1031  # linux/fcntl.h; the module has it from Python 3.10 on
USAGE = ["--nonsense"]


def closing(*descriptors: int) -> Callable[[], None]:
    def close() -> None:
        for descriptor in descriptors:
            os.close(descriptor)

    return close


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)], ids=str)
def test_closed_descriptors(server: ScriptedServer, closed: tuple[int, ...]) -> None:
    """Sockets and pipes then get the numbers of standard streams; nothing meant for these may go there."""
    code, out, err = start(check(server), before=closing(*closed))
    assert (code, err) == (0, b"")
    assert out.startswith(ACCEPTED.encode()) is (1 not in closed)
    assert server.session.closed_how == "server"
    assert b"SMTP OK" not in server.session.received
    assert start(USAGE, before=closing(*closed))[0] == 3


def test_message_from_closed_stdin(server: ScriptedServer) -> None:
    code, out, _ = start([*check(server), "--data-file", "-"], before=closing(0))
    assert (code, out) == (3, b"SMTP UNKNOWN - --data-file cannot read -: Bad file descriptor\n")


@contextlib.contextmanager
def full() -> Iterator[int]:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    yield descriptor
    os.close(descriptor)


@contextlib.contextmanager
def broken_pipe() -> Iterator[int]:
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.mark.parametrize("stdout", [full, broken_pipe])
def test_output_that_cannot_be_written(
    server: ScriptedServer, stdout: Callable[[], contextlib.AbstractContextManager[int]]
) -> None:
    """Nobody can be told, but the exit code still is the verdict."""
    for args, code in ((check(server), 0), ([*check(server), "-vvv"], 0), (USAGE, 3), (["-h"], 3), (["-V"], 3)):
        with stdout() as descriptor:
            assert start(args, stdout=descriptor) == (code, b"", b"")


def test_output_read_slowly(scripted: Callable[..., ScriptedServer]) -> None:
    """A pipe with room for less than the output takes it in pieces, also where the scheduler made it not block."""
    server = scripted(
        ehlo=b"".join(b"250-KEYWORD%d %s\r\n" % (number, b"x" * 50) for number in range(99)) + b"250 END\r\n"
    )
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    fcntl.fcntl(writing, F_SETPIPE_SZ, 4096)
    with subprocess.Popen([sys.executable, str(LAUNCHER), *check(server), "-vvv"], stdout=writing) as process:
        os.close(writing)
        server.wait()
        time.sleep(0.3)
        with open(reading, "rb") as pipe:
            out = pipe.read()
    assert process.returncode == 0
    assert 4096 < len(out) < 8192
    assert check_form(0, out.decode()).perfdata["time"]


# -- limits


def limit(kind: int, amount: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(kind, (amount, amount))


def test_umask_and_no_directory_to_write_to(server: ScriptedServer, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()

    def before() -> None:
        os.chdir(gone)
        gone.rmdir()
        os.umask(0o777)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    code, out, err = start(check(server), before=before)
    assert (code, out[: len(ACCEPTED)], err) == (0, ACCEPTED.encode(), b"")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_few_descriptors(server: ScriptedServer, host: str) -> None:
    args = check(server)
    args[1] = host
    assert start(args, before=limit(resource.RLIMIT_NOFILE, 16))[0] == 0


@pytest.mark.parametrize("amount", [5, 6])
def test_no_descriptors_left(server: ScriptedServer, amount: int) -> None:
    """That this host has no descriptor for a socket says nothing about the server."""
    out = b"SMTP UNKNOWN - this host fails the plugin: too many open files\n"
    assert start(check(server), before=limit(resource.RLIMIT_NOFILE, amount)) == (3, out, b"")


def test_no_thread_for_the_resolver(server: ScriptedServer) -> None:
    """A thread's stack does not fit; a bug is not what this is."""

    def before() -> None:
        resource.setrlimit(resource.RLIMIT_STACK, (1 << 40, 1 << 40))
        resource.setrlimit(resource.RLIMIT_AS, (1 << 38, 1 << 38))

    args = check(server)
    args[1] = "localhost"
    out = b"SMTP UNKNOWN - this host fails the plugin: resource temporarily unavailable\n"
    assert start(args, before=before) == (3, out, b"")


@pytest.mark.parametrize("mebibytes", [64, 48, 32, 28, 24, 22, 20, 19, 18, 17, 16, 15, 14, 13])
def test_little_memory(server: ScriptedServer, mebibytes: int) -> None:
    """The true verdict or one line that it cannot be had, and exit 3 even where there is no memory for that line.

    An interpreter that does not come up at all is none of the plugin's business, and known by its own words.
    """
    code, out, err = start(check(server), before=limit(resource.RLIMIT_AS, mebibytes << 20))
    if b"Fatal Python error" in err or b"cannot open shared object file" in err or b"site-packages" in err:
        pytest.skip("Python itself does not start")
    assert err == b""
    if code == 0:
        assert out.startswith(ACCEPTED.encode())
    else:
        assert code == 3
        assert out == b"" or (out.startswith(b"SMTP UNKNOWN - ") and out.count(b"\n") == 1)
