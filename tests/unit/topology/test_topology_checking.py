from ipaddress import IPv4Address, IPv4Network
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from netlab.model.errors import InputError, Position, Problem, TopologyError
from netlab.model.topology import Key, Located
from netlab.topology.checking import Problems, check_options, nearest


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Neighbor(Strict):
    address: IPv4Address
    asn: int | Literal["external"] = Field(alias="remote-as", default="external")


class Options(Strict):
    asn: int | None = Field(default=None, ge=1)
    networks: tuple[IPv4Network, ...] = ()
    neighbors: dict[str, Neighbor] | list[Neighbor] = []
    mode: Literal["native", "frr"] = "native"
    bfd: bool = False

    @model_validator(mode="after")
    def _bfd_needs_frr(self) -> "Options":
        if self.bfd and self.mode == "native":
            raise ValueError("bfd needs mode: frr")
        return self


def at(value: object) -> Located:
    """A value whose parts stand in lines of their own, in the order of a walk through it."""
    positions: dict[tuple[Key, ...], Position] = {}

    def walk(part: object, path: tuple[Key, ...]) -> None:
        positions[path] = Position("f", len(positions) + 1, 1)
        pairs = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        for key, inner in pairs:
            walk(inner, (*path, key))

    walk(value, ())
    return Located(value, positions, {})


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        ({"asnn": 1}, ['f:2:1: unknown key "asnn" in a router (did you mean "asn"?)']),
        ({"imag": 1}, ['f:2:1: unknown key "imag" in a router (did you mean "image"?)']),
        ({"asn": True}, ['f:2:1: "asn" must be a whole number, not true']),
        ({"asn": "5"}, ['f:2:1: "asn" must be a whole number, not "5" (remove the quotes)']),
        ({"asn": 0}, ['f:2:1: "asn" must be at least 1, not 0']),
        ({"bfd": 1}, ['f:2:1: "bfd" must be true or false, not the number 1']),
        ({"bfd": True}, ["f:1:1: bfd needs mode: frr"]),
        ({"mode": "fr"}, ['f:2:1: "mode" must be "native" or "frr", not "fr" (did you mean "frr"?)']),
        ({"networks": "10.0.0.0/8"}, ['f:2:1: "networks" must be a list, not "10.0.0.0/8"']),
        (
            {"networks": ["10.0.0.1/8", 5]},
            [
                'f:3:1: entry 1 of "networks" is no prefix: 10.0.0.1/8 has host bits set (did you mean 10.0.0.0/8?)',
                'f:4:1: entry 2 of "networks" must be text, not the number 5 (put it in quotes)',
            ],
        ),
        ({"neighbors": [{}]}, ['f:3:1: entry 1 of "neighbors" needs "address"']),
        (
            {"neighbors": [{"address": "10.0.0.1", "remote-at": 1}]},
            ['f:5:1: unknown key "remote-at" in entry 1 of "neighbors" (did you mean "remote-as"?)'],
        ),
        (
            {"neighbors": {"a": {"address": "10.0.0.1", "remote-as": []}}},
            ['f:5:1: "remote-as" must be a whole number or "external", not a list'],
        ),
        ({"neighbors": 5}, ['f:2:1: "neighbors" must be a mapping or a list, not the number 5']),
        ({"neighbors": [{"address": 5}]}, ['f:4:1: "address" must be text, not the number 5 (put it in quotes)']),
        ([], ["f:1:1: a router must be a mapping, not a list"]),
    ],
)
def test_every_error_has_its_place_and_plain_words(value: object, messages: list[str]) -> None:
    with pytest.raises(TopologyError) as refused:
        check_options(Options, at(value), "a router")
    assert list(refused.value.lines()) == messages


def test_good_options_become_the_model() -> None:
    options = check_options(Options, at({"asn": 5, "networks": ["10.0.0.0/8"], "mode": "frr", "bfd": True}), "a router")
    assert options == Options(asn=5, networks=(IPv4Network("10.0.0.0/8"),), mode="frr", bfd=True)


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("frrr", ["frr", "vyos"], "frr"),
        ("LINUX", ["linux"], "linux"),
        ("rt-fr", ["rt-frr", "rt-vyos"], "rt-frr"),
        ("xyz", ["frr", "vyos"], None),
        ("", ["frr"], None),
    ],
)
def test_nearest(word: str, known: list[str], meant: str | None) -> None:
    assert nearest(word, known) == meant


def test_problems_of_several_steps_are_raised_once_and_by_position() -> None:
    problems = Problems()
    problems.add("later", Position("f", 10, 1))
    with problems.gather():
        raise InputError(Problem("sooner", Position("f", 9, 1), "mend it"), Problem("later", Position("f", 10, 1)))
    problems.add("without a place")
    with pytest.raises(TopologyError) as refused:
        problems.raise_any()
    assert refused.value.lines() == ("without a place", "f:9:1: sooner (mend it)", "f:10:1: later")


def test_no_problems_raise_nothing() -> None:
    Problems().raise_any()
