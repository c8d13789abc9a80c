"""docs/example-kind deployed: a kind that another package brings, found by its entry point."""

import shutil
import tomllib
from pathlib import Path

import pytest
from netlab_program import Netlab

pytestmark = pytest.mark.same_for_every_user

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "example-kind"


def test_a_kind_of_another_package_deploys(netlab: Netlab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"]["netlab.kinds"]
    metadata = tmp_path / "site" / "netlab_nat-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: netlab-nat\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[netlab.kinds]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()))
    shutil.copy(EXAMPLE / "netlab_nat.py", tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", f"{netlab.environment().get('PYTHONPATH', '')}:{tmp_path / 'site'}".lstrip(":"))

    done = netlab("deploy", EXAMPLE / "nat.yaml")
    assert done.returncode == 0, done
    ask = "import urllib.request; print(urllib.request.urlopen('http://10.0.2.2/', timeout=10).status)"
    answered = netlab("exec", "host-1", "--", "python3", "-c", ask)
    assert answered.stdout == "200\n", answered
    # The server has no route to the client's network: it answered the router, whose address it saw.
    assert "cmd: 10.0.2.1 - - " in netlab("logs", "server").stdout
    assert "10.0.1.0" not in netlab("exec", "server", "--", "ip", "route").stdout
    assert "Linux router, nftables masquerading" in netlab("inspect", env={"COLUMNS": "200"}).stdout
    # From here on the package is not needed any more.
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLE.parents[1]))
    assert netlab("exec", "nat-1", "--", "nft", "list", "table", "ip", "nat").returncode == 0
    assert netlab("destroy", "--all").returncode == 0
