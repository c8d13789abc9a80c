"""A signal that comes while pydantic works is not lost."""

import subprocess
import sys

import pytest

# A process of its own, with one thread: where there are others, one of them may take the signal.
PROGRAM = """
import os, signal, subprocess, sys, time
from netlab.model import codec
from netlab.model.plan import LabPlan
# What a handler raises below pydantic's native code is printed as ignored, and forgotten.
sender = subprocess.Popen(["sh", "-c", f"sleep {sys.argv[1]}; kill -INT {os.getpid()}"])
deadline = time.monotonic() + 10
try:
    while time.monotonic() < deadline:
        codec._adapters.clear()  # making an adapter calls back into Python, where a handler would run
        codec.encode(LabPlan("lab", "f", "netns", (), ()))
except KeyboardInterrupt:
    print("caught")
"""


@pytest.mark.parametrize("delay", ["0.02", "0.021", "0.023", "0.026", "0.03"])
def test_an_interrupt_meanwhile_is_not_lost(delay: str) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n{PROGRAM}",
            delay,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "caught\n", done
