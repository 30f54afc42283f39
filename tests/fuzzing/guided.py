"""One target under atheris, which watches which lines run and looks for octets that reach new ones.

``python -m fuzzing.guided TARGET DIRECTORY [options of libFuzzer]``; DIRECTORY keeps what was found of interest.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["smtp_status"]):
    from . import targets


def main() -> None:
    name, directory, *options = sys.argv[1:]
    corpus = Path(directory)
    corpus.mkdir(parents=True, exist_ok=True)
    for number, octets in enumerate(targets.seeds(name)):
        (corpus / f"seed-{number}").write_bytes(octets)
    target = targets.TARGETS[name]
    atheris.Setup([sys.argv[0], str(corpus), *options], lambda octets: target(bytes(octets)))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
