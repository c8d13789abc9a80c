"""What can be had out of a lab beside its state: packets, a picture, an archive for a bug report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netlab.agent.pcap.request import CaptureReport
    from netlab.agent.pcap.session import CaptureSession
    from netlab.model.results import Picture


class Capture:
    """A capture that runs. `interfaces` are those that it listens on."""

    def __init__(self, session: CaptureSession, interfaces: tuple[str, ...]) -> None:
        """Made by `api.capture`."""
        self._session = session
        self.interfaces = interfaces

    def stop(self) -> None:
        """End it; `wait` returns soon. From any thread or signal handler, and more than once."""
        self._session.stop()

    def wait(self) -> CaptureReport:
        """Wait for its end: `packets` written, and `drops` lost for want of time.

        Raises LabError where the lab died meanwhile; what was written until then is valid.
        """
        return self._session.wait()


@contextmanager
def capture(
    target: str,
    filter: str = "",
    *,
    file: str | None = None,
    count: int | None = None,
    duration: float | None = None,
    snaplen: int = 262_144,
    lab: str | None = None,
) -> Iterator[Capture]:
    """Capture the packets of a node (NODE, or NODE:INTERFACE) as long as the block lasts.

    filter: as pcap-filter(7) has it; empty for everything. file: where to write pcapng, "-" for standard output; None
    writes a line for each packet there. count packets or duration seconds end it; snaplen: bytes to keep of each.

    Raises InputError for an unknown node or interface, a filter that libpcap refuses or a number that makes no sense,
    LabError for a lab or node that does not run, HostError where there is no libpcap or the file cannot be written.
    """
    from netlab.lab.capture import CaptureOptions
    from netlab.lab.capture import capture as run

    with run(target, CaptureOptions(filter, file, count, duration, snaplen), lab) as (session, interfaces):
        yield Capture(session, interfaces)


def picture(file: str | Path | None = None, *, bgp: bool = True, lab: str | None = None) -> Picture:
    """What a picture shows of a topology file, which need not be deployed, or of a lab, running or dead.

    bgp: ask the routers of a running lab about their sessions.

    Raises TopologyError, InputError or LabError for a file or a lab that cannot be had.
    """
    from netlab.lab.picture import picture as look

    return look(None if file is None else Path(file), lab, ask=bgp)


def support(
    file: str | Path | None = None, *, add: Iterable[str | Path] = (), lab: str | None = None
) -> tuple[Path, int]:
    """Write an archive for a bug report, of every lab or of one: its path, and its size in bytes.

    file: where to; None for a name with the time in this folder. add: further files to put in.

    Raises InputError where the file is there already, LabError where there is no such lab.
    """
    from netlab.lab.support.collect import support as collect

    return collect(None if file is None else Path(file), lab, tuple(Path(one) for one in add))
