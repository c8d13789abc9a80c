"""What a user wrote: YAML with positions -> Topology. Generic; a kind's own options stay opaque here."""

from netlab.topology.load import load, parse

__all__ = ["load", "parse"]
