"""What a VyOS router is made of: FRR with the translated configuration."""

from __future__ import annotations

from netlab.kinds import forwarding, frrouting
from netlab.kinds.base import AddressedLab, Expansion, Machine, Rendered
from netlab.kinds.common import machine_plan
from netlab.kinds.vyos.options import CheckedVyos
from netlab.model.plan import Role, RoutingPlan
from netlab.model.topology import NodeSpec

KERNELS = {"1.1": "Linux 3.13 spread packets, not flows, over several next hops"}
"""What the version's own kernel did with several next hops (per-packet multipath: Linux 3.6 to 4.3)."""


def expand(node: NodeSpec, checked: CheckedVyos) -> Expansion:
    """One machine, with the addresses of its configuration."""
    return Expansion((Machine(node.name, Role.ROUTER, checked.addresses, checked.translation.asn),))


def render(node: NodeSpec, checked: CheckedVyos, lab: AddressedLab) -> Rendered:
    """The translated configuration, the daemons that it needs and the kernel's hash settings."""
    version = checked.options.vyos_version
    runs_as = f"VyOS {version} configuration, Quagga's defaults, run by FRR"
    translation, spread = checked.translation, checked.options.forwarding
    daemons = frrouting.daemons_for(translation.text)
    plan = machine_plan(
        lab,
        lab.machines[node.name],
        runs_as=runs_as,
        sysctls=frrouting.hash_sysctls(lab.name, node.name, checked.options.hash),
        files=frrouting.files(translation.text, daemons) + forwarding.files(spread),
        processes=frrouting.router_processes(daemons) + forwarding.processes(spread),
        routing=RoutingPlan("frr", daemons, translation.asn, translation.neighbors),
        forwarding=spread,
        old_kernel=KERNELS.get(version) if spread == "per-flow" else None,
    )
    return Rendered((plan,), emulated=(f"{node.name}: {runs_as}", *forwarding.emulated(node.name, spread)))
