"""The caller's side of a capturer."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import asdict
from types import TracebackType
from typing import Any

from netlab.agent.pcap.request import CaptureReport, CaptureRequest
from netlab.model.errors import HostError, InputError, LabError, NetlabError, Problem

_START_TIMEOUT = 30.0


class CaptureSession:
    """A capturer that a runtime has started. Use as a context manager: it ends with the block, or with this process."""

    def __init__(self, control: socket.socket, end: Callable[[], int | None]) -> None:
        """`control` is a connected stream socket, the session's from now on. `end` waits for the capturer's end."""
        self._control = control
        self._end = end
        self._lines = control.makefile("rb")

    def __enter__(self) -> CaptureSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lines.close()
        self._control.close()
        self._end()

    def begin(self, request: CaptureRequest) -> tuple[str, ...]:
        """Start recording; the interfaces. InputError for an unknown interface or a wrong filter."""
        self._control.settimeout(_START_TIMEOUT)
        self._control.sendall(json.dumps(asdict(request)).encode() + b"\n")
        interfaces = self._receive()["capturing"]
        self._control.settimeout(None)
        return tuple(interfaces)

    def stop(self) -> None:
        """End the recording; `wait` returns soon. Safe in a signal handler and more than once."""
        try:
            self._control.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the capturer is gone already

    def wait(self) -> CaptureReport:
        """Wait for the recording's end. LabError where the lab died."""
        return CaptureReport(**self._receive()["done"])

    def _receive(self) -> dict[str, Any]:
        try:
            line = self._lines.readline()
        except TimeoutError:
            raise LabError(f"the capture gave no answer within {_START_TIMEOUT:.0f} s") from None
        except OSError:
            line = b""
        if not line:
            raise LabError("the capture was killed, as happens when the lab dies; what it wrote until then is valid")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise _error(answer)
        return answer


def _error(answer: dict[str, Any]) -> NetlabError:
    if answer["error"] == "input":
        return InputError(Problem(answer["message"], hint=answer["mend"]))
    if answer["error"] == "host":
        return HostError(answer["message"], answer["mend"])
    return LabError(answer["message"])
