"""The kinds' own keys in `defaults`, `kinds` and `groups`, checked whether a node uses them or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from netlab import kinds
from netlab.kinds.base import Kind
from netlab.model.errors import Position, Problem
from netlab.model.topology import LayerSpec, Located
from netlab.topology.checking import NODE_KEYS, check, did_you_mean


def layer_problems(layers: Iterable[LayerSpec]) -> Iterator[Problem]:
    """What is wrong in a layer by itself. What is not there may stand in a node."""
    for layer in layers:
        if layer.kind is not None:
            yield from _of_kind(layer, layer.kind, kinds.load(layer.kind))
        elif layer.options.value:
            yield from _of_any_kind(layer.options)


def no_startup_config(kind: str, position: Position | None) -> Problem:
    """A startup-config where none can be."""
    return Problem(f"a node of kind {kind} has no startup-config", position, "remove the key")


def _of_kind(layer: LayerSpec, name: str, kind: Kind[Any]) -> Iterator[Problem]:
    if layer.startup_config_position is not None and not kind.wants_startup_config:
        yield no_startup_config(name, layer.startup_config_position)
    if kind.options is not None:
        yield from check(kind.options, layer.options, f"a node of kind {name}", NODE_KEYS, partial=True)[1]


def _of_any_kind(options: Located) -> Iterator[Problem]:
    """Each key has to be one of some kind, with a value that one of these kinds takes."""
    models = list(dict.fromkeys(kinds.load(name).options for name in kinds.usable()))
    if None in models:
        return  # a kind that leaves its keys to itself
    for key in options.value:
        found = [_problems(model, options, key) for model in models if model is not None and key in _keys(model)]
        if not found:
            known = {*NODE_KEYS, *(word for model in models if model is not None for word in _keys(model))}
            yield Problem(f'unknown key "{key}" in any kind of node', options.key_at(key), did_you_mean(key, known))
        elif all(found):
            yield from found[0]


def _problems(model: type[BaseModel], options: Located, key: str) -> list[Problem]:
    one = Located({key: options.value[key]}, options.positions, options.key_positions)
    return check(model, one, "a node", NODE_KEYS, partial=True)[1]


def _keys(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}
