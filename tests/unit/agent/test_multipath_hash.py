"""The IPv6 hash against reference vectors, and against what a Linux 6.18 kernel was seen to do."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlab.agent import multipath_hash
from netlab.agent.multipath_hash import HashedFlow, fold, forwarded, outer_hash, siphash

FIVE_TUPLE = 0x37
SEEN = json.loads((Path(__file__).parent / "linux-6.18-ipv6-policy-3.json").read_text())


def seen_flows() -> list[HashedFlow]:
    return [HashedFlow(SEEN["source"], SEEN["destination"], port, SEEN["port"]) for port in SEEN["source_ports"]]


def test_siphash_is_siphash_2_4() -> None:
    """The vector of the paper's appendix A: key 00 01 .. 0f, message 00 01 .. 0e."""
    key0, key1 = (int.from_bytes(bytes(range(start, start + 8)), "little") for start in (0, 8))
    assert siphash(bytes(range(15)), key0, key1) == 0xA129CA6149BE45E5


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_fold_is_jhash_2words(first: int, second: int) -> None:
    def rol(value: int, by: int) -> int:
        return (value << by | value >> (32 - by)) & 0xFFFFFFFF

    start = 0xDEADBEEF + 8
    a, b, c = (first + start) % 2**32, (second + start) % 2**32, start
    c = ((c ^ b) - rol(b, 14)) % 2**32
    a = ((a ^ c) - rol(c, 11)) % 2**32
    b = ((b ^ a) - rol(a, 25)) % 2**32
    c = ((c ^ b) - rol(b, 16)) % 2**32
    a = ((a ^ c) - rol(c, 4)) % 2**32
    b = ((b ^ a) - rol(a, 14)) % 2**32
    c = ((c ^ b) - rol(b, 24)) % 2**32
    assert fold(first, second) == c


def test_what_the_wire_did_follows_from_what_the_look_up_said() -> None:
    predicted = forwarded(seen_flows(), SEEN["looked_up"], SEEN["weights"], FIVE_TUPLE, SEEN["seed"])
    assert predicted == SEEN["wire"]
    # By itself the look-up is right by chance.
    agree = sum(a == b for a, b in zip(SEEN["looked_up"], SEEN["wire"], strict=True))
    assert agree < len(SEEN["wire"]) / 2


@pytest.mark.parametrize(
    ("fields", "seed"),
    [(FIVE_TUPLE, None), (FIVE_TUPLE, 0), (None, 7), (FIVE_TUPLE | 0x08, 7), (FIVE_TUPLE, SEEN["seed"] + 1)],
    ids=["no seed in this kernel", "a random seed", "no fields", "the flow label too", "another seed"],
)
def test_what_cannot_be_known_is_not_predicted(fields: int | None, seed: int | None) -> None:
    assert set(forwarded(seen_flows(), SEEN["looked_up"], SEEN["weights"], fields, seed)) == {None}


def test_a_next_hop_that_the_look_up_passes_over_is_passed_over() -> None:
    """A neighbour that does not answer: the kernel names another next hop for all of its flows."""
    first, second = sorted(set(SEEN["wire"]))[:2]
    looked_up = [second if hop == first else hop for hop in SEEN["looked_up"]]
    predicted = forwarded(seen_flows(), looked_up, SEEN["weights"], FIVE_TUPLE, SEEN["seed"])
    assert predicted == [second if hop == first else hop for hop in SEEN["wire"]]


def test_fields_that_are_not_hashed_do_not_matter() -> None:
    flow, other = HashedFlow("fd01::1", "fd02::1", 1000, 80), HashedFlow("fd01::9", "fd02::1", 2000, 80)
    assert outer_hash(flow, 0x02, 7) == outer_hash(other, 0x02, 7)
    assert outer_hash(flow, 0x12, 7) != outer_hash(other, 0x12, 7)


def test_weights_are_shares_of_the_hash() -> None:
    assert [multipath_hash._position(value, [1, 3]) for value in (0, 2**30 - 1, 2**30, 2**32 - 1)] == [0, 0, 1, 1]
