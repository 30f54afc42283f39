"""Records hold what a type checker believes of them: all that ``typing.NamedTuple`` has, held against it."""

from __future__ import annotations

import copy
import inspect
import pickle
import sys
import typing

import pytest

from smtp_status import record


class Point(record.NamedTuple):
    """Where."""

    x: int
    y: int = 0
    label: str = ""

    @property
    def sum(self) -> int:
        return self.x + self.y


class Wide(record.NamedTuple):
    """More fields than there are constructors for."""

    a: int
    b: int
    c: int
    d: int = 4
    e: int = 5
    f: int = 6
    g: int = 7
    h: int = 8
    i: int = 9
    j: int = 10


class Empty(record.NamedTuple):
    pass


class TypedPoint(typing.NamedTuple):
    x: int
    y: int = 0
    label: str = ""


class TypedWide(typing.NamedTuple):
    a: int
    b: int
    c: int
    d: int = 4
    e: int = 5
    f: int = 6
    g: int = 7
    h: int = 8
    i: int = 9
    j: int = 10


class TypedEmpty(typing.NamedTuple):
    pass


PAIRS = pytest.mark.parametrize(
    ("ours", "typed"), [(Point, TypedPoint), (Wide, TypedWide), (Empty, TypedEmpty)], ids=["few", "many", "none"]
)
VALUES = {Point: (1, 2, "here"), Wide: tuple(range(10)), Empty: ()}


@PAIRS
def test_nothing_is_missing(ours: typing.Any, typed: typing.Any) -> None:
    """Each public name, and each of the documented ones with an underscore, is there and of the same kind."""
    documented = {"_make", "_asdict", "_replace", "_fields", "_field_defaults", "__match_args__", "__getnewargs__"}
    if sys.version_info >= (3, 13):
        documented.add("__replace__")
    elif sys.version_info < (3, 10):
        documented.remove("__match_args__")
    for name in documented:
        assert type(inspect.getattr_static(ours, name)) is type(inspect.getattr_static(typed, name)), name
    assert (ours._fields, ours._field_defaults) == (typed._fields, typed._field_defaults)
    assert ours.__match_args__ == ours._fields
    assert ours.__bases__ == typed.__bases__ == (tuple,)


@PAIRS
@pytest.mark.parametrize(
    ("given", "named"),
    [
        ((), {}),
        ((1,), {}),
        ((1, 2, 3), {}),
        ((1, 2, 3), {"f": 0}),
        ((1, 2, 3), {"x": 0}),
        ((1,), {"b": 2, "c": 3}),
        ((1,), {"label": "x"}),
        ((), {"x": 1, "label": "x"}),
        ((), {"y": 1}),
        ((1,), {"x": 1}),
        ((1,), {"z": 1}),
        (tuple(range(10)), {}),
        (tuple(range(11)), {}),
        ((), {"cls": 1}),
    ],
)
def test_made_alike_or_refused_alike(ours: typing.Any, typed: typing.Any, given: typing.Any, named: typing.Any) -> None:
    try:
        expected = typed(*given, **named)
    except TypeError:
        with pytest.raises(TypeError) as caught:
            ours(*given, **named)
        assert ours.__name__ in str(caught.value)
    else:
        assert ours(*given, **named) == expected


@PAIRS
def test_the_methods_do_the_same(ours: typing.Any, typed: typing.Any) -> None:
    values = VALUES[ours]
    one, other = ours(*values), typed(*values)
    assert one == other == values
    assert hash(one) == hash(values)
    assert one._asdict() == other._asdict()
    assert list(one._asdict()) == list(ours._fields)
    assert type(ours._make(iter(values))) is ours
    assert ours._make(iter(values)) == one
    assert repr(one) == repr(other).removeprefix("Typed")
    assert one.__getnewargs__() == other.__getnewargs__()
    assert one._replace() == one
    if ours._fields:
        first = ours._fields[0]
        assert one._replace(**{first: 99})[0] == 99
        assert getattr(one._replace(**{first: 99}), first) == 99
    assert type(one._replace()) is ours


@PAIRS
def test_a_wrong_number_of_values_makes_none(ours: typing.Any, typed: typing.Any) -> None:
    for values in ((*VALUES[ours], "more"), VALUES[ours][1:] if VALUES[ours] else (1,)):
        for kind in (ours, typed):
            with pytest.raises(TypeError):
                kind._make(values)


def test_what_is_no_field_cannot_be_replaced() -> None:
    with pytest.raises(TypeError, match=r"^Point has no z, w$"):
        Point(1)._replace(z=2, w=3)


@PAIRS
def test_copied_and_pickled(ours: typing.Any, typed: typing.Any) -> None:
    one = ours(*VALUES[ours])
    for other in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert (type(other), other) == (ours, one)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="copy.replace() is new in Python 3.13")
def test_copy_replace() -> None:
    assert copy.replace(Point(1), label="x") == Point(1, 0, "x")  # type: ignore[attr-defined]


@pytest.mark.skipif(sys.version_info < (3, 10), reason="match is new in Python 3.10")
def test_matched_by_place_and_by_name() -> None:
    """As source text: Python 3.9 cannot read the statement."""
    namespace = {"Point": Point, "one": Point(1, 2, "here")}
    exec(
        "match one:\n    case Point(1, y, label=label):\n        found = (y, label)\n",
        namespace,
    )
    assert namespace["found"] == (2, "here")


def test_it_is_a_tuple_that_cannot_be_changed() -> None:
    one = Point(1)
    x, y, label = one
    assert (x, y, label) == (1, 0, "")
    for name in ("x", "new"):
        with pytest.raises(AttributeError):
            setattr(one, name, 2)
    assert not hasattr(one, "__dict__")


def test_what_the_class_says_beside_its_fields_is_kept() -> None:
    assert Point(1, 2).sum == 3
    assert Point.__doc__ == "Where."
    assert (Point.__name__, Point.__module__) == ("Point", __name__)


def test_a_default_is_no_class_attribute_any_more() -> None:
    assert Point.y is not Point._field_defaults["y"]
    assert Point(1).y == 0
