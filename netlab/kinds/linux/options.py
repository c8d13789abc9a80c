"""The options of a host."""

from __future__ import annotations

from dataclasses import dataclass

from netlab.kinds.base import SourceText
from netlab.kinds.common import OptionModel
from netlab.kinds.linux.frr_image import FrrImage, is_frr_image, read_bound
from netlab.model.topology import NodeSpec, Topology
from netlab.topology.checking import check_options


class LinuxOptions(OptionModel):
    """A host has no key of its own."""


@dataclass(frozen=True)
class CheckedLinux:
    """What a host is: with an image of FRR a router, whose bound files say what it runs."""

    frr: FrrImage | None
    real: bool
    """Whether the image itself runs, and starts what it has by itself."""


def check(node: NodeSpec, topology: Topology, startup_config: SourceText | None) -> CheckedLinux:  # noqa: ARG001
    """The options of a host. Raises TopologyError."""
    check_options(LinuxOptions, node.options, "a node of kind linux")
    frr = read_bound(node) if is_frr_image(node.image) else None
    return CheckedLinux(frr, real=topology.runtime.images)
