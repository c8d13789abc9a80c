"""What MetalLB's end-to-end tests do with a router that stands as an external container (e2etest/pkg/frr/container in
MetalLB's repository): the same commands in the same order, on the routers of topologies/metallb-e2e.yaml."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import Engine
from netlab_program import TOPOLOGIES, Netlab

LAB = "metallb-e2e"
IBGP, EBGP = "ibgp-single-hop", "ebgp-single-hop"
ASN = {IBGP: 64512, EBGP: 4200000000}
PASSWORD = "e2e-secret"


@dataclass(frozen=True)
class Suite:
    """MetalLB's suite with one container; `folder` is where it runs."""

    engine: Engine
    folder: Path
    container: str

    def sh(self, command: str) -> str:
        """What a command line prints in the container."""
        return self.engine("exec", self.container, "sh", "-c", command)

    def vtysh(self, command: str) -> Any:
        """What FRR answers, as JSON."""
        return json.loads(self.engine("exec", self.container, "vtysh", "-c", command))

    def take(self) -> tuple[str, str]:
        """Its IPv4 and its IPv6 address, of the one network that it may have; /etc/frr becomes the suite's own."""
        assert self.engine("ps", "--format={{.Status}}", f"--filter=name={self.container}").startswith("Up")
        ipv4, ipv6 = (
            self.engine(
                "inspect", "-f", f"{{{{range .NetworkSettings.Networks}}}}{{{{.{key}}}}}{{{{end}}}}", self.container
            )
            for key in ("IPAddress", "GlobalIPv6Address")
        )
        self.sh(f"chown -R {os.getuid()}:{os.getgid()} /etc/frr")
        return ipv4, ipv6

    def configure(self, config: str) -> None:
        """Write the configuration, have FRR check it, then reload it."""
        (self.folder / self.container / "frr.conf").write_text(config)
        self.sh("python3 /usr/lib/frr/frr-reload.py --test --stdout /etc/frr/frr.conf")
        self.sh("python3 /usr/lib/frr/frr-reload.py --reload --overwrite --stdout /etc/frr/frr.conf")

    def neighbors(self) -> dict[str, str]:
        """Each BGP neighbor's state."""
        return {address: found["bgpState"] for address, found in self.vtysh("show bgp neighbor json").items()}

    def fetch(self, url: str) -> str:
        """The page, as the suite's client gets it; empty where there is none."""
        return self.engine("exec", self.container, "wget", "-O-", "-q", url, "-T", "60", check=False)

    def end(self) -> None:
        """Its teardown. Of a link to a folder it removes the link, as Go's os.RemoveAll does."""
        self.engine("kill", self.container)
        (self.folder / self.container).unlink()


def config(asn: int, own: str, neighbors: list[str], remote: int, network: str, *, bfd: bool = True) -> str:
    """A configuration with what the suite's have: debug lines, a log file, passwords, BFD where the speakers do it."""
    lines = [
        *("password zebra", "debug bgp updates", "debug bfd peer", "ip nht resolve-via-default"),
        *("log file /tmp/frr.log debugging", "log timestamp precision 3"),
        *("route-map FIRST permit 10", "set ipv6 next-hop prefer-global"),
        *(f"router bgp {asn}", f" bgp router-id {own}", " no bgp ebgp-requires-policy"),
        *(" no bgp default ipv4-unicast", " no bgp network import-check"),
    ]
    for address in neighbors:
        given = (f"remote-as {remote}", f"password {PASSWORD}", *(("bfd",) if bfd else ()))
        lines += [f" neighbor {address} {words}" for words in given]
    lines += [" address-family ipv4 unicast", f"  network {network}"]
    for address in neighbors:
        lines += [f"  neighbor {address} next-hop-self", f"  neighbor {address} activate"]
    return "\n".join([*lines, " exit-address-family", ""])


def copy_lab(folder: Path) -> Path:
    """A copy of the shipped file and of its folders, as its comment asks for."""
    shutil.copy(TOPOLOGIES / f"{LAB}.yaml", folder)
    for router in ASN:
        (folder / LAB / router).mkdir(parents=True)
    return folder / f"{LAB}.yaml"


def connected(netlab: Netlab, engine: Engine, file: Path, network: str) -> dict[str, Suite]:
    """Deploy the lab and connect its routers to a cluster's network, by the commands of docs/kind.md."""
    done = netlab("deploy", file)
    assert done.returncode == 0, done
    suite = file.parent / "e2etest"
    suite.mkdir()
    for router in ASN:
        engine("network", "disconnect", "none", router)
        engine("network", "connect", network, router)
        (suite / router).symlink_to(file.parent / LAB / router)
    return {router: Suite(engine, suite, router) for router in ASN}


def wait(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Until it holds. AssertionError after that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)
