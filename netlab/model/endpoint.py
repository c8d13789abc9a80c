"""How an address and a port are written together."""

from __future__ import annotations


def endpoint(address: object, port: int) -> str:
    """`192.0.2.1:80`, `[2001:db8::1]:80` (RFC 5952, section 6)."""
    text = str(address)
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"
