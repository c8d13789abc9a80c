"""docs/example-daemon deployed: a routing daemon that another package brings, in each runtime."""

import json
import time
from pathlib import Path

import pytest
from netlab_program import Netlab
from other_package import EXAMPLE_DAEMON, installed

pytestmark = pytest.mark.same_for_every_user


def next_hops(netlab: Netlab) -> list[str]:
    """Of the router to the VIP."""
    (report,) = json.loads(netlab("inspect", "--format", "json").stdout)["labs"]
    (vip,) = report["vips"]
    return list(vip["next_hops"])


def test_a_router_spreads_flows_over_two_servers_that_announce_by_gobgp(
    netlab: Netlab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_path = netlab.environment().get("PYTHONPATH", "")
    site = installed(EXAMPLE_DAEMON, tmp_path / "example")
    monkeypatch.setenv("PYTHONPATH", f"{own_path}:{site}".lstrip(":"))

    done = netlab("deploy", EXAMPLE_DAEMON / "gobgp.yaml")
    assert done.returncode == 0, done
    assert "has converged: 5 nodes, VIP 192.0.2.1:80" in done.stdout
    assert "HTTP server and GoBGP" in netlab("inspect", env={"COLUMNS": "200"}).stdout

    done = netlab("ecmp-check", "--expect", "ecmp", "--format", "json")
    assert done.returncode == 0, done
    (router,) = json.loads(done.stdout)["routers"]
    assert router["verdict"] == "ecmp"
    assert {pod["name"] for pod in router["pods"] if pod["flows"]} == {"server-1", "server-2"}
    assert router["flows"]["answered"] == router["flows"]["sent"]

    assert "Establ" in netlab("exec", "server-1", "--", "gobgp", "neighbor").stdout
    refused = netlab("vtysh", "server-1")
    assert (refused.returncode, refused.stderr) == (
        125,
        "netlab: server-1 runs GoBGP, which has no vtysh (netlab exec server-1 -- gobgp)\n",
    )
    assert 'router-id = "10.0.2.12"' in netlab("config", "server-2").stdout
    assert "Peer Up" in netlab("logs", "server-2").stdout

    # What announced was GoBGP: without it the router has one way left.
    assert netlab("exec", "server-2", "--", "pkill", "-x", "gobgpd").returncode == 0
    deadline = time.monotonic() + 30
    while len(next_hops(netlab)) != 1:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    done = netlab("ecmp-check", "--expect", "ecmp", "--format", "json")
    assert done.returncode == 1, done
    (router,) = json.loads(done.stdout)["routers"]
    assert router["verdict"] == "single-path"
    assert "node-not-announcing" in [finding["rule"] for finding in router["findings"]]

    # To remove the lab nobody needs the package.
    monkeypatch.setenv("PYTHONPATH", own_path)
    assert netlab("destroy", "--all").returncode == 0
