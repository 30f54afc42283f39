"""Typed immutable tuples without the price of importing ``typing``.

``typing.NamedTuple`` costs several milliseconds of import time, which a check that runs every minute pays every
minute.  Type checkers see the real one; at run time the class statement is turned into a
``collections.namedtuple`` (nagiosplugin has imported that already) with the same fields, defaults and methods.
"""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414 - the redundant name exports it
else:

    class _RecordType(type):
        def __new__(mcs, name, bases, body):
            if not bases:  # NamedTuple itself
                return super().__new__(mcs, name, bases, body)
            fields = tuple(body.pop("__annotations__", ()))
            defaults = [body.pop(field) for field in fields if field in body]
            base = namedtuple(name, fields, defaults=defaults, module=body["__module__"])
            body["__slots__"] = ()
            return type(name, (base,), body)

    class NamedTuple(metaclass=_RecordType):
        """Base of the package's records; subclasses become plain named tuples."""
