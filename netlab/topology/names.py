"""Which names a host, an interface, a sysctl and an environment variable can have."""

from __future__ import annotations

import re

from netlab.topology import patterns

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_NODE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?")
_LAB = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_SYSCTL = re.compile(patterns.SYSCTL)
_ENV = re.compile(patterns.ENV)
# What the kernel's dev_valid_name() takes for white space, byte by byte, and the characters it refuses; a % would
# make it count up a template.
_NOT_IN_INTERFACE = frozenset(b"/:% \t\n\v\f\r\xa0")
# lo exists already; net.ipv4.conf.{all,default} are not interfaces.
_TAKEN = frozenset({"lo", "all", "default", ".", ".."})


def lab_name_problem(name: str) -> str | None:
    """Why this names no lab: its folder and its containers are called by it (Docker's rule for names)."""
    if len(name) > 63:
        return "longer than 63 characters"
    return None if _LAB.fullmatch(name) else "only letters, digits, _, . and -, a letter or digit first"


def node_name_problem(name: str) -> str | None:
    """Why this names no node: a host name, with _ as containerlab's files have it too (gethostname(2): 64 bytes)."""
    if len(name) > 63:
        return "longer than 63 characters"
    if not _NODE.fullmatch(name):
        return "only letters, digits, _, . and -, a letter or digit first and last"
    return "that name is every machine's own" if name == "localhost" else None


def kubernetes_name_problem(name: str) -> str | None:
    """Why this names no cluster: an RFC 1123 label in lower case."""
    return None if len(name) <= 63 and _LABEL.fullmatch(name) else "only a-z, 0-9 and - (not first or last)"


def kubernetes_node_name_problem(name: str) -> str | None:
    """Why this names no node of a cluster: an RFC 1123 subdomain that is also a host name and a label's value."""
    if len(name) > 63:
        return f"{len(name)} characters, of at most 63"
    labels = all(_LABEL.fullmatch(label) for label in name.split("."))
    return None if labels else "only a-z, 0-9, - and . (no - or . beside another . or at an end)"


def interface_name_problem(name: str) -> str | None:
    """Why the kernel would not take this name for a new interface."""
    data = name.encode()
    if not 1 <= len(data) <= 15:
        return "1 to 15 bytes"
    if _NOT_IN_INTERFACE & set(data):
        return "no /, :, % or white space"
    return "the kernel keeps that name" if name in _TAKEN else None


def is_sysctl(key: str) -> bool:
    """Whether this is a sysctl in dotted form that belongs to a network namespace.

    net.netfilter.nf_hooks_lwtunnel looks like one, but is one for all, the host's too.
    """
    return _SYSCTL.fullmatch(key) is not None and not key.endswith(".nf_hooks_lwtunnel")


def is_env_name(name: str) -> bool:
    """Whether a shell takes this as the name of a variable."""
    return _ENV.fullmatch(name) is not None
