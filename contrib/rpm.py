#!/usr/bin/env python3
"""Build the RPM package: ``contrib/rpm.py DIRECTORY [PYTHON...]`` writes check-smtp-status-VERSION-1.noarch.rpm there.

Needs rpmbuild.  The plugin in it is the single file, made by this Python for itself and for each PYTHON named as
``contrib/pyz.py`` does, so that no package but Python is needed where it is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyz
import shipped
from shipped import DOC, PACKAGE

PLUGIN = "usr/lib64/nagios/plugins/check_smtp_status"
"""A file, no link to one: SELinux goes by the label that the place of the file has."""

LICENCES = f"usr/share/licenses/{PACKAGE}"

SPEC = """\
Name: {package}
Version: {version}
Release: 1
Summary: {summary}
License: MIT AND ZPL-2.1 AND ISC
URL: {address}
BuildArch: noarch
AutoReqProv: no
# What every Python calls itself, also those of Red Hat 8 and of SUSE beside the system's own.
Requires: python(abi) >= 3.9

%description
{description}
%install
cp -a {tree}/. %{{buildroot}}/

%files
%defattr(-,root,root,-)
/{plugin}
/{icinga}
%doc /{doc}
%license /{licences}
/{completion}
/usr/share/man/man1/check_smtp_status.1.gz
"""

DEFINED = {
    "_buildhost": "localhost",
    "_binary_payload": "w9.gzdio",
    "_build_id_links": "none",
    "use_source_date_epoch_as_buildtime": "1",
    "clamp_mtime_to_source_date_epoch": "1",
    # no work of the building system's on what is finished
    "__os_install_post": "%{nil}",
}


def build(directory: Path, pythons: list[str]) -> Path:
    """Write the package into ``directory`` and return its path."""
    rpmbuild = shutil.which("rpmbuild")
    if rpmbuild is None:
        raise SystemExit("rpmbuild is missing: dnf install rpm-build, or apt-get install rpm")
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        top, tree = Path(scratch), Path(scratch, "tree")
        _fill(tree, pythons)
        shipped.settle(tree, program=PLUGIN)
        spec = top / "package.spec"
        spec.write_text(_spec(tree), "utf-8")
        defined = {
            **DEFINED,
            "_topdir": scratch,
            "_dbpath": f"{scratch}/db",
            "_rpmdir": str(top / "built"),
            "_rpmfilename": "%{NAME}.rpm",
        }
        words = [word for name, value in defined.items() for word in ("--define", f"{name} {value}")]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(shipped.epoch())}
        command = [rpmbuild, "-bb", "--quiet", "--target", "noarch", *words, spec]
        subprocess.run(command, check=True, stdout=sys.stderr, env=environment)  # noqa: S603 - our own words
        target = directory / f"{PACKAGE}-{shipped.version()}-1.noarch.rpm"
        shutil.copyfile(top / "built" / f"{PACKAGE}.rpm", target)
    return target


def _fill(tree: Path, pythons: list[str]) -> None:
    pyz.build(tree / PLUGIN, pythons, "/usr/bin/python3")
    shipped.fill(tree, licence=f"{LICENCES}/LICENSE")


def _spec(tree: Path) -> str:
    return SPEC.format(
        package=PACKAGE,
        version=shipped.version(),
        summary=shipped.SUMMARY[0].upper() + shipped.SUMMARY[1:],
        address=shipped.address(),
        description=shipped.DESCRIPTION,
        tree=tree,
        plugin=PLUGIN,
        icinga=shipped.ICINGA,
        doc=DOC,
        completion=shipped.COMPLETION,
        licences=LICENCES,
    )


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        raise SystemExit(__doc__)
    print(build(Path(sys.argv[1]), sys.argv[2:]))
