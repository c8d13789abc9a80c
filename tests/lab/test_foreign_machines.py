"""What the agent does in a machine that somebody else has made, in namespaces of this kernel: only what bears its mark
is its own. tests/docker and tests/kind have whole labs with such machines."""

import json
import subprocess
import sys

import pytest

PROGRAM = r'''
import ctypes, json, os, signal, subprocess
from ipaddress import ip_interface, ip_network

from netlab.agent import ownership, rewiring
from netlab.agent.messages import NodeWiring, WireRequest
from netlab.agent.namespaces import Namespaces
from netlab.model.errors import LabError
from netlab.model.plan import InterfacePlan, LinkEnd, LinkPlan, RoutePlan


def machine():
    """A process in a network namespace of its own."""
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        assert ctypes.CDLL(None).unshare(0x40000000) == 0
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
        os.write(told, b".")
        signal.pause()
    os.read(ready, 1)
    return pid


pids = {name: machine() for name in ("rt", "box", "box2")}


def ip(name, *words):
    argv = ["nsenter", f"--net=/proc/{pids[name]}/ns/net", "ip", *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def links(name):
    found = {each["ifname"]: each.get("ifalias", "") for each in json.loads(ip(name, "-j", "link"))}
    return {name: alias for name, alias in found.items() if name.startswith("eth")}


def request(end, route="10.9.0.0/24"):
    def interfaces(name, address):
        return (InterfacePlan(name, (ip_interface(address),)),)

    nodes = (
        NodeWiring("rt", interfaces("eth1", "10.0.0.1/24"), (), (), ()),
        NodeWiring(
            "box",
            (*interfaces(end, "10.0.0.2/24"), *interfaces("eth7", "10.0.7.1/24")),
            (),
            (RoutePlan(ip_network(route), ip_interface("10.0.0.1/24").ip, end),),
            (),
            others=True,
        ),
        NodeWiring("box2", interfaces("eth7", "10.0.7.2/24"), (), (), (), others=True),
    )
    outer = LinkPlan(LinkEnd("rt", "eth1"), LinkEnd("box", end))
    inner = LinkPlan(LinkEnd("box", "eth7"), LinkEnd("box2", "eth7"))
    return WireRequest(nodes, (outer, inner), "netlab:lab")


def refusal(wanted):
    try:
        rewiring.rewire(wanted, namespaces)
    except LabError as error:
        return str(error)


namespaces = Namespaces(pids)
ip("box", "link", "add", "eth1", "type", "veth", "peer", "name", "eth8")
ip("box", "address", "add", "192.0.2.1/24", "dev", "eth8")
ip("box", "link", "set", "eth8", "up")
theirs, routes = links("box"), ip("box", "route")

said = [refusal(request("eth1")), refusal(request("eth5", "192.0.2.0/24"))]
untouched = (links("rt"), links("box"), links("box2"), ip("box", "route")) == ({}, theirs, {}, routes)
made = [rewiring.rewire(request("eth5"), namespaces).links for _ in range(2)]
ours = {name: links(name) for name in pids}
broken = ip("rt", "link", "delete", "eth1") + str(rewiring.rewire(request("eth5"), namespaces).links)
again = {name: links(name) for name in pids} == ours
os.kill(pids["rt"], signal.SIGKILL)
os.waitpid(pids.pop("rt"), 0)
namespaces = Namespaces(pids)
ownership.remove_marked(WireRequest(request("eth5").nodes[1:], (), "netlab:lab"), namespaces)
left = (links("box"), links("box2"), ip("box", "route")) == (theirs, {}, routes)
print(json.dumps([said, untouched, made, ours, broken, again, left]))
'''


@pytest.mark.netns
def test_only_what_bears_the_labs_mark_is_changed_and_removed() -> None:
    argv = ["unshare", "-Urn", sys.executable, "-c", PROGRAM]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said, untouched, made, ours, broken, again, left = json.loads(done.stdout)
    assert said == [
        "box: it has an interface eth1 already, which this lab did not make: choose another name in the topology, in "
        "`endpoints` of the link (NODE:INTERFACE)",
        "box: it has a route to 192.0.2.0/24 already, which this lab did not make: leave the lab's out in the "
        "topology, by the node's `routes`, or a cluster's `worker-routes`",
    ]
    assert untouched
    assert made == [2, 0]  # a whole lab stays as it is
    mark = "netlab:lab"
    assert ours == {
        "rt": {"eth1": ""},
        "box": {"eth1": "", "eth8": "", "eth5": mark, "eth7": mark},
        "box2": {"eth7": mark},
    }
    assert (broken, again, left) == ("1", True, True)
