"""A filter in pcap syntax as classic BPF for the kernel, compiled by libpcap.

libpcap compiles for one type of link; `program` joins its results so that every interface's packets meet the one for
their type. The compiler is asked through a live handle on `lo`, whose type is Ethernet: only then does it know that
the kernel keeps VLAN tags beside the packet, and what `inbound` and `outbound` mean.
"""

from __future__ import annotations

import ctypes

from netlab.agent.pcap.ring import ARPHRD_ETHER, ARPHRD_LOOPBACK
from netlab.kernel import bpf, packetring
from netlab.kernel.bpf import Instruction
from netlab.model.errors import HostError, InputError, Problem

_LIBRARIES = ("libpcap.so.0.8", "libpcap.so.1")  # Debian's name and everybody else's
MEND = "sudo apt-get install libpcap0.8"
_ETHERNET, _RAW = 1, 12  # DLT_EN10MB, DLT_RAW
_ANY_NETMASK = 0xFFFFFFFF  # PCAP_NETMASK_UNKNOWN


def program(text: str, interface: int | None, snaplen: int) -> list[Instruction]:
    """The program that keeps `snaplen` bytes of what matches `text`, of one interface or of all.

    On `lo` every packet passes twice, and as with tcpdump the outgoing one is left out. InputError for a filter that
    libpcap refuses, HostError where there is no libpcap.
    """
    everything: list[Instruction] = [(bpf.ANSWER, 0, 0, snaplen)]
    ethernet, raw = (_compile(text, snaplen)) if text.strip() else (everything, everything)
    head: list[bpf.Line] = []
    if interface is not None:
        head += [bpf.Step(bpf.LOAD_WORD, bpf.INTERFACE), bpf.Step(bpf.EQUAL, interface, fails="drop")]
    return bpf.assemble(
        [
            *head,
            bpf.Step(bpf.LOAD_WORD, bpf.HARDWARE),
            bpf.Step(bpf.EQUAL, ARPHRD_LOOPBACK, fails="by type"),
            bpf.Step(bpf.LOAD_WORD, bpf.PACKET_TYPE),
            bpf.Step(bpf.EQUAL, packetring.OUTGOING, fails="by type"),
            bpf.Label("drop"),
            bpf.Step(bpf.ANSWER, 0),
            bpf.Label("by type"),
            bpf.Step(bpf.LOAD_WORD, bpf.HARDWARE),
            bpf.Step(bpf.EQUAL, ARPHRD_ETHER, holds="ethernet"),
            bpf.Step(bpf.EQUAL, ARPHRD_LOOPBACK, holds="ethernet"),
            bpf.Jump("raw"),
            bpf.Label("ethernet"),
            *ethernet,
            bpf.Label("raw"),
            *raw,
        ]
    )


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
        raw = [(bpf.ANSWER, 0, 0, 0)]
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
