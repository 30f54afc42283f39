"""Typed immutable tuples without the price of importing ``typing``.

``typing.NamedTuple`` costs several milliseconds of import time, which a check that runs every minute pays every
minute; and ``collections.namedtuple`` compiles a constructor for each class, 0.6 million instructions against 0.1.
Type checkers see the real NamedTuple; at run time a class statement becomes a plain subclass of tuple with the same
fields, defaults and methods.
"""

from __future__ import annotations

from operator import itemgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414 - the redundant name exports it
else:

    class _Record(tuple):
        __slots__ = ()

        def __new__(cls, *values, **named):
            if named or len(values) != len(cls._fields):
                values = cls._completed(values, named)
            return tuple.__new__(cls, values)

        @classmethod
        def _completed(cls, values, named):
            rest, defaults = cls._fields[len(values) :], cls._field_defaults
            try:
                more = [named.pop(field) if field in named else defaults[field] for field in rest]
            except KeyError as missing:
                raise TypeError(f"{cls.__name__} needs {missing}") from None
            if named or len(values) > len(cls._fields):
                raise TypeError(f"{cls.__name__} takes {', '.join(cls._fields)}")
            return (*values, *more)

        def __getnewargs__(self):
            return tuple(self)

        def __repr__(self):
            shown = ", ".join(f"{field}={value!r}" for field, value in zip(self._fields, self))
            return f"{type(self).__name__}({shown})"

        def _replace(self, **changes):
            return type(self)(**{**dict(zip(self._fields, self)), **changes})

    class _RecordType(type):
        def __new__(mcs, name, bases, body):
            if not bases:  # NamedTuple itself
                return super().__new__(mcs, name, bases, body)
            fields = tuple(body.pop("__annotations__", ()))
            body["_field_defaults"] = {field: body.pop(field) for field in fields if field in body}
            body["_fields"] = fields
            body["__slots__"] = ()
            for place, field in enumerate(fields):
                body[field] = property(itemgetter(place))
            return type(name, (_Record,), body)

    class NamedTuple(metaclass=_RecordType):
        """Base of the package's records; subclasses become plain tuples with names."""
