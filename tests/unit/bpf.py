"""The kernel's classic BPF machine (Documentation/networking/filter), as far as netlab's filters use it."""

import struct
import sys
from typing import Literal

_ANCILLARY = 0xFFFFF000  # SKF_AD_OFF
_PACKET_TYPE, _INTERFACE, _HARDWARE = 4, 8, 28  # SKF_AD_*


def run(
    program: bytes,
    data: bytes,
    *,
    order: Literal["little", "big"] = "big",
    packet_type: int = 0,
    interface: int = 0,
    hardware: int = 1,
) -> int:
    """What `program` (struct sock_filter, 8 bytes each) returns for `data`. A load past the end drops: 0."""
    beside = {_PACKET_TYPE: packet_type, _INTERFACE: interface, _HARDWARE: hardware}
    instructions = list(struct.iter_unpack("=HBBI", program))
    accumulator, index, at = 0, 0, 0
    sizes = {0x20: 4, 0x28: 2, 0x30: 1, 0x48: 2, 0x50: 1}
    while True:
        code, if_true, if_false, value = instructions[at]
        at += 1
        if code in sizes:
            start = value + (index if code in (0x48, 0x50) else 0)
            if start >= _ANCILLARY:
                accumulator = beside[start - _ANCILLARY]
            elif start + sizes[code] > len(data):
                return 0
            else:
                accumulator = int.from_bytes(data[start : start + sizes[code]], order)
        elif code == 0xB1:
            index = (data[value] & 0xF) * 4
        elif code in (0x15, 0x35, 0x45):
            holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
            at += if_true if holds else if_false
        elif code == 0x05:
            at += value
        elif code == 0x06:
            return value
        else:
            raise AssertionError(f"unknown instruction {code:#x}")


NATIVE: Literal["little", "big"] = sys.byteorder
