"""The command line taken apart the way getopt_long does it, since that is what users of check_smtp know.

Pure: nothing here reads a file or the environment, and no value is looked into.
"""

from __future__ import annotations

from ..record import NamedTuple
from . import table
from .settings import InformationWanted, UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from typing import TypeVar

    from .table import Option

    T = TypeVar("T")

TRUTHS = frozenset({"true", "yes", "1"})
"""Words that Icinga's own ``smtp`` command puts behind an option that takes no value."""

UNTRUTHS = frozenset({"false", "no", "off"})
"""Words that it puts there too, which check_smtp would take for the option all the same."""

OLD_SPELLINGS = {"-wt": "-w", "-ct": "-c", "-to": "-t"}
"""Spellings of check_smtp's early years; getopt would read them as a letter with the value ``t`` or ``o``."""


_IN_NAMES = "abcdefghijklmnopqrstuvwxyz-46"
"""Characters of options' names."""


class Use(NamedTuple):
    """One option as it was used.

    ``value`` is None where there was none.  ``spelling`` is how it was written, a shortened name in full.
    ``origin`` says where it stands ('' for the command line).  ``doubtful``: the value may be the rest of a secret
    around which nobody put quotes.
    """

    option: Option
    value: str | None
    spelling: str
    origin: str = ""
    doubtful: bool = False

    @property
    def text(self) -> str:
        """The value, '' where there was none."""
        return self.value or ""

    def fault(self, reason: str) -> UsageError:
        """What to raise when this use is wrong."""
        where = f" ({self.origin})" if self.origin else ""
        if self.text and (self.doubtful or self.option.secret):
            reason = reason.replace(shown(self.text), "***").replace(self.text, "***")
        return UsageError(f"{self.spelling} {reason}{where}")

    def read(self, parser: Callable[[str], T]) -> T:
        """What ``parser`` makes of the value; its ValueError, a reason, becomes a fault of this use."""
        try:
            return parser(self.text)
        except ValueError as error:
            raise self.fault(str(error)) from None


class Arguments(NamedTuple):
    """Options in their order, and the operands (HOST FROM TO DATA); ``meant`` are those of them that say something:
    neither blank, nor a truth behind an option that takes no value.  ``doubtful``: which words of the operands stand
    behind the value of a secret."""

    uses: tuple[Use, ...]
    operands: tuple[str, ...] = ()
    meant: tuple[str, ...] = ()
    doubtful: frozenset[str] = frozenset()

    def has(self, name: str) -> bool:
        """Whether an option is used."""
        return self.last(name) is not None

    def all(self, name: str) -> list[Use]:
        """Every use of an option, by its main long name."""
        return [use for use in self.uses if use.option.name == name]

    def last(self, name: str) -> Use | None:
        """The use that counts of an option that is not repeatable."""
        return next((use for use in reversed(self.uses) if use.option.name == name), None)

    def value(self, name: str, parser: Callable[[str], T]) -> T | None:
        """What ``parser`` makes of the value that counts, None where the option is not used."""
        use = self.last(name)
        return None if use is None else use.read(parser)


def parse(words: Sequence[str]) -> Arguments:
    """Takes apart a command line (without the program's name).

    Clusters of letters, values behind a letter or as the next word whatever that begins with, ``--name=value``,
    unique prefixes of names, ``--`` as the end of the options, operands anywhere.  Beside -H or -d there are no
    operands: those that say nothing are passed over, since check_smtp looks at none.  Raises UsageError, and
    InformationWanted as soon as ``--help`` or ``--version`` is met.
    """
    uses: list[Use] = []
    operands: list[str] = []
    meant: list[str] = []
    before: Use | None = None
    first: Use | None = None
    secret: Use | None = None  # behind which nothing but operands came
    doubtful: set[str] = set()
    rest = list(reversed(words))
    while rest:
        word = OLD_SPELLINGS.get(rest[-1], rest[-1])
        rest.pop()
        if word == "--":
            operands.extend(reversed(rest))
            meant.extend(word for word in reversed(rest) if word.strip())
            break
        if word.startswith("-") and word != "-":
            try:
                uses.extend([_long(word[2:], rest)] if word.startswith("--") else _cluster(word[1:], rest))
            except _NoOptionError:
                if secret is None:
                    raise
                raise UsageError(
                    f"what stands behind the value of {secret.spelling} is no option, see --help"
                ) from None
        else:
            operands.append(word)
            if secret is not None:
                doubtful.add(word)
            if word.strip() and not (before and before.value is None and word.lower() in TRUTHS):
                first = first if meant else before
                meant.append(word)
            before = None
            continue
        before = uses[-1]
        secret = before if before.option.secret else None
    _check_surplus(uses, operands, meant, first, doubtful)
    return Arguments(tuple(uses), tuple(operands), tuple(meant), frozenset(doubtful))


class _NoOptionError(UsageError):
    """A word that looks like an option is none."""


