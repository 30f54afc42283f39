"""Typed immutable tuples without the price of importing ``typing``.

``typing.NamedTuple`` costs several milliseconds of import time, which a check that runs every minute pays every
minute; and ``collections.namedtuple`` compiles a constructor for each class, 0.6 million instructions against 0.1.
Type checkers see the real NamedTuple; at run time a class statement becomes a plain subclass of tuple with the same
fields, defaults and methods.
"""

from __future__ import annotations

from types import FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414 - the redundant name exports it
else:
    from collections import _tuplegetter  # what a namedtuple makes its fields of: faster than any property

    _tuple = tuple.__new__

    # A record's constructor is the one here for as many fields, with their names put in: as fast as if it had been
    # compiled for that record, which a conversation that makes sixty notices.
    _CONSTRUCTORS = (
        lambda cls: _tuple(cls, ()),
        lambda cls, a: _tuple(cls, (a,)),
        lambda cls, a, b: _tuple(cls, (a, b)),
        lambda cls, a, b, c: _tuple(cls, (a, b, c)),
        lambda cls, a, b, c, d: _tuple(cls, (a, b, c, d)),
        lambda cls, a, b, c, d, e: _tuple(cls, (a, b, c, d, e)),
        lambda cls, a, b, c, d, e, f: _tuple(cls, (a, b, c, d, e, f)),
        lambda cls, a, b, c, d, e, f, g: _tuple(cls, (a, b, c, d, e, f, g)),
        lambda cls, a, b, c, d, e, f, g, h: _tuple(cls, (a, b, c, d, e, f, g, h)),
        lambda cls, a, b, c, d, e, f, g, h, i: _tuple(cls, (a, b, c, d, e, f, g, h, i)),
    )

    def _constructor(name, fields, defaults):
        code = _CONSTRUCTORS[len(fields)].__code__.replace(co_name=name, co_varnames=("cls", *fields))
        made = FunctionType(code, globals(), name, defaults)
        made.__qualname__ = name  # what a TypeError calls it
        return made

    def _new(cls, /, *values, **named):
        """The constructor of records with more fields; a run makes few of them."""
        rest, defaults = cls._fields[len(values) :], cls._field_defaults
        try:
            more = [named.pop(field) if field in named else defaults[field] for field in rest]
        except KeyError as missing:
            raise TypeError(f"{cls.__name__} needs {missing}") from None
        if named or len(values) > len(cls._fields):
            raise TypeError(f"{cls.__name__} takes {', '.join(cls._fields)}")
        return _tuple(cls, (*values, *more))

    def _getnewargs(self):
        return tuple(self)

    def _repr(self):
        shown = ", ".join(f"{field}={value!r}" for field, value in zip(self._fields, self))
        return f"{type(self).__name__}({shown})"

    def _replace(self, **changes):
        changed = _tuple(type(self), map(changes.pop, self._fields, self))
        if changes:
            raise TypeError(f"{type(self).__name__} has no {', '.join(changes)}")
        return changed

    def _asdict(self):
        return dict(zip(self._fields, self))

    def _make(cls, iterable):
        made = _tuple(cls, iterable)
        if len(made) != len(cls._fields):
            raise TypeError(f"{cls.__name__} takes {len(cls._fields)} values, not {len(made)}")
        return made

    # In every record rather than in a base of theirs: one class less to look through whenever a class is made.
    _METHODS = {
        "__new__": _new,
        "__getnewargs__": _getnewargs,
        "__repr__": _repr,
        "__replace__": _replace,  # for copy.replace()
        "_replace": _replace,
        "_asdict": _asdict,
        "_make": classmethod(_make),
    }

    class _RecordType(type):
        def __new__(mcs, name, bases, body):
            if not bases:  # NamedTuple itself
                return super().__new__(mcs, name, bases, body)
            fields = tuple(body.pop("__annotations__", ()))
            defaults = {field: body.pop(field) for field in fields if field in body}
            getters = {field: _tuplegetter(place, None) for place, field in enumerate(fields)}
            made = {**_METHODS, **body, **getters}
            made.update(__slots__=(), __match_args__=fields, _fields=fields, _field_defaults=defaults)
            if len(fields) < len(_CONSTRUCTORS):
                made["__new__"] = _constructor(name, fields, tuple(defaults.values()))
            return type(name, (tuple,), made)

    class NamedTuple(metaclass=_RecordType):
        """Base of the package's records; subclasses become plain tuples with names."""
