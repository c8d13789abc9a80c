"""Programs with labels, and the kernel's way of counting jumps."""

import struct

import pytest
from bpf import run

from netlab.kernel import bpf
from netlab.kernel.bpf import Jump, Label, Step, assemble, encode


def test_labels_become_distances_and_what_was_compiled_elsewhere_is_taken_as_it_is() -> None:
    compiled = [(bpf.LOAD_HALF, 0, 0, 12), (bpf.EQUAL, 0, 1, 0x0800), (bpf.ANSWER, 0, 0, 1), (bpf.ANSWER, 0, 0, 2)]
    program = [
        Step(bpf.LOAD_BYTE, 0),
        Step(bpf.EQUAL, 7, holds="seven"),
        Jump("other"),
        Label("seven"),
        *compiled,
        Label("other"),
        Step(bpf.ANSWER, 3),
    ]
    made = assemble(program)
    assert made[1:3] == [(bpf.EQUAL, 1, 0, 7), (bpf.ALWAYS, 0, 0, 4)]
    assert made[3:7] == compiled
    answers = [
        run(encode(made), bytes([first]) + bytes(11) + kind)
        for first, kind in ((7, b"\x08\0"), (7, b"\x86\xdd"), (1, b"\0\0"))
    ]
    assert answers == [1, 2, 3]


def test_a_label_must_lie_ahead() -> None:
    with pytest.raises(ValueError, match="start lies behind"):
        assemble([Label("start"), Step(bpf.LOAD_BYTE), Step(bpf.EQUAL, 0, holds="start")])
    with pytest.raises(KeyError, match="nowhere"):
        assemble([Jump("nowhere")])


def test_an_instruction_is_a_struct_sock_filter() -> None:
    assert encode(assemble([Step(bpf.ANSWER, 0x12345678)])) == struct.pack("=HBBI", 6, 0, 0, 0x12345678)
