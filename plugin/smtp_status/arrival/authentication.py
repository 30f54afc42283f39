"""What the receiving side found out about a message: Authentication-Results (RFC 8601)."""

from __future__ import annotations

from .received import without_comments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def believed(values: Iterable[str], server: str) -> str | None:
    """The topmost of the fields' ``values`` that names ``server`` as its authserv-id, None where there is none.

    Any other may be the sender's own (section 5): a border server takes away only those that bear its own id.
    """
    return next((value for value in values if authserv_id(value) == server.lower()), None)


def authserv_id(value: str) -> str:
    """The authserv-id in lower case (section 2.2); '' where there is none."""
    words = without_comments(value).partition(";")[0].split()
    return words[0].strip('"').lower() if words else ""


def results(value: str) -> dict[str, list[str]]:
    """For each method its results, in their order; all in lower case."""
    found: dict[str, list[str]] = {}
    for part in _parts(without_comments(value))[1:]:
        method, equals, rest = part.strip().partition("=")
        words = rest.split()
        # ``method/version`` is allowed, and white space around the sign of equality.
        name = method.partition("/")[0].strip().lower()
        if equals and words and name.isalnum():
            found.setdefault(name, []).append(words[0].strip('"').lower())
    return found


def lacking(value: str, wanted: Sequence[str]) -> str:
    """What is not as ``wanted``: ``dkim=none``, or ``no dkim`` where nothing is said of it; '' if all is.

    A message may have several signatures, and one that holds is enough (RFC 6376 section 6.1).
    """
    found = results(value)
    for method in wanted:
        if "pass" not in found.get(method, ()):
            return f"{method}={found[method][0]}" if method in found else f"no {method}"
    return ""


def _parts(value: str) -> list[str]:
    """``value`` between its semicolons, quoted ones apart."""
    parts, quoted = [""], False
    for char in value:
        if char == '"':
            quoted = not quoted
        if char == ";" and not quoted:
            parts.append("")
        else:
            parts[-1] += char
    return parts
