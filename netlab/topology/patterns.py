"""The forms of texts, as regular expressions that JSON Schema (ECMA-262) and Python read alike.

They take everything that the loader takes. Where a form cannot say it all (no host bits in a prefix, at most 15
bytes), the loader knows more.
"""

from __future__ import annotations

_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_V4 = rf"({_OCTET}\.){{3}}{_OCTET}"
_V6 = r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*"
# A length or a mask. Python's ipaddress takes leading zeros in a length.
_LENGTH_V4 = rf"(0*(3[0-2]|[12]?[0-9])|{_V4})"
_LENGTH_V6 = r"0*(12[0-8]|1[01][0-9]|[1-9]?[0-9])"
_NODE = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_INTERFACE = r"(?!(lo|all|default|\.\.?)$)[^/:%\s]{1,15}"

LAB_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
NODE_NAME = rf"^(?!localhost$){_NODE}$"
PREFIX_OF_NAMES = r"^([A-Za-z0-9][A-Za-z0-9_.-]{0,62}|__lab-name)?$"
ENDPOINT = rf"^{_NODE}(:{_INTERFACE})?$"
INTERFACE = rf"^{_INTERFACE}$"
BIND = r"^[^:]+:/+[^:/][^:]*(:(ro|rw))?$"
ENV = r"^[A-Za-z_][A-Za-z0-9_]*$"
PUBLISHED = rf"^((({_V4}|\[{_V6}\]):)?([0-9]{{1,5}}(-[0-9]{{1,5}})?)?:)?[0-9]{{1,5}}(-[0-9]{{1,5}})?(/(tcp|udp|sctp))?$"
CAPABILITY = r"^(CAP_)?[A-Z][A-Z_]{1,30}$"
CPU_SET = r"^[0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*$"
IMAGE = r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,254}$"
KIND_CLUSTER = r"^[a-z0-9]([a-z0-9.-]{0,47}[a-z0-9])?$"
SIZE = r"(?P<number>[0-9]{1,12}(\.[0-9]{1,3})?) ?(?P<unit>b|[kmgt](i?b)?)?"
MAC = r"^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$"
SYSCTL = r"^net(\.[A-Za-z0-9_-]+)+$"

ADDRESS_V4 = rf"^{_V4}$"
ADDRESS_V6 = rf"^{_V6}$"
ADDRESS = rf"^({_V4}|{_V6})$"
PREFIX_V4 = rf"^{_V4}/{_LENGTH_V4}$"
PREFIX_V6 = rf"^{_V6}/{_LENGTH_V6}$"
PREFIX = rf"^({_V4}/{_LENGTH_V4}|{_V6}/{_LENGTH_V6})$"
RANGE = rf"^\s*({_V4}\s*-\s*{_V4}|{_V6}\s*-\s*{_V6})\s*$"
ROUTE_TO = rf"^(default|{_V4}/{_LENGTH_V4}|{_V6}/{_LENGTH_V6})$"