def _check_surplus(
    uses: Sequence[Use], operands: Sequence[str], meant: Sequence[str], before: Use | None, doubtful: Collection[str]
) -> None:
    """Raises UsageError where there are too many operands; ``before`` is what stands right before the first of
    ``meant``."""
    named = next((use for use in uses if use.option.name in {"hostname", "domain"}), None)
    if named is not None and meant:
        word, hint = shown(meant[0]), ", -p?" if meant[0].isdigit() else ""
        if before is not None and before.value is None and meant[0].lower() in UNTRUTHS:
            hint = f", {before.spelling} takes no value"
        if before is not None and before.option.secret:
            # Most likely it is the rest of it, and nobody put quotes around.
            word, hint = f"what stands behind the value of {before.spelling}", ""
        raise UsageError(f"{word} is one word too many beside {named.spelling}{hint}")
    if named is None and len(operands) > len(table.OPERANDS):
        surplus = operands[len(table.OPERANDS)]
        also = "so many words" if surplus in doubtful else f"also {shown(surplus)}"
        raise UsageError(f"takes at most {' '.join(table.OPERANDS)} without options, not {also}")


def setting(key: str, value: str, origin: str) -> Use:
    """One line of an ini file as the use of an option: ``key`` without hyphens, '' for no value."""
    if len(key) == 1:
        spelling, option = f"-{key}", table.by_letter(key)
        if option is None:
            raise UsageError(f"{spelling} is no option ({origin})")
    elif key.strip(_IN_NAMES):
        # A line may be the rest of a password, or one without its equals sign, that ends with one.
        raise UsageError(f"what stands before the equals sign is no option ({origin})")
    else:
        spelling, option = _named(key, f" ({origin})")
    if option.name in {"help", "version", "extra-opts"}:
        raise UsageError(f"{spelling} takes effect on the command line only ({origin})")
    if option.metavar:
        return Use(option, None if option.optional and not value else value, spelling, origin)
    if value:
        raise UsageError(f"{spelling} takes no value, write {key}= ({origin})")
    return Use(option, None, spelling, origin)


def _long(text: str, rest: list[str]) -> Use:
    """``--text`` with whatever of ``rest`` (the words to come, reversed) belongs to it."""
    name, equals, value = text.partition("=")
    spelling, option = _named(name, "")
    if equals:
        if not option.metavar:
            raise UsageError(f"{spelling} takes no value")
        return Use(option, value, spelling)
    if not option.metavar:
        return _flag(option, spelling)
    if not option.optional:
        return Use(option, _next(option, spelling, rest), spelling)
    # The library of monitoring-plugins takes the next word for --extra-opts unless it is an option.
    if option.name == "extra-opts" and rest and (rest[-1] == "" or not rest[-1].startswith("-")):
        return Use(option, rest.pop(), spelling)
    return Use(option, None, spelling)


def _cluster(letters: str, rest: list[str]) -> list[Use]:
    """``-letters``: flags, and at the end perhaps one option with its value."""
    uses = []
    for index, letter in enumerate(letters):
        option = table.by_letter(letter)
        spelling = f"-{letter}"
        if option is None:
            # What comes behind may be meant as the value of -P.
            rest_hidden = "…" if letters[index + 1 :] else ""
            inside = f" (in {shown('-' + letters[: index + 1])}{rest_hidden})" if len(letters) > 1 else ""
            raise _NoOptionError(f"{shown(spelling)} is no option{inside}, see --help")
        if option.metavar and not option.optional:
            value = letters[index + 1 :] or _next(option, spelling, rest)
            uses.append(Use(option, value, spelling))
            break
        uses.append(_flag(option, spelling))
    return uses


def _flag(option: Option, spelling: str) -> Use:
    if option.name in {"help", "version"}:
        raise InformationWanted(option.name)
    return Use(option, None, spelling)


def _next(option: Option, spelling: str, rest: list[str]) -> str:
    if not rest:
        raise UsageError(f"{spelling} takes a value, {option.metavar}")
    return rest.pop()


def _named(name: str, where: str) -> tuple[str, Option]:
    """The full spelling and the option of a long name or of a prefix that fits only one option."""
    found = dict(table.by_name(name))
    if not name or not found:
        raise _NoOptionError(f"{shown('--' + _without_secret(name))} is no option, see --help{where}")
    if len({option.name for option in found.values()}) > 1:
        could_be = " ".join(f"--{long}" for long in found)
        raise UsageError(f"{shown('--' + name)} could be {could_be}{where}")
    spelled, option = next(iter(found.items()))
    return f"--{spelled}", option


def _without_secret(name: str) -> str:
    """An unknown long name without what may be a password that was written right behind the name it belongs to."""
    for option in table.OPTIONS:
        for known in option.names if option.secret else ():
            start = known[: known.index("pass") + 1]
            if name.startswith(start):
                end = next(
                    (place for place, (a, b) in enumerate(zip(name, known)) if a != b), min(len(name), len(known))
                )
                return name[:end] + ("…" if name[end:] else "")
    before, word, behind = name.partition("pass")
    return before + word + ("…" if behind else "")
