"""One check on its way through a back end: read, looked up, conversed, judged."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ..check.check import SMTPCheck, report
from ..check.resource import SMTP, Shared
from ..net.clock import Deadline
from ..net.loop import Run
from ..net.resolve import of_lookups
from ..net.routes import literal
from ..options import build, commandline, values
from ..options.settings import InformationWanted, Settings, UsageError
from ..smtp import patterns
from ..smtp.plan import Plan
from ..stopped import reason
from ..text import unknown
from . import carry
from .carry import Way
from .job import UNKNOWN

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Sequence
    from typing import Callable

    from ..findings import Address
    from ..net.loop import Loop, Timer
    from ..net.resolve import Lookup
    from ..options.commandline import Arguments
    from .lines import Lines
    from .lookups import Lookups
    from .pool import Pool
    from .trusts import Trust, Trusts

    Judging = tuple[object, ...]

READING_SECONDS = 1.0
"""How long files may take to be read; then the check takes a process of its own."""

LEAST_PATIENCE = 0.5
"""Seconds that every check may wait for room; a quarter of its own time where that is known, and longer."""

SEARCH_SECONDS = 0.01
"""Processor time of a search by ``--response``, while which everybody else waits."""

MOST_JUDGES = 200
"""Ways of judging kept."""


class Customer(Protocol):
    """Who wants the check done."""

    def done(self, code: int, output: bytes) -> None:
        """It is done."""

    def alone(self) -> None:
        """It takes a process of its own."""


class Wish(NamedTuple):
    """What is wanted: the arguments, the environment as far as it counts, the instants it came at and has to end at
    (None: its own deadline alone), and whether it may name files."""

    words: Sequence[str]
    environ: dict[str, str]
    arrived: float
    end: float | None
    files: bool
    customer: Customer


class Judges:
    """The contexts of nagiosplugin, which checks that judge in the same way have in common: they hold nothing else."""

    def __init__(self) -> None:
        self._made: dict[Judging, SMTPCheck] = {}

    def check(self, resource: SMTP, settings: Settings) -> SMTPCheck:
        """The check of ``resource``."""
        way = judging(settings)
        like = self._made.get(way)
        if like is None:
            if len(self._made) >= MOST_JUDGES:
                self._made.clear()
            # Of a check that is never run, and holds no result.
            like = self._made[way] = SMTPCheck(SMTP(Settings(Plan()), Shared(None, None, _found)), settings)
        return SMTPCheck(resource, settings, like)


class Means(NamedTuple):
    """What all checks of a back end share."""

    loop: Loop
    pool: Pool
    lookups: Lookups
    trusts: Trusts
    lines: Lines
    judges: Judges


class _Alone(Exception):  # noqa: N818 - no error
    """This check takes a process of its own."""


class Check:
    """One check; ``ended`` is called when nothing more will come of it, ``left`` once it takes a process of its own."""

    def __init__(self, wish: Wish, means: Means, ended: Callable[[Check], None]) -> None:
        self._wish = wish
        self._means = means
        self._ended = ended
        self.left = False
        self._over = False
        self._stopped = False
        self._timer: Timer | None = None
        self._fault: Exception | None = None
        self._settings: Settings | None = None
        self._trust: Trust | None = None
        self._deadline: Deadline | None = None
        self._known: dict[str, Address | None] = {}
        self._lookups: list[Lookup] = []
        self._run: Run | None = None
        self._patience: float | None = None

    @property
    def patience(self) -> float:
        """Seconds that it may wait for room; most of its time is its server's."""
        if self._patience is None:
            try:
                line = commandline.parse(self._wish.words)
                here = carry.way(line, self._wish.files, self._means.trusts.fresh) is not Way.ALONE
                timeout, _ = line.value("timeout", values.timeout) or build.TIMEOUT
            except (InformationWanted, UsageError):
                here, timeout = False, 0.0
            # What stands in an ini file may be another time.
            known = here and not any(use.option.name == "extra-opts" for use in line.uses)
            if self._wish.end is not None:
                timeout = min(timeout, self._wish.end - self._wish.arrived)
            self._patience = max(timeout / 4, LEAST_PATIENCE) if known else LEAST_PATIENCE
        return self._patience

    # -- the steps

    def begin(self) -> None:
        """Go; to be called when nothing else is waiting for the loop."""
        self._step(self._read)

    def leave(self) -> None:
        """There is no room for it here."""
        self._alone()

    def stop(self) -> None:
        """The verdict so far is wanted."""
        self._stopped = True
        if self._deadline is None:
            return
        self._deadline.end()
        if self._run is not None:
            self._run.stop()
        else:
            self._step(self._give_up_names)

    def _read(self) -> None:
        self._settings = self._known_settings()
        if self._settings is None and not self._read_line():
            return
        assert self._settings is not None
        plan = self._settings.plan.tls
        if plan.mode != "off":
            self._trust = self._means.trusts.kept(plan)
            if self._trust is None:
                self._in_thread(self._make_context)
                return
        self._prepared()

    def _known_settings(self) -> Settings | None:
        """What was read of the same line a while ago."""
        wish = self._wish
        settings = None if wish.environ else self._means.lines.kept(wish.words)
        ca = None if settings is None else settings.plan.tls.ca
        return settings if ca is None or (wish.files and self._means.trusts.fresh(ca)) else None

    def _read_line(self) -> bool:
        """Read the line; False where files are read for it first, in a thread."""
        wish = self._wish
        try:
            line = commandline.parse(wish.words)
        except InformationWanted:
            raise _Alone from None
        way = carry.way(line, wish.files, self._means.trusts.fresh)
        if way is Way.ALONE:
            raise _Alone
        if way is Way.READING:
            self._in_thread(lambda: self._read_files(line))
            return False
        given = build.completed(line, wish.environ)
        self._settings = build.settings_of(given, wish.environ, wish.arrived)
        if not wish.environ:
            self._means.lines.keep(wish.words, self._settings)
        return True

    def _prepared(self) -> None:
        """Settings and context are there: find the routes."""
        settings, deadline = self._settings, self._deadline_from_now()
        assert settings is not None
        trust = self._trust
        shared = Shared(None, None, _found) if trust is None else Shared(trust.context, trust.judge, _found)
        self._resource = SMTP(settings, shared)
        self._check = self._means.judges.check(self._resource, settings)
        self._resource.limit(deadline, time.time(), None)
        self._known = {host: literal(host, settings.port, settings.family) for host in settings.hosts}
        look_up = self._means.lookups.look_up
        self._lookups = [
            look_up(host, settings.port, settings.family, self._name_found)
            for host, address in self._known.items()
            if address is None
        ]
        if not self._lookups:
            self._converse()
            return
        self._arm(deadline.at, self._give_up_names)
        if self._stopped:
            self._give_up_names()

    def _name_found(self) -> None:
        self._step(self._names_known)

    def _give_up_names(self) -> None:
        for lookup in self._lookups:
            if not lookup.done:
                lookup.give_up()
        self._names_known()

    def _names_known(self) -> None:
        if self._run is not None or not all(lookup.done or lookup.failure for lookup in self._lookups):
            return
        self._disarm()
        self._converse()

    def _converse(self) -> None:
        settings, deadline = self._settings, self._deadline
        assert settings is not None and deadline is not None
        self._resource.go(of_lookups(self._known, self._lookups))
        self._run = Run(
            self._means.loop,
            deadline,
            self._resource.new_layer,
            settings.source,
            ended=self._conversed,
            failed=self._failed,
        )
        self._run.hold(self._resource.conversations())
        if self._stopped:
            self._run.stop()

    def _conversed(self) -> None:
        self._step(self._judge)

    def _failed(self, error: Exception) -> None:
        def fail() -> None:
            raise error

        self._step(fail)

    def _judge(self) -> None:
        settings = self._settings
        assert settings is not None
        self._check()
        text, code = report(self._check, self._resource, settings)
        self._done(code, text.encode("utf-8", "backslashreplace"))

    # -- in a thread

    def _in_thread(self, work: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                work()
            except Exception as error:
                self._fault = error

        self._arm(time.monotonic() + READING_SECONDS, self._too_long)
        self._means.pool.submit(guarded, lambda: self._step(self._after_thread))

    def _after_thread(self) -> None:
        self._disarm()
        if isinstance(self._fault, UsageError):
            raise _Alone  # here the file may not be what it is where the line comes from: a private /tmp
        if self._fault is not None:
            raise self._fault
        self._prepared()

    def _too_long(self) -> None:
        raise _Alone

    def _read_files(self, line: Arguments) -> None:
        wish = self._wish
        given = build.completed(line, wish.environ)
        if carry.way(given, wish.files, self._means.trusts.fresh) is Way.ALONE:
            raise _Alone
        self._settings = build.settings_of(given, wish.environ, wish.arrived)
        if self._settings.plan.tls.mode != "off":
            self._make_context()

    def _make_context(self) -> None:
        assert self._settings is not None
        try:
            self._trust = self._means.trusts.made(self._settings.plan.tls)
        except ValueError as error:
            raise UsageError(str(error)) from None

    # -- what all steps have in common

    def _step(self, step: Callable[[], None]) -> None:
        """Take a step; whatever it raises is this check's alone."""
        if self._over:
            return
        try:
            step()
        except (_Alone, MemoryError):
            self._alone()
        except UsageError as error:
            self._done(UNKNOWN, unknown(str(error)).encode("utf-8", "backslashreplace"))
        except Exception as error:
            if isinstance(error, OSError):  # of this host, which the plugin itself is to tell
                self._alone()
            else:
                self._done(UNKNOWN, unknown(reason(error)).encode("ascii", "replace"))

    def _alone(self) -> None:
        self.left = True
        self._leave()
        self._wish.customer.alone()

    def _done(self, code: int, output: bytes) -> None:
        self._leave()
        self._wish.customer.done(code, output)

    def _leave(self) -> None:
        self._over = True
        self._disarm()
        if self._run is not None:
            self._run.abandon()
        self._ended(self)

    def _deadline_from_now(self) -> Deadline:
        """What is waited for from here on is the servers'."""
        wish, settings = self._wish, self._settings
        assert settings is not None
        self._deadline = Deadline(settings.timeout, wish.arrived)
        if wish.end is not None:
            self._deadline.at = min(self._deadline.at, wish.end)
        if self._stopped:
            self._deadline.end()
        return self._deadline

    def _arm(self, at: float, call: Callable[[], None]) -> None:
        self._timer = self._means.loop.arm(at, lambda: self._timed(call))

    def _timed(self, call: Callable[[], None]) -> None:
        self._timer = None
        self._step(call)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._means.loop.disarm(self._timer)
            self._timer = None


def judging(settings: Settings) -> Judging:
    """All that ``check.contexts.contexts`` reads of ``settings``."""
    return (
        settings.warning,
        settings.critical,
        settings.certificate_days,
        tuple(settings.stage_warning.items()),
        tuple(settings.stage_critical.items()),
        settings.rules,
        settings.timeout_state,
    )


def _found(pattern: re.Pattern[str], lines: Iterable[str]) -> bool:
    try:
        return patterns.found(pattern, lines, SEARCH_SECONDS)
    except patterns.Overdue:
        raise _Alone from None
