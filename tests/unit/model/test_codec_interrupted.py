"""A signal that comes while pydantic works is not lost."""

import os
import signal
import subprocess
import time

import pytest

from netlab.model import codec
from netlab.model.plan import LabPlan


class Interrupt(Exception):
    """What the handler raises. Below pydantic's native code it would be printed as ignored, and forgotten."""


@pytest.mark.parametrize("delay", [0.0001, 0.0005, 0.001, 0.002, 0.004])
def test_an_interrupt_meanwhile_is_not_lost(delay: float) -> None:
    def interrupt(*_: object) -> None:
        raise Interrupt

    before = signal.signal(signal.SIGINT, interrupt)
    # From another process: a second thread of this one would take the signal while the first has it blocked.
    sender = subprocess.Popen(["sh", "-c", f"sleep {delay}; kill -INT {os.getpid()}"])
    try:
        deadline = time.monotonic() + 10
        with pytest.raises(Interrupt):
            while time.monotonic() < deadline:
                codec._adapters.clear()  # making an adapter calls back into Python, where a handler would run
                codec.encode(LabPlan("lab", "f", "netns", (), ()))
    finally:
        sender.wait()
        signal.signal(signal.SIGINT, before)
