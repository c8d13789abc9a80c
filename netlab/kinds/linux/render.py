"""What a host is made of."""

from __future__ import annotations

from netlab.daemons.frr import running
from netlab.kinds import hashing
from netlab.kinds.base import AddressedLab, Expansion, Machine, Rendered
from netlab.kinds.common import machine_plan
from netlab.kinds.linux import frr_image
from netlab.kinds.linux.frr_image import FrrImage
from netlab.kinds.linux.options import CheckedLinux
from netlab.model.plan import ContainerPlan, NodePlan, ProcessPlan, Role, RoutingPlan
from netlab.model.topology import NodeSpec


def expand(node: NodeSpec, checked: CheckedLinux) -> Expansion:
    """One machine."""
    if checked.frr is None:
        return Expansion((Machine(node.name, Role.HOST),))
    return Expansion((Machine(node.name, Role.ROUTER, checked.frr.addresses, checked.frr.asn),))


def render(node: NodeSpec, checked: CheckedLinux, lab: AddressedLab) -> Rendered:
    """A network namespace with its own process tree and file system; with an image of FRR, FRR in it."""
    if checked.frr is not None:
        return Rendered((_router(node, checked, checked.frr, lab),))
    plan = machine_plan(
        lab, lab.machines[node.name], runs_as=_runs_as(node, checked), processes=_command(node, checked.real)
    )
    return Rendered((plan,))


def _runs_as(node: NodeSpec, checked: CheckedLinux) -> str:
    if not checked.real:
        return "Linux network namespace"
    return f"image {node.image}" if node.image else "Linux container"


def _command(node: NodeSpec, real: bool) -> tuple[ProcessPlan, ...]:
    """The program that the file names. An engine puts an entrypoint before it where it runs the user's image; else that
    is done here."""
    said = node.container
    argv = said.command if real and node.image else (*said.entrypoint, *said.command)
    return (ProcessPlan("cmd", argv, is_command=True),) if argv else ()


def _router(node: NodeSpec, checked: CheckedLinux, frr: FrrImage, lab: AddressedLab) -> NodePlan:
    """FRR with the daemons that the bound files name. The image starts them by itself, where it is what runs."""
    routing = RoutingPlan("frr", frr.daemons, frr.asn, frr.neighbors, neighbors_asked=True)
    sysctls = hashing.hash_sysctls(lab.name, node.name, None)
    machine = lab.machines[node.name]
    if checked.real:
        return machine_plan(
            lab,
            machine,
            runs_as=f"image {node.image}, FRR",
            sysctls=sysctls,
            processes=_command(node, True),
            routing=routing,
            container=ContainerPlan(boots=True, capabilities=running.CAPABILITIES),
        )
    return machine_plan(
        lab,
        machine,
        runs_as="FRR",
        sysctls=sysctls,
        files=frr_image.files(frr),
        processes=frr_image.processes(frr),
        routing=routing,
        startup_check=frr_image.startup_check(frr),
    )
