"""A lab's clusters as its state folder names them, and the host's settings that their kubelets change."""

from pathlib import Path
from typing import Any

import pytest

from netlab.model.errors import LabError
from netlab.runtime.docker import clusters


class Engine:
    """Stands for docker's client: the nodes of clusters, by id and cluster."""

    def __init__(self, nodes: dict[str, str]) -> None:
        self.nodes = nodes

    def containers(self, *, all: bool, filters: dict[str, str]) -> list[dict[str, Any]]:
        assert all
        _, _, wanted = filters["label"].partition("=")
        return [{"Id": node} for node, cluster in self.nodes.items() if wanted in ("", cluster)]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of /proc/sys."""
    for key, value in (("vm/overcommit_memory", "0"), ("kernel/panic", "1"), ("kernel/panic_on_oops", "0")):
        (tmp_path / "sys" / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sys" / key).write_text(f"{value}\n")
    monkeypatch.setattr(clusters, "_path", lambda key: Path(tmp_path, "sys", *key.split(".")))
    return tmp_path / "sys"


def test_the_state_folder_names_the_clusters(tmp_path: Path, host: Path) -> None:
    assert clusters.recorded(tmp_path) == ()
    clusters.record(tmp_path, ("netlab-a-k8s", "netlab-a-other"))
    assert clusters.recorded(tmp_path) == ("netlab-a-k8s", "netlab-a-other")
    assert (tmp_path / "clusters").stat().st_mode & 0o777 == 0o600


def test_what_the_kubelets_changed_is_put_back(tmp_path: Path, host: Path) -> None:
    clusters.record(tmp_path, ("mine",))
    (host / "vm/overcommit_memory").write_text("1\n")
    (host / "kernel/panic").write_text("10\n")
    clusters.restore_sysctls(Engine({"n1": "mine"}), tmp_path, ("n1",))  # type: ignore[arg-type]
    assert (host / "vm/overcommit_memory").read_text().strip() == "0"
    assert (host / "kernel/panic").read_text().strip() == "1"


def test_while_another_cluster_runs_nothing_is_put_back(tmp_path: Path, host: Path) -> None:
    clusters.record(tmp_path, ("mine",))
    (host / "kernel/panic").write_text("10\n")
    clusters.restore_sysctls(Engine({"n1": "mine", "n2": "theirs"}), tmp_path, ("n1",))  # type: ignore[arg-type]
    assert (host / "kernel/panic").read_text().strip() == "10"


def test_a_cluster_of_that_name_is_another_ones(tmp_path: Path) -> None:
    engine: Any = Engine({"n2": "theirs"})
    clusters.refuse_taken(engine, ("mine",), "a")
    with pytest.raises(LabError, match="there is a kind cluster theirs already, which is not this lab's"):
        clusters.refuse_taken(engine, ("mine", "theirs"), "a")
