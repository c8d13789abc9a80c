"""docs/example-daemon, installed by pip: its kind, its daemon and its image, each found by its entry point."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from other_package import EXAMPLE_DAEMON, installed

ROOT = Path(__file__).resolve().parents[3]
LAB = EXAMPLE_DAEMON / "gobgp.yaml"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(EXAMPLE_DAEMON, tmp_path_factory.mktemp("example"))


@pytest.fixture
def python(site: Path) -> Run:
    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *(str(argument) for argument in arguments)],
            env={"PYTHONPATH": f"{ROOT}:{site}", "PATH": "/usr/bin:/bin", "HOME": str(site)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


PLAN = """
import sys
from pathlib import Path
from netlab import daemons
from netlab.model import codec
from netlab.plan import plan_file
from netlab.runtime.docker.images import image_of
plan = plan_file(Path(sys.argv[1]))
server = plan.node("server-1")
print(codec.encode(plan).decode())
print(image_of(server), daemons.running_in(server).title)
"""


def test_the_plan(python: Run) -> None:
    done = python("-c", PLAN, LAB)
    assert done.returncode == 0, done
    text, image = done.stdout.splitlines()
    plan = json.loads(text)
    assert image == "netlab/gobgp:13 GoBGP"
    server = next(node for node in plan["nodes"] if node["name"] == "server-1")
    assert (server["role"], server["runs_as"], server["routing"]) == ("host", "HTTP server and GoBGP", None)
    files = {file["path"]: file["content"] for file in server["files"]}
    assert files["/run/gobgp/gobgpd.toml"].splitlines()[:3] == [
        "[global.config]",
        "  as = 64522",
        '  router-id = "10.0.2.11"',
    ]
    assert 'neighbor-address = "10.0.2.1"\n    peer-as = 64512' in files["/run/gobgp/gobgpd.toml"]
    daemon, http, announce = server["processes"]
    assert (daemon["argv"][0], daemon["port"]) == ("/usr/bin/gobgpd", 50051)
    assert (http["argv"][-3:], http["port"]) == (["server-1", "80", "192.0.2.1"], 80)
    assert announce["argv"] == ["/usr/bin/gobgp", "global", "rib", "add", "192.0.2.1/32", "-a", "ipv4"]
    assert (announce["after"], announce["oneshot"]) == (["gobgpd", "http"], True)
    # GoBGP gives the kernel no routes: netlab does, and there is no other way back to the client.
    assert [(route["to"], route["via"]) for route in server["routes"]] == [("10.0.1.0/24", "10.0.2.1")]
    (service,) = plan["services"]
    assert (service["pods"], [check["router"] for check in plan["checks"]]) == (["server-1", "server-2"], ["rt-1"])


SERVER = "serve: [{vip: 192.0.2.1, name: web}]"
NEIGHBORS = "neighbors: [{address: 10.0.2.1, asn: 64512}]"


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (SERVER, SERVER.replace("192.0.2.1", "2001:db8::1"), "9:21: no neighbor hears of 2001:db8::1 (name one by"),
        (SERVER, SERVER.replace("192.0.2.1", "224.0.0.1"), "9:21: 224.0.0.1 cannot be a VIP (name a unicast address"),
        (SERVER, SERVER.replace("name", "nme"), '9:32: unknown key "nme" in entry 1 of "serve" (did you mean "name"?)'),
        (NEIGHBORS, NEIGHBORS.replace("10.0.2.1", "0.0.0.0"), "8:29: 0.0.0.0 is no neighbor's address"),
        (
            NEIGHBORS,
            NEIGHBORS.replace("64512}", "64512}, {address: 10.0.2.1, asn: 2}"),
            "8:62: neighbor 10.0.2.1 twice",
        ),
        (NEIGHBORS, NEIGHBORS.replace("64512", "0"), '8:44: "asn" must be at least 1, not 0'),
        (NEIGHBORS, "neighbors: []", "no neighbor hears of 192.0.2.1"),
        ("asn: 64522\n", "asm: 64522\n", '7:7: unknown key "asm" in a node of kind gobgp'),
    ],
)
def test_problems_have_their_places(python: Run, tmp_path: Path, right: str, wrong: str, message: str) -> None:
    text = LAB.read_text()
    assert right in text
    (tmp_path / "wrong.yaml").write_text(text.replace(right, wrong))
    done = python("-m", "netlab", "validate", tmp_path / "wrong.yaml")
    assert done.returncode == 2, done
    assert message in done.stderr


def test_the_image_is_found_in_the_installed_package(python: Run, site: Path) -> None:
    done = python("-P", "-m", "netlab.registry.images")
    assert (done.stdout, done.stderr) == (f"gobgp\t{site}/netlab_gobgp/image\n", "")
    assert (site / "netlab_gobgp/image/Dockerfile").read_text().count("gobgpd") == 1


def test_the_schema_and_doctor_know_it(python: Run) -> None:
    schema = json.loads(python("-m", "netlab", "schema").stdout)
    assert {"asn", "router-id", "neighbors", "serve"} <= set(schema["$defs"]["kind-gobgp"]["properties"])
    assert "GoBGP (kinds of another package)" in python("-m", "netlab", "doctor").stdout


def test_the_page_shows_what_is_there() -> None:
    page = (ROOT / "docs/kinds.md").read_text().partition("\n## A daemon of your own\n")[2].partition("\n## ")[0]
    files = {"python": "netlab_gobgp/daemon.py", "toml": "pyproject.toml"}
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert [language for language, _ in blocks] == ["python", "toml"]
    for language, code in blocks:
        assert code in (EXAMPLE_DAEMON / files[language]).read_text()
