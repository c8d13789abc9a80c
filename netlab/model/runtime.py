"""What a runtime is, as far as others need to know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Traits:
    """What a runtime is, asked by kinds, plan and lab in place of its name."""

    name: str
    """As topology files and the state folder have it."""
    images: bool
    """A machine is a container, which runs the programs of its image and knows the keys of containers. Else it runs
    the host's, or those of its `rootfs`."""
    clusters: Literal["emulated", "real"]
    """What becomes of a `k8s` node."""
    comes_back: bool
    """A machine that has ended can be started again, and a lab outlives its host's restart in part."""
    one_kernel: bool
    """All machines share one kernel, so that hash policy 1 sees the sender's own hash of a socket."""
    capacity: int
    """Machines of one lab at most, pods too: what can be planned in a second or two."""


@dataclass(frozen=True)
class RuntimeEntry:
    """What an entry point of the group `netlab.runtimes` names."""

    traits: Traits
    implementation: str
    """The module whose functions are those of `netlab.runtime.base.Runtime`; imported when a lab is to be run."""
