from pathlib import Path

import pytest

from netlab.kinds import forwarding
from netlab.model.errors import TopologyError
from netlab.model.plan import LabPlan
from netlab.plan import plan_file

COMMANDS = "set protocols bgp 64512 neighbor 10.0.0.2 remote-as 64513\n"


@pytest.fixture
def lab(tmp_path: Path):  # type: ignore[no-untyped-def]
    """A lab with one router of the given keys."""

    def make(keys: str) -> LabPlan:
        (tmp_path / "rt-1.commands").write_text(COMMANDS)
        (tmp_path / "lab.yaml").write_text(f"name: lab\ntopology: {{nodes: {{rt-1: {{{keys}}}}}}}\n")
        return plan_file(tmp_path / "lab.yaml")

    return make


VYOS = 'kind: vyos, vyos-version: "1.1", startup-config: rt-1.commands'


@pytest.mark.parametrize("kind", ["kind: frr", VYOS])
def test_a_router_spreads_flows_unless_it_is_told_otherwise(lab, kind: str) -> None:  # type: ignore[no-untyped-def]
    plain = lab(kind)
    (router,) = plain.nodes
    assert router.forwarding == "per-flow"
    assert not any("nft" in word for process in router.processes for word in process.argv)

    told = lab(f"{kind}, forwarding: per-packet")

    (router,) = told.nodes
    assert (router.forwarding, router.old_kernel) == ("per-packet", None)
    load = next(process for process in router.processes if process.name == "per-packet")
    assert load.argv[-1] in [file.path for file in router.files]
    assert set(told.emulated) - set(plain.emulated) == {
        "rt-1: per-packet forwarding by nftables: a next hop drawn at random for each TCP and UDP packet, "
        "where Linux 3.6 to 4.3 dealt the next hops out in turns"
    }


@pytest.mark.parametrize("options", ["{policy: 0}", "{policy: 1}", "{fields: 0x27}"])
def test_a_hash_without_the_source_port_is_refused(lab, options: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TopologyError) as refused:
        lab(f"kind: frr, forwarding: per-packet, hash: {options}")
    (line,) = refused.value.lines()
    assert "forwarding: per-packet needs a hash that takes the source port in" in line
    lab(f"kind: frr, hash: {options}")


def test_a_seed_of_ones_own_is_no_obstacle(lab) -> None:  # type: ignore[no-untyped-def]
    lab("kind: frr, forwarding: per-packet, hash: {seed: 7, fields: 0x31}")


def test_the_drawn_ports_are_ports_and_differ() -> None:
    (file,) = forwarding.files("per-packet")
    drawn = file.content.split("map { ")[1].split(" }")[0].split(", ")
    ports = [int(pair.split(" : ")[1]) for pair in drawn]
    assert [int(pair.split(" : ")[0]) for pair in drawn] == list(range(1024))
    assert len(set(ports)) == 1024
    assert min(ports) >= 1024
    assert max(ports) <= 65535
