"""The pictures of the README: how wrong each method is, and what a check looks like."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from truth import Errors

_POINTS = 200
_STYLE = {"font.size": 9, "svg.hashsalt": "smtp", "axes.spines.top": False, "axes.spines.right": False}


def draw_errors(methods: Mapping[str, Errors], title: str, file: Path) -> None:
    """The share of figures (vertical) that are wrong by at most so much (horizontal, logarithmic)."""
    import matplotlib  # noqa: PLC0415 - an extra; the figures come without it too

    matplotlib.use("svg")
    from matplotlib import pyplot  # noqa: PLC0415 - as above

    with matplotlib.rc_context(_STYLE):
        figure, axes = pyplot.subplots(figsize=(7, 3.4), layout="constrained")
        for name, errors in methods.items():
            shares = [number / _POINTS for number in range(_POINTS + 1)]
            found = [max(errors.at(share), 0.1) for share in shares]
            axes.plot(found, [share * 100 for share in shares], label=name)
        axes.set_xscale("log")
        axes.set_xlabel("distance from the packet capture, µs")
        axes.set_ylabel("% of figures")
        axes.set_title(title, loc="left")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, loc="lower right")
        figure.savefig(file, metadata={"Date": None})
        pyplot.close(figure)


def draw_waterfall(times: Mapping[str, float], delays: Mapping[str, float], file: Path) -> None:
    """One check, stage after stage; ``times`` in seconds, ``delays`` what the server was told to wait, in ms."""
    import matplotlib  # noqa: PLC0415 - as above

    matplotlib.use("svg")
    from matplotlib import pyplot  # noqa: PLC0415 - as above

    with matplotlib.rc_context(_STYLE):
        figure, axes = pyplot.subplots(figsize=(7, 3.4), layout="constrained")
        begin = 0.0
        for place, (stage, seconds) in enumerate(times.items()):
            milliseconds = seconds * 1000
            axes.barh(place, milliseconds, left=begin, color="tab:blue", height=0.7)
            waited = f", of which the server waits {delays[stage]:g}" if delays.get(stage) else ""
            axes.text(begin + milliseconds, place, f" {milliseconds:.3f} ms{waited}", va="center", fontsize=8)
            begin += milliseconds
        axes.set_yticks(range(len(times)), list(times))
        axes.invert_yaxis()
        axes.set_xlim(0, begin * 1.6)
        axes.set_xlabel("ms, one stage after the other (ehlo: both)")
        axes.set_title("One check with STARTTLS, command by command", loc="left")
        figure.savefig(file, metadata={"Date": None})
        pyplot.close(figure)
