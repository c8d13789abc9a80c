"""An image that is missing or broken: the deploy names it, says what mends it, and leaves nothing."""

from collections.abc import Iterator

import pytest
from engine import Engine, OwnEngine
from holdings import Holdings
from netlab_program import Netlab, Topology

pytestmark = pytest.mark.same_for_every_user

ONE = """
    name: one
    topology:
      nodes:
        node-1: {{{node}}}
        host-2: {{kind: linux}}
      links: [{{endpoints: ["node-1:eth1", "host-2:eth1"], ipv4: [10.0.0.1/24, 10.0.0.2/24]}}]
"""
ROUTER = "kind: frr, bgp: {{asn: 64512}}, image: {image}"
HOST = "kind: linux, image: {image}"
# How each is broken, by a command in netlab's base image or by what the engine is told of it.
BROKEN = {
    "no-python": ("rm -f /usr/bin/python3*", "ENV X=1"),
    "garbage-python": (
        "rm -f /usr/bin/python3 && echo garbage >/usr/bin/python3 && chmod 755 /usr/bin/python3",
        "ENV X=1",
    ),
    "python-that-ends": ("rm -f /usr/bin/python3 && ln -s true /usr/bin/python3", "ENV X=1"),
    "ends-at-once": ("true", 'ENTRYPOINT ["sh", "-c", "echo no licence >&2; exit 3"]'),
    "garbage-entrypoint": ("printf garbage >/garbage && chmod 755 /garbage", 'ENTRYPOINT ["/garbage"]'),
    "no-entrypoint": ("true", 'ENTRYPOINT ["/no/such/program"]'),
    "wrong-user": ("true", "USER nobody-of-that-name"),
}


@pytest.fixture(scope="module")
def broken(engine: Engine) -> Iterator[None]:
    """Images that are each broken in their way: `broken/NAME:1`."""
    for name, (command, change) in BROKEN.items():
        engine("run", f"--name=breaking-{name}", "--network=none", "--entrypoint=sh", "netlab/base:13", "-c", command)
        engine("commit", "--change", change, f"breaking-{name}", f"broken/{name}:1")
        engine("rm", f"breaking-{name}")
    yield
    engine("rmi", "--force", *(f"broken/{name}:1" for name in BROKEN))


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(
    ("node", "said"),
    [
        (ROUTER.format(image="broken/no-python:1"), "python3"),
        (ROUTER.format(image="broken/garbage-python:1"), "python3"),
        (
            ROUTER.format(image="broken/python-that-ends:1"),
            "netlab's init ended in its container of image broken/python-that-ends:1",
        ),
        (HOST.format(image="broken/ends-at-once:1"), "no licence"),
        (HOST.format(image="broken/garbage-entrypoint:1"), "/garbage"),
        (HOST.format(image="broken/no-entrypoint:1"), "/no/such/program"),
        (HOST.format(image="broken/wrong-user:1"), "nobody-of-that-name"),
    ],
)
def test_a_broken_image_is_named_in_a_line_and_nothing_is_left(
    netlab: Netlab, topology: Topology, holdings: Holdings, node: str, said: str
) -> None:
    done = netlab("deploy", topology(ONE.format(node=node)))
    assert done.returncode == 3, done
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("netlab: ")]
    assert line.startswith("netlab: node-1: ")
    assert said in line
    assert holdings.changes() == []


def test_a_missing_image_of_the_users_is_named_with_the_command_that_fetches_it(
    netlab: Netlab, topology: Topology, holdings: Holdings
) -> None:
    done = netlab("deploy", topology(ONE.format(node=ROUTER.format(image="example.org/none:1"))))
    assert done.returncode == 3, done
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("netlab: ")]
    assert "example.org/none:1" in line
    assert line.endswith("(to mend it: docker pull example.org/none:1)")
    assert holdings.changes() == []


def test_a_missing_image_of_netlabs_is_named_with_the_command_that_builds_it(
    netlab: Netlab, topology: Topology, own_engine: OwnEngine
) -> None:
    own_engine("tag", "netlab/frr:13", "kept:1")
    own_engine("rmi", "netlab/frr:13")
    try:
        done = netlab("deploy", topology(ONE.format(node="kind: frr, bgp: {asn: 64512}")))
    finally:
        own_engine("tag", "kept:1", "netlab/frr:13")
        own_engine("rmi", "kept:1")
    assert done.returncode == 3, done
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("netlab: ")]
    assert "netlab/frr:13" in line
    assert line.endswith("(to mend it: scripts/build-images frr)")
    assert netlab.files() == []
