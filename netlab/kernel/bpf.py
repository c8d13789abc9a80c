"""Classic BPF (Documentation/networking/filter.rst), written with labels in place of counted jumps.

Imported by the inits of labs and machines: standard library only, and Python 3.9 and later.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple, Union

# linux/bpf_common.h: class, size and mode, or what is compared with what.
LOAD_WORD, LOAD_HALF, LOAD_BYTE = 0x20, 0x28, 0x30
LOAD_HALF_INDEXED, LOAD_BYTE_INDEXED = 0x48, 0x50
LOAD_IP_HEADER_LENGTH = 0xB1
ALWAYS, EQUAL, AT_LEAST, ANY_OF = 0x05, 0x15, 0x35, 0x45
ANSWER = 0x06

# linux/filter.h, SKF_AD_OFF + SKF_AD_*: what the kernel knows beside a packet's bytes.
PACKET_TYPE, INTERFACE, HARDWARE = 0xFFFFF000 + 4, 0xFFFFF000 + 8, 0xFFFFF000 + 28

Instruction = tuple[int, int, int, int]
"""One instruction: code, jump if true, jump if false, operand."""


class Step(NamedTuple):
    """One instruction, and where a comparison leads; an empty name is the next step."""

    code: int
    value: int = 0
    holds: str = ""
    fails: str = ""


class Jump(NamedTuple):
    """Goes on at the label, whatever holds."""

    to: str


class Label(NamedTuple):
    """The place of the step that follows."""

    name: str


# Not `|`, which Python 3.9 has for no types.
Line = Union[Step, Jump, Label, Instruction]  # noqa: UP007
"""A line of a program. An Instruction is taken as it is: its jumps are counted, by who has compiled it."""


def assemble(lines: Iterable[Line]) -> list[Instruction]:
    """The program, its labels resolved. KeyError for a label that is nowhere; ValueError for one that lies behind."""
    places: dict[str, int] = {}
    steps: list[Line] = []
    for line in lines:
        if isinstance(line, Label):
            places[line.name] = len(steps)
        else:
            steps.append(line)

    def ahead(at: int, name: str) -> int:
        distance = places[name] - at - 1 if name else 0
        if distance < 0:
            raise ValueError(f"{name} lies behind")
        return distance

    program: list[Instruction] = []
    for at, step in enumerate(steps):
        if isinstance(step, Jump):
            program.append((ALWAYS, 0, 0, ahead(at, step.to)))
        elif isinstance(step, Step):
            program.append((step.code, ahead(at, step.holds), ahead(at, step.fails), step.value))
        elif not isinstance(step, Label):
            program.append(step)
    return program


def encode(program: Iterable[Instruction]) -> bytes:
    """The program as an array of struct sock_filter."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
