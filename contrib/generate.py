#!/usr/bin/env python3
"""Write what contrib/ has for Icinga, the Director and Grafana from the plugin's own tables.

``contrib/generate.py`` writes the files anew; ``contrib/generate.py --check`` writes nothing and exits with 1
when one of them is not what it would write.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "plugin"))

from checkcommand import check_command  # noqa: E402 - the package must be found first
from dashboards import dashboard  # noqa: E402
from director import basket  # noqa: E402
from services import configuration  # noqa: E402
from variables import COMMAND  # noqa: E402

FILES = {
    HERE / "icinga" / f"{COMMAND}.conf": check_command,
    HERE / "icinga" / "smtp_services.conf": configuration,
    HERE / "icinga" / "director-basket.json": basket,
    HERE / "grafana" / "influxdb.json": partial(dashboard, "influxdb"),
    HERE / "grafana" / "influxdb2.json": partial(dashboard, "influxdb2"),
    HERE / "grafana" / "graphite.json": partial(dashboard, "graphite"),
    HERE / "grafana" / "prometheus.json": partial(dashboard, "prometheus"),
}
"""What is made, and by what."""


def stale() -> list[Path]:
    """The files that are not what would be written now."""
    return [path for path, make in FILES.items() if not path.is_file() or path.read_text("utf-8") != make()]


def main(argv: list[str]) -> int:
    """Exit code of the command."""
    if argv not in ([], ["--check"]):
        print(__doc__)
        return 2
    paths = stale()
    for path in paths:
        name = path.relative_to(HERE.parent)
        if argv:
            print(f"{name} is stale, run contrib/generate.py")
        else:
            path.write_text(FILES[path](), "utf-8")
            print(f"{name} written")
    return 1 if argv and paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
