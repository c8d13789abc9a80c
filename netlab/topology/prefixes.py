"""Prefixes as they are written: with their length."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_interface, ip_network


class NoLengthError(ValueError):
    """An address stands where a prefix is meant. `hint` says what may have been."""

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(f"{text} has no prefix length")
        self.hint = hint


def prefix(written: str) -> IPv4Network | IPv6Network:
    """A prefix with its length. NoLengthError for an address alone, which ipaddress takes for one of a single address;
    ValueError as ipaddress has it for anything else."""
    network = ip_network(written)
    if "/" not in written:
        raise NoLengthError(written, meant(network))
    return network


def meant(network: IPv4Network | IPv6Network) -> str:
    """What an address that stands where a prefix is meant may have been meant to be."""
    address = network.network_address
    around = ip_interface(f"{address}/{24 if network.version == 4 else 64}").network
    return f"write {address}/{network.prefixlen} for that address alone, or a network with its length, as in {around}"
