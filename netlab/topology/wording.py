"""What pydantic found wrong, as problems with a position, in plain English."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import AddressValueError, NetmaskValueError, ip_interface
from itertools import islice
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from netlab.model.errors import Problem
from netlab.model.topology import Key, Located
from netlab.topology.prefixes import NoLengthError
from netlab.topology.problems import MOST, did_you_mean

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[Key, ...]

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "none_required": "empty",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dataclass_type": "a mapping",
}
_LISTED = "netlab schema lists the keys"
_OF_WORDS = frozenset({"literal_error", "enum"})
_BOUNDS = {"greater_than": "more than", "greater_than_equal": "at least", "less_than": "less than"}
_BOUNDS["less_than_equal"] = "at most"
_LENGTHS = {
    "too_short": "is too short: it needs at least",
    "too_long": "is too long: it takes at most",
    "string_too_short": "is too short: it needs at least",
    "string_too_long": "is too long: it takes at most",
}


def validate(model: type[Model], value: Any) -> tuple[Model | None, list[ErrorDetails]]:
    """The value as a `model`, or what is wrong with it.

    JSON is the one input for which pydantic is strict about scalars (no bool for a number, no number for an
    address) and still makes tuples, enums and addresses; YAML values are JSON's.
    """
    try:
        return model.model_validate_json(json.dumps(value), strict=True), []
    except ValidationError as error:
        return None, error.errors(include_url=False)


@dataclass(frozen=True)
class _Found:
    """An error, the path of the value that it is about, and the branches of unions that it lies in, outermost first."""

    error: ErrorDetails
    path: Path
    unions: tuple[tuple[Path, Key], ...]


def problems(
    errors: Iterable[ErrorDetails], model: type[BaseModel], located: Located, what: str, also_known: Collection[str]
) -> list[Problem]:
    """Every error as a problem. `what` names the checked value; `also_known` are more words for its keys."""

    def settle(found: Iterable[_Found], level: int) -> Iterator[Problem]:
        unions: dict[Path, dict[Key, list[_Found]]] = {}
        for one in found:
            if level == len(one.unions):
                yield _problem(one, model, located, what, also_known)
            else:
                root, branch = one.unions[level]
                unions.setdefault(root, {}).setdefault(branch, []).append(one)
        for root, branches in unions.items():
            # A branch whose errors lie deeper, or not in the type, is the one that the user meant.
            meant = [b for b in branches.values() if not any(one.path == root and _expected(one.error) for one in b)]
            if meant:
                fewest: list[_Found] = min(meant, key=len)
                yield from settle(fewest, level + 1)
            else:
                yield _no_branch(root, branches, located, what)

    return list(islice(settle([_find(error, located) for error in errors], 0), MOST + 1))


def _find(error: ErrorDetails, located: Located) -> _Found:
    path: Path = ()
    unions: list[tuple[Path, Key]] = []
    parts = error["loc"][:-1] if error["type"] == "missing" else error["loc"]
    for part in parts:
        if (*path, part) in located.positions:
            path = (*path, part)
        elif part != "[key]":  # neither key nor index: the name of a branch
            unions.append((path, part))
    return _Found(error, path, tuple(unions))


def _no_branch(root: Path, branches: dict[Key, list[_Found]], located: Located, what: str) -> Problem:
    expected = dict.fromkeys(_expected(found.error) or "" for found in (b[0] for b in branches.values()))
    *others, last = [word for phrase in expected for word in re.split(", | or ", phrase) if word]
    either = f"{', '.join(others)} or {last}" if others else last
    value = value_at(located, root)
    words = [found.error for errors in branches.values() for found in errors if found.error["type"] in _OF_WORDS]
    near = next((hint for error in words if isinstance(value, str) and (hint := _near(value, error))), None)
    return Problem(
        f"{_subject(root, what)} must be {either}, not {_shown(value)}",
        located.at(*root),
        near or _quotes("" if isinstance(value, str) else "text" if "text" in expected else "", value),
    )


def _problem(
    found: _Found, model: type[BaseModel], located: Located, what: str, also_known: Collection[str]
) -> Problem:
    error, path = found.error, found.path
    subject = _subject(path, what)
    if error["type"] == "extra_forbidden":
        *above, key = path
        known = set(_keys(model, above)) | (set() if above else set(also_known))
        where = _subject(tuple(above), what)
        return Problem(
            f'unknown key "{key}" in {where}', located.key_at(*path), did_you_mean(str(key), known) or _LISTED
        )
    if error["type"] == "missing":
        return Problem(f'{subject} needs "{error["loc"][-1]}"', located.key_at(*path))
    value = value_at(located, path)
    expected = _expected(error)
    if expected is not None:
        hint = _quotes(expected, value)
        if error["type"] in _OF_WORDS and isinstance(value, str):
            hint = _near(value, error)
        shown = value if error["type"] in _BOUNDS else _shown(value)
        return Problem(f"{subject} must be {expected}, not {shown}", located.at(*path), hint)
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, NoLengthError):
        return Problem(str(cause), located.at(*path), cause.hint)
    message, hint = _other(error, value)
    return Problem(f"{subject} {message}" if path else message, located.at(*path), hint)


def _expected(error: ErrorDetails) -> str | None:
    """What should stand there, where the error is of that form."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in _OF_WORDS:
        return str(context["expected"]).replace("'", '"')
    if kind in _BOUNDS:
        (limit,) = (context[name] for name in ("gt", "ge", "lt", "le") if name in context)
        return f"{_BOUNDS[kind]} {limit}"
    return _EXPECTED.get(kind)


