"""A host that has too little of something: that is no server's fault, and is told as what it is."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from helpers.plugin import LAUNCHER, Result, check_form
from servers.ports import refusing_port

TOO_FEW = "SMTP UNKNOWN - this host fails the plugin: too many open files"
NOWHERE = ("--nameserver", "127.0.0.1:1")


def limited(what: int, amount: int, *arguments: str) -> Result:
    """One run with a limit; nothing is printed on standard error, and the output has its form."""
    done = subprocess.run(
        [sys.executable, str(LAUNCHER), *arguments],
        capture_output=True,
        check=False,
        timeout=30,
        env={"PATH": os.environ["PATH"]},
        preexec_fn=lambda: resource.setrlimit(what, (amount, amount)),
    )
    assert done.stderr == b"", done.stderr
    return check_form(done.returncode, done.stdout.decode())


@pytest.mark.parametrize("descriptors", [5, 6, 7, 8])
def test_descriptors_for_a_name(descriptors: int) -> None:
    with refusing_port() as port:
        found = limited(resource.RLIMIT_NOFILE, descriptors, "-H", "localhost", "-p", str(port))
    assert (found.code, found.first) == (3, TOO_FEW)


@pytest.mark.parametrize("descriptors", [5, 6])
def test_descriptors_for_a_domain(descriptors: int) -> None:
    found = limited(resource.RLIMIT_NOFILE, descriptors, "-d", "example.test", *NOWHERE)
    assert (found.code, found.first) == (3, TOO_FEW)


def test_a_thousand_descriptors_that_were_inherited() -> None:
    """``select`` knows no number above 1,023."""
    resource_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource_limit[0] < 1200:
        pytest.skip("ulimit -n 1200")
    held = [os.dup(0) for _ in range(1100)]
    try:
        for descriptor in held:
            os.set_inheritable(descriptor, True)
        with refusing_port() as port:
            done = subprocess.run(
                [sys.executable, str(LAUNCHER), "-H", "localhost", "-p", str(port)],
                close_fds=False,
                capture_output=True,
                check=False,
                timeout=30,
            )
    finally:
        for descriptor in held:
            os.close(descriptor)
    assert (done.returncode, done.stderr) == (2, b"")
    assert b"localhost connect: connection refused by 127.0.0.1" in done.stdout
