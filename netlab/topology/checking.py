"""Check values against pydantic models; every problem gets its position and plain English."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from pydantic import BaseModel

from netlab.model.errors import Problem, TopologyError
from netlab.model.topology import Located
from netlab.topology import wording
from netlab.topology.addresses import unfit
from netlab.topology.problems import Problems, did_you_mean, nearest
from netlab.topology.schema import NODE_KEYS

__all__ = ["NODE_KEYS", "Problems", "check", "check_options", "did_you_mean", "nearest"]

Model = TypeVar("Model", bound=BaseModel)


def check_options(model: type[Model], located: Located, what: str) -> Model:
    """A kind's own options, checked against `model` (which should have extra="forbid").

    Values are taken as strictly as JSON: no number for a text, no text for a number, no bool for either.
    `what` says whose options they are ("a node of kind frr"); it ends "unknown key ... in". An unknown key is
    compared with the model's keys and with those that every node has.

    Raises TopologyError with all problems.
    """
    checked, found = check(model, located, what, NODE_KEYS)
    if checked is None or found:
        raise TopologyError(*Problems(found).sorted())
    return checked


def check(
    model: type[Model], located: Located, what: str, also_known: Collection[str] = (), *, partial: bool = False
) -> tuple[Model | None, list[Problem]]:
    """The value as a `model` and everything wrong with it. With `partial`, a key that is not there is not wrong.

    Top-level keys with a wrong value are left out of the model, so that the rest can still be used; None where it
    makes no model without them.
    """
    value = located.value
    made, errors = wording.validate(model, value)
    if partial:
        errors = [error for error in errors if error["type"] != "missing" or len(error["loc"]) > 1]
    problems = wording.problems(errors, model, located, what, also_known)
    if errors and isinstance(value, dict):
        wrong = {error["loc"][0] for error in errors if error["loc"]}
        made, _ = wording.validate(model, {key: part for key, part in value.items() if key not in wrong})
    if made is not None:
        problems += unfit(made, located)
    return made, problems