def _other(error: ErrorDetails, value: Any) -> tuple[str, str | None]:
    kind, context = error["type"], error.get("ctx", {})
    cause = context.get("error")
    hint = None
    if "has host bits set" in error["msg"]:
        message, hint = f"is no prefix: {value} has host bits set", f"did you mean {ip_interface(value).network}?"
    elif isinstance(cause, AddressValueError | NetmaskValueError) or kind.startswith("ip_"):
        message = f"must be an IP address or prefix, not {_shown(value)}"
    elif kind in {"value_error", "assertion_error"}:
        message = str(cause)
    elif kind in {"too_short", "string_too_short"} and context["min_length"] == 1:
        message = "is empty"
    elif kind in _LENGTHS:
        message = f"{_LENGTHS[kind]} {context.get('min_length', context.get('max_length'))}"
    elif kind == "string_pattern_mismatch":
        message, hint = f"cannot be {_shown(value)}", f"it has to match {context['pattern']}"
    else:
        message = error["msg"].replace("Input should be", "must be").replace("Value error, ", "")
    return " ".join(message.split()), hint


def _near(value: str, error: ErrorDetails) -> str | None:
    return did_you_mean(value, re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", ""))), or_list=False)


def _quotes(expected: str, value: Any) -> str | None:
    if expected == "text" and isinstance(value, bool | int | float):
        return "put it in quotes"
    if expected in {"a number", "a whole number"} and isinstance(value, str) and value.isascii() and value.isdecimal():
        if len(value) > 18:
            return "it is too large"
        return "remove the quotes" if value == "0" or value[0] != "0" else "remove the zeros before it"
    return None


def _subject(path: Path, what: str) -> str:
    if not path:
        return what
    *above, last = path
    if isinstance(last, int):
        return f"entry {last + 1} of {_subject(tuple(above), what)}"
    return f'"{last}"'


def _shown(value: Any) -> str:
    """A value as a message shows it."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}..."'
    if isinstance(value, list):
        return "a list"
    return "a mapping" if isinstance(value, dict) else f"the number {value}"


def value_at(located: Located, path: Path) -> Any:
    """The value at a place."""
    value = located.value
    for key in path:
        value = value[key]
    return value


def _keys(model: type[BaseModel], path: Iterable[Key]) -> Iterator[str]:
    """The keys that the models at `path` below `model` know."""
    models = {model}
    for part in path:
        if isinstance(part, str):
            below = {
                inner
                for outer in models
                for name, field in outer.model_fields.items()
                if part in {name, field.alias}
                for inner in _models_in(field.annotation)
            }
            models = below or models  # no field: the key of a dict of models
    for found in models:
        yield from (field.alias or name for name, field in found.model_fields.items())


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
