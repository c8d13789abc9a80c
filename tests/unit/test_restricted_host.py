"""scripts/restricted: the runtime that asks for one capability less, and when dockerd is told to use it."""

import importlib.machinery
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

RESTRICTED = Path(__file__).resolve().parents[2] / "scripts/restricted"


@pytest.fixture(scope="module")
def shim() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("restricted_runc", str(RESTRICTED / "runc"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    loader.exec_module(module)
    sys.dont_write_bytecode = written
    return module


# As containerd's shim calls runc.
GLOBAL = "--root /run/runc/moby --log /bundle/log.json --log-format json"


@pytest.mark.parametrize(
    ("command", "file"),
    [
        (f"{GLOBAL} create --bundle /bundle --pid-file /bundle/init.pid exec", "/bundle/config.json"),
        (f"{GLOBAL} create --bundle=/bundle --pid-file /bundle/init.pid 4f2a", "/bundle/config.json"),
        (f"{GLOBAL} run -b /bundle 4f2a", "/bundle/config.json"),
        (f"{GLOBAL} exec --process /tmp/runc-process1 --detach --pid-file /p 4f2a", "/tmp/runc-process1"),
        (f"{GLOBAL} exec 4f2a ls", None),
        (f"{GLOBAL} state 4f2a", None),
        (f"{GLOBAL} kill --all 4f2a 9", None),
        (f"{GLOBAL} delete --force 4f2a", None),
    ],
)
def test_it_mends_the_file_of_a_command_that_starts_a_process(shim: ModuleType, command: str, file: str | None):
    assert shim.process_file(command.split()) == file


SETS = ("bounding", "effective", "inheritable", "permitted", "ambient")


@pytest.mark.parametrize("whole", [True, False], ids=["config.json", "process.json"])
def test_it_takes_out_the_capability_and_nothing_else(shim: ModuleType, whole: bool):
    def configuration(*capabilities: str) -> dict[str, object]:
        sets = {name: list(capabilities) for name in SETS}
        process = {"args": ["capsh", "--drop", "CAP_SYS_RESOURCE"], "capabilities": sets}
        return {"ociVersion": "1.0.2", "process": process} if whole else process

    before = configuration("CAP_CHOWN", "CAP_SYS_RESOURCE", "CAP_SYS_ADMIN")
    after = configuration("CAP_CHOWN", "CAP_SYS_ADMIN")

    assert json.loads(shim.without_missing(json.dumps(before))) == after


def test_a_process_without_capabilities_stays_as_it_is(shim: ModuleType):
    assert json.loads(shim.without_missing('{"process": {"args": ["sh"]}}')) == {"process": {"args": ["sh"]}}


def test_dockerd_uses_it_where_the_capability_is_missing():
    (bound,) = (
        int(line.split()[1], 16) for line in Path("/proc/self/status").read_text().splitlines() if "CapBnd" in line
    )
    said = json.loads(subprocess.run([RESTRICTED / "daemon-json"], capture_output=True, text=True, check=True).stdout)
    if bound >> 24 & 1:
        assert said == {}
    else:
        assert said["runtimes"][said["default-runtime"]] == {"path": str(RESTRICTED / "runc")}
