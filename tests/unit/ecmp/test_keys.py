from dataclasses import replace

import pytest
from evidence_builder import FIVE_TUPLE, LAYER_3, LAYER_4, flow, router

from netlab.ecmp.keys import flow_keys
from netlab.model.evidence import HashSettings

CLIENTS = ("172.16.9.11", "172.16.9.12")
FLOWS = tuple(flow(number, 0, source=CLIENTS[number % 2]) for number in range(10))


def distinct(settings: HashSettings, **changes: object) -> int:
    return len(set(flow_keys(router([], hash=settings, flows=FLOWS, **changes))))


@pytest.mark.parametrize(
    ("policy", "fields", "keys"),
    [
        (0, None, 2),
        (0, 0x37, 2),
        (1, 0x7, 10),
        (2, None, 2),
        (3, 0x37, 10),
        (3, 0x10, 10),
        (3, 0x7, 2),
        (3, None, 2),
        (3, 0x1, 2),
        (3, 0x26, 1),
        (3, 0x8, 1),
        (3, 0x40, 1),
    ],
)
def test_keys_by_policy_and_fields(policy: int, fields: int | None, keys: int) -> None:
    assert distinct(HashSettings(policy, fields, None), one_kernel=False) == keys


def test_ipv6_layer_3_hash_has_the_flow_label_too() -> None:
    assert distinct(LAYER_3, vip="fd00::192") == 10
    assert distinct(HashSettings(3, 0x7, None), vip="fd00::192") == 2


def test_one_five_tuple_opened_twice_is_one_key() -> None:
    twice = router([], hash=FIVE_TUPLE, flows=(flow(1, 0), flow(1, 0)))
    assert len(set(flow_keys(twice))) == 1


def test_within_one_kernel_policy_1_hashes_the_socket() -> None:
    twice = router([], hash=LAYER_4, flows=(flow(1, 0), flow(1, 1)))
    assert len(set(flow_keys(twice))) == 2
    assert len(set(flow_keys(replace(twice, one_kernel=False)))) == 1
