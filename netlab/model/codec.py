"""The model's types to JSON and back. Every type is checked on the way in, by pydantic."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from netlab.model.errors import InputError, Problem

T = TypeVar("T")


_adapters: dict[type[Any], TypeAdapter[Any]] = {}


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Interrupts wait for some milliseconds: what a signal's handler raises below pydantic's native code is swallowed,
    and a Ctrl-C would be lost. (Where a program has other threads, one of them may still take it.)"""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """One adapter per type: making it takes longer than using it."""
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def encode(value: Any, *, indent: int | None = None) -> bytes:
    """A model value as JSON. With `indent` it is for people, and whatever would drive a terminal is escaped."""
    with _undisturbed():
        data: bytes = _adapter(type(value)).dump_json(value, indent=indent)
    if indent is None or (text := data.decode()).isprintable():
        return data
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text).encode()


def decode(kind: type[T], data: bytes, source: str) -> T:
    """The value of type `kind` that `data` (JSON) holds. `source` names the data in errors.

    Raises InputError, one problem per wrong value with its place in the document.
    """
    try:
        with _undisturbed():
            value: T = _adapter(kind).validate_json(data)
    except ValidationError as error:
        raise InputError(
            *(
                Problem(f"{source}: {'.'.join(str(part) for part in problem['loc']) or 'document'}: {problem['msg']}")
                for problem in error.errors(include_url=False)
            )
        ) from None
    return value
