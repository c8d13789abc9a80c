"""What a VyOS router is made of: FRR with the translated configuration."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.daemons.frr import running
from netlab.kinds import forwarding, hashing, serving
from netlab.kinds.base import AddressedLab, Expansion, Machine, Rendered, SourceText
from netlab.kinds.common import machine_plan
from netlab.kinds.hashing import HASH_FIELDS, HASH_POLICY, HashOptions
from netlab.kinds.vyos import boot
from netlab.kinds.vyos.boot import VyosImage
from netlab.kinds.vyos.lines import ConfigLine
from netlab.kinds.vyos.options import CheckedVyos
from netlab.model.plan import LineSource, Role, RoutingPlan, SysctlPlan
from netlab.model.topology import NodeSpec

KERNELS = {"1.1": "Linux 3.13 spread packets, not flows, over several next hops"}
"""What the version's own kernel did with several next hops (per-packet multipath: Linux 3.6 to 4.3)."""

LAYER_3 = 0
"""The kernel's own policy, which a VyOS without layer4-hashing keeps: source and destination address."""


def runs_as(version: str) -> str:
    """What really runs, for every screen."""
    defaults = " Quagga's defaults," if version == "1.1" else ""
    return f"VyOS {version} configuration,{defaults} run by FRR"


def expand(node: NodeSpec, checked: CheckedVyos | VyosImage) -> Expansion:
    """One machine, with the addresses of its configuration."""
    if isinstance(checked, VyosImage):
        return boot.expand(node, checked)
    serves = serving.servings(node, checked.options.serve)
    return Expansion((Machine(node.name, Role.ROUTER, checked.addresses, checked.translation.asn, serves=serves),))


def render(node: NodeSpec, checked: CheckedVyos | VyosImage, lab: AddressedLab) -> Rendered:
    """The translated configuration, the daemons that it needs and the kernel's hash settings; or VyOS's own image."""
    if isinstance(checked, VyosImage):
        return boot.render(node, checked, lab)
    version, translation, spread = checked.version, checked.translation, checked.options.forwarding
    serve = checked.options.serve
    sources = line_sources(translation.lines, checked.source)
    places = tuple(line.sources[-1] if line.sources else None for line in translation.lines)
    daemons = running.daemons_for(translation.text)
    plan = machine_plan(
        lab,
        lab.machines[node.name],
        runs_as=serving.runs_as(runs_as(version), serve),
        sysctls=tuple(_sysctls(node, checked, lab)),
        files=running.files(translation.text, daemons, sources) + forwarding.files(spread) + serving.files(serve),
        processes=running.router_processes(daemons, checked.source.file, places)
        + forwarding.processes(spread)
        + serving.processes(lab, node, serve),
        routing=RoutingPlan("frr", daemons, translation.asn, translation.neighbors),
        forwarding=spread,
        old_kernel=KERNELS.get(version) if spread == "per-flow" else None,
    )
    warnings = tuple(f"{node.name}: {warning}" for warning in translation.warnings)
    emulated = (f"{node.name}: {runs_as(version)}", *forwarding.emulated(node.name, spread))
    return Rendered((plan,), emulated=emulated, warnings=warnings)


def hash_options(checked: CheckedVyos, version: int = 4) -> HashOptions:
    """How the router's kernel chooses among next hops; what the topology says goes first.

    With `multipath layer4-hashing` a VyOS has policy 1, for which policy 3 with the 5-tuple stands in here
    (see hashing.hash_sysctls), and without it policy 0. VyOS 1.1's kernel did not hash at all; it gets the
    5-tuple, the nearest thing to spreading every packet that keeps a flow whole. `forwarding: per-packet` needs it too.
    """
    spread = checked.version == "1.1" or checked.options.forwarding == "per-packet"
    layer4 = spread or version in checked.translation.layer4
    own = {"policy": HASH_POLICY if layer4 else LAYER_3, "fields": HASH_FIELDS}
    given = checked.options.hash
    written = given.model_dump(include=given.model_fields_set) if given is not None else {}
    if "fields" in written:
        own["policy"] = HASH_POLICY
    return HashOptions(**{**own, **written})


def _sysctls(node: NodeSpec, checked: CheckedVyos, lab: AddressedLab) -> Iterator[SysctlPlan]:
    for version, family in ((4, "net.ipv4."), (6, "net.ipv6.")):
        both = hashing.hash_sysctls(lab.name, node.name, hash_options(checked, version))
        yield from (sysctl for sysctl in both if sysctl.key.startswith(family))
    if checked.translation.use_neigh:
        yield SysctlPlan("net.ipv4.fib_multipath_use_neigh", "1")


def line_sources(lines: tuple[ConfigLine, ...], source: SourceText) -> tuple[tuple[LineSource, ...], ...]:
    """For each line the lines of the VyOS configuration that it comes from, or the reason why it is there."""
    texts = source.text.split("\n")
    found = []
    for line in lines:
        first = {position.line: position for position in reversed(line.sources)}
        written = tuple(LineSource(texts[p.line - 1].strip(), p) for _, p in sorted(first.items()))
        found.append(written or ((LineSource(line.reason),) if line.reason else ()))
    return tuple(found)
