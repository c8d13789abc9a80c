"""A filter in pcap syntax as classic BPF for the kernel, compiled by libpcap.

libpcap compiles for one type of link; `program` joins its results so that every interface's packets meet the one for
their type. The compiler is asked through a live handle on `lo`, whose type is Ethernet: only then does it know that
the kernel keeps VLAN tags beside the packet, and what `inbound` and `outbound` mean.
"""

from __future__ import annotations

import ctypes

from netlab.agent.record.ring import ARPHRD_ETHER, ARPHRD_LOOPBACK
from netlab.kernel.packetring import Instruction
from netlab.model.errors import HostError, InputError, Problem

_LIBRARIES = ("libpcap.so.0.8", "libpcap.so.1")  # Debian's name and everybody else's
MEND = "sudo apt-get install libpcap0.8"
_ETHERNET, _RAW = 1, 12  # DLT_EN10MB, DLT_RAW
_ANY_NETMASK = 0xFFFFFFFF  # PCAP_NETMASK_UNKNOWN
_LOAD, _EQUAL, _ALWAYS, _ANSWER = 0x20, 0x15, 0x05, 0x06
_PACKET_TYPE, _INTERFACE, _HARDWARE = 0xFFFFF000 + 4, 0xFFFFF000 + 8, 0xFFFFF000 + 28  # SKF_AD_OFF + SKF_AD_*
_OUTGOING = 4


def program(text: str, interface: int | None, snaplen: int) -> list[Instruction]:
    """The program that keeps `snaplen` bytes of what matches `text`, of one interface or of all.

    On `lo` every packet passes twice, and as with tcpdump the outgoing one is left out. InputError for a filter that
    libpcap refuses, HostError where there is no libpcap.
    """
    everything: list[Instruction] = [(_ANSWER, 0, 0, snaplen)]
    ethernet, raw = (_compile(text, snaplen)) if text.strip() else (everything, everything)
    head: list[Instruction] = []
    if interface is not None:
        head += [(_LOAD, 0, 0, _INTERFACE), (_EQUAL, 1, 0, interface), (_ANSWER, 0, 0, 0)]
    head += [
        (_LOAD, 0, 0, _HARDWARE),
        (_EQUAL, 0, 3, ARPHRD_LOOPBACK),
        (_LOAD, 0, 0, _PACKET_TYPE),
        (_EQUAL, 0, 1, _OUTGOING),
        (_ANSWER, 0, 0, 0),
        (_LOAD, 0, 0, _HARDWARE),
        (_EQUAL, 2, 0, ARPHRD_ETHER),
        (_EQUAL, 1, 0, ARPHRD_LOOPBACK),
        (_ALWAYS, 0, 0, len(ethernet)),
    ]
    return [*head, *ethernet, *raw]


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.POINTER(_Instruction)))


class _Refused(Exception):
    """libpcap does not take the filter; the text says why."""


def _compile(text: str, snaplen: int) -> tuple[list[Instruction], list[Instruction]]:
    """For links with an Ethernet header, and for those that begin with IP's."""
    if "\0" in text:
        raise InputError(Problem("the filter contains a NUL character"))
    library = _library()
    try:
        ethernet = _compile_for(library, _ethernet_handle(library, snaplen), text)
    except _Refused as refused:
        hint = "man pcap-filter explains the syntax; quote what the shell would take for its own"
        raise InputError(Problem(f"filter {text!r}: {refused}", hint=hint)) from None
    try:
        raw = _compile_for(library, library.pcap_open_dead(_RAW, snaplen), text)
    except _Refused:  # it asks for what such a link does not have
        raw = [(_ANSWER, 0, 0, 0)]
    return ethernet, raw


def library_name() -> str | None:
    """The name by which this host has libpcap; None where it has none."""
    for name in _LIBRARIES:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return name
    return None


def _library() -> ctypes.CDLL:
    name = library_name()
    if name is None:
        raise HostError("a capture filter needs libpcap, which this host does not have", MEND)
    library = ctypes.CDLL(name)
    library.pcap_open_dead.restype = ctypes.c_void_p
    library.pcap_create.restype = ctypes.c_void_p
    library.pcap_geterr.restype = ctypes.c_char_p
    return library


def _ethernet_handle(library: ctypes.CDLL, snaplen: int) -> int:
    errors = ctypes.create_string_buffer(256)
    handle = library.pcap_create(b"lo", errors)
    if handle:
        library.pcap_set_snaplen(ctypes.c_void_p(handle), snaplen)
        if library.pcap_activate(ctypes.c_void_p(handle)) >= 0:
            return int(handle)
        library.pcap_close(ctypes.c_void_p(handle))
    return int(library.pcap_open_dead(_ETHERNET, snaplen))  # lo is down: no VLANs then, and no `inbound`


def _compile_for(library: ctypes.CDLL, handle: int, text: str) -> list[Instruction]:
    pointer = ctypes.c_void_p(handle)
    compiled = _Program()
    try:
        if library.pcap_compile(pointer, ctypes.byref(compiled), text.encode(), 1, ctypes.c_uint(_ANY_NETMASK)) < 0:
            raise _Refused(library.pcap_geterr(pointer).decode("utf-8", "replace"))
        rows = [compiled.instructions[index] for index in range(compiled.length)]
        found = [(row.code, row.jt, row.jf, row.k) for row in rows]
        library.pcap_freecode(ctypes.byref(compiled))
        return found
    finally:
        library.pcap_close(pointer)
