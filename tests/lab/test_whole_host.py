"""The host compared whole, before and after all that a lab can go through."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hoststate import HostState
from netlab_program import OWN_MOUNTS, TOPOLOGIES, Netlab

import netlab as package

pytestmark = [pytest.mark.netns, pytest.mark.shares_nothing]

WORLD = Path(__file__).with_name("world.py")
CYCLES = {
    "a whole cycle": """
netlab deploy "$1"
netlab inspect >&2
netlab exec host-1 -- sh -c 'touch /tmp/x /root/x /run/x /var/log/x; ping -c1 -W2 rt-1'
netlab vtysh rt-1 -c 'write memory'
netlab ecmp-check --flows 100
netlab logs rt-1
netlab destroy
""",
    "a deploy that fails": """
sed 's/kind: linux/kind: linux, exec: ["false"]/' "$1" > "$HOME/faulty.yaml"
netlab deploy "$HOME/faulty.yaml" || test $? = 3
rm "$HOME/faulty.yaml"
""",
    "a netlab that is killed": """
"$PYTHON" -m netlab deploy "$1" 2> "$HOME/progress" & pid=$!
until grep -q starting "$HOME/progress"; do sleep 0.02; done
kill -KILL $pid; wait $pid || true
until ! test -e "$HOME/state/netlab"; do sleep 0.05; done
rm "$HOME/progress"
""",
    "a lab that is killed": """
netlab deploy "$1"
kill -KILL $(sed 's/.*"init": {[^}]*"pid": \\([0-9]*\\).*/\\1/' "$HOME/state/netlab/ecmp/lab.json")
netlab exec host-1 -- true || test $? = 125
netlab destroy
""",
}


@pytest.mark.parametrize("cycle", CYCLES)
def test_no_file_no_mount_and_nothing_else_of_the_host_differs(
    netlab: Netlab, host: HostState, tmp_path: Path, cycle: str
) -> None:
    script = 'set -eux; netlab() { "$PYTHON" -m netlab "$@"; }\n' + CYCLES[cycle]
    for folder in (tmp_path / "world", tmp_path / "home" / "state"):
        folder.mkdir(parents=True)
    home = {"HOME": str(tmp_path / "home"), "XDG_STATE_HOME": str(tmp_path / "home" / "state")}
    code = {
        "PYTHON": sys.executable,
        "PYTHONPATH": str(Path(package.__file__).parents[1]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    done = subprocess.run(
        [*OWN_MOUNTS, sys.executable, WORLD, tmp_path / "world", "sh", "-c", script, "sh", TOPOLOGIES / "ecmp.yaml"],
        env=netlab.environment() | home | code,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done
    answer = json.loads(done.stdout)
    assert answer["code"] == 0, done.stderr
    assert {"etc", "usr", "var", "tmp"} <= set(answer["overlays"]), "all that matters is watched"
    assert answer["changes"] == []
    assert host.changes() == []
