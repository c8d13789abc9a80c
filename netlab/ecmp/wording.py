"""Words for the messages of verdicts and findings."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """`1 flow`, `2 flows`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
