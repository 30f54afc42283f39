#!/usr/bin/env python3
"""Draw the pictures of docs/ that are drawn and not measured: ``docs/pictures.py`` writes them as SVG.

``make pictures`` does so too, and takes that of Icinga Web anew; ``make bench`` draws those with figures in them.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

HERE = Path(__file__).resolve().parent

INK, LINE, QUIET, OURS, THEIRS = "#1f2430", "#5b6472", "#8a93a1", "#dcecf9", "#f1f1ee"
FONT = "font-family='DejaVu Sans, Verdana, sans-serif'"


class Drawing:
    """Boxes, arrows and words on a sheet of ``width`` by ``height`` pixels."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self._size = (width, height)
        self._title = title
        self._parts: list[str] = []

    def box(self, place: tuple[int, int, int, int], words: str, fill: str = THEIRS) -> None:
        """A box at (x, y, width, height) with lines of words in its middle; the first is bold."""
        x, y, width, height = place
        self._parts.append(
            f"<rect x='{x}' y='{y}' width='{width}' height='{height}' rx='6' fill='{fill}' stroke='{LINE}'/>"
        )
        lines = words.split("\n")
        first = y + height / 2 - (len(lines) - 1) * 8 + 4
        for number, line in enumerate(lines):
            weight = "bold" if number == 0 else "normal"
            self._text((x + width / 2, first + number * 16), line, anchor="middle", weight=weight)

    def arrow(self, start: tuple[int, int], end: tuple[int, int], words: str = "", both: bool = False) -> None:
        """An arrow with words above its middle."""
        (x1, y1), (x2, y2) = start, end
        tail = " marker-start='url(#tail)'" if both else ""
        self._parts.append(
            f"<line x1='{x1}' y1='{y1}' x2='{x2}' y2='{y2}' stroke='{LINE}' stroke-width='1.4'"
            f" marker-end='url(#head)'{tail}/>"
        )
        for number, line in enumerate(words.split("\n") if words else ()):
            height = (y1 + y2) / 2 - 7 - 14 * (words.count("\n") - number)
            self._text(((x1 + x2) / 2, height), line, anchor="middle", colour=LINE, size=11)

    def line(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """A thin line, for time that goes by."""
        (x1, y1), (x2, y2) = start, end
        self._parts.append(f"<line x1='{x1}' y1='{y1}' x2='{x2}' y2='{y2}' stroke='{QUIET}' stroke-dasharray='3 4'/>")

    def words(self, x: int, y: int, text: str, bold: bool = False) -> None:
        """A line of words that begins at a place."""
        self._text((x, y), text, weight="bold" if bold else "normal")

    def _text(
        self,
        place: tuple[float, float],
        text: str,
        *,
        anchor: str = "start",
        colour: str = INK,
        size: int = 12,
        weight: str = "normal",
    ) -> None:
        x, y = place
        style = f"text-anchor='{anchor}' fill='{colour}' font-size='{size}' font-weight='{weight}' {FONT}"
        self._parts.append(f"<text x='{x:g}' y='{y:g}' {style}>{escape(text)}</text>")

    def svg(self) -> str:
        """The whole file."""
        width, height = self._size
        head = f"<path d='M0,0 L9,4.5 L0,9 z' fill='{LINE}'/>"
        marker = "<marker id='{}' markerWidth='9' markerHeight='9' refX='{}' refY='4.5' orient='{}'>{}</marker>"
        markers = marker.format("head", 8.5, "auto", head) + marker.format("tail", 8.5, "auto-start-reverse", head)
        return "\n".join(
            [
                f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' "
                f"width='{width}' height='{height}'>",
                f"<title>{escape(self._title)}</title>",
                f"<defs>{markers}</defs>",
                f"<rect width='{width}' height='{height}' fill='white'/>",
                *self._parts,
                "</svg>\n",
            ]
        )


def resident() -> str:
    """Where smtp_statusd stands."""
    sheet = Drawing(820, 400, "Where smtp_statusd stands between the scheduler and the mail servers")
    sheet.words(20, 28, "Without it: a process for each check", bold=True)
    sheet.box((20, 48, 170, 56), "Icinga, Nagios\nkeeps the schedule")
    for number, y in enumerate((42, 66, 90)):
        sheet.box((330, y, 190, 20), ("check_smtp_status", "check_smtp_status", "… one process a check")[number])
        sheet.arrow((190, 76), (326, y + 10), "fork" if number == 0 else "")
        sheet.arrow((520, y + 10), (646, y + 10))
    sheet.box((650, 42, 150, 68), "mail servers")

    sheet.words(20, 160, "With it: processes that stay", bold=True)
    sheet.box((20, 190, 170, 62), "Nagios 4, Naemon\nkeeps the schedule")
    sheet.box((20, 300, 170, 62), "Icinga 2, NRPE …\nkeeps the schedule")
    sheet.box((330, 176, 190, 88), "front of smtp_statusd\nholds every check until\nit is answered", OURS)
    sheet.box((330, 300, 190, 62), "back ends\nhold the conversations", OURS)
    sheet.box((650, 176, 150, 186), "mail servers")
    sheet.arrow((190, 216), (326, 216), "query socket\n(worker protocol)", both=True)
    sheet.arrow((425, 264), (425, 297), "", both=True)
    sheet.arrow((190, 331), (326, 331), "thin client,\nunix socket", both=True)
    sheet.arrow((520, 331), (646, 331), "SMTP", both=True)
    sheet.arrow((520, 210), (646, 210), "alone: a process", both=True)
    sheet.words(20, 388, "Nobody there, or a dead one: the scheduler or the client runs the plugin, as without it.")
    return sheet.svg()


def arrival() -> str:
    """What one run with --imap does, from top to bottom."""
    sheet = Drawing(820, 470, "One run of a check with --imap: the note, the message, and what is settled")
    columns = {"check": 110, "server": 410, "mailbox": 710}
    for name, words in (("check", "check_smtp_status"), ("server", "mail server\n-H"), ("mailbox", "mailbox\n--imap")):
        x = columns[name]
        sheet.box((x - 85, 16, 170, 44), words, OURS if name == "check" else THEIRS)
        sheet.line((x, 60), (x, 440))
    steps = (
        ("check", "mailbox", "imap: open it, read the notes of earlier runs, leave a note of this one"),
        ("check", "server", "connect … rcpt, data, message"),
        ("server", "check", "250: taken"),
        ("check", "mailbox", "mark the note: the message is under way"),
        ("server", "mailbox", "the message arrives, now or later"),
        ("check", "mailbox", "arrive: look for it, for at most --wait"),
        ("mailbox", "check", "its messages, delivery reports"),
        ("check", "mailbox", "clean: delete notes that are settled, and their messages"),
    )
    for number, (start, end, words) in enumerate(steps):
        y = 96 + number * 42
        sheet.arrow((columns[start], y), (columns[end], y), words)
    sheet.words(20, 462, "A note whose message has not come stays, and the next run, on whatever host, settles it.")
    return sheet.svg()


PICTURES = {"resident.svg": resident, "arrival.svg": arrival}


def main() -> None:
    """Write all of them."""
    for name, draw in PICTURES.items():
        (HERE / name).write_text(draw(), "utf-8")
        print(f"docs/{name} written")


if __name__ == "__main__":
    main()
