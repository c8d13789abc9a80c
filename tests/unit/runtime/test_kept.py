"""The record of clusters that were there before a deployment, and who goes by it."""

import os
import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from docker.errors import NotFound

from netlab.model.cluster import ClusterNodePlan, ClusterPlan
from netlab.model.errors import HostError, LabError
from netlab.model.lab import LabMachine, LabRecord
from netlab.model.plan import ContainerPlan, InterfacePlan, LabPlan, LinkEnd, LinkPlan, NodePlan, Role
from netlab.runtime import kept
from netlab.runtime.docker import build, clusters, containers, engine, guard
from netlab.statefolder import lock, statefile


def cluster_node(name: str, *interfaces: InterfacePlan) -> NodePlan:
    given = {"container": ContainerPlan(existing=f"netlab-{name}"), "interfaces": interfaces, "bridges": ("br0",)}
    return NodePlan(name, "k8s", Role.WORKER, "k8s", "Kubernetes", **given)  # type: ignore[arg-type]


NODES = (
    NodePlan("rt-1", "frr", Role.ROUTER, "rt-1", "FRR", (InterfacePlan("eth1"),)),
    cluster_node("own-worker", InterfacePlan("eth1"), InterfacePlan("eth2")),
    cluster_node("own-worker2", InterfacePlan("eth2"), InterfacePlan("d0", dummy=True)),
    cluster_node("dev-worker", InterfacePlan("eth9")),
)
LINKS = (
    LinkPlan(LinkEnd("rt-1", "eth1"), LinkEnd("own-worker", "eth1")),
    LinkPlan(LinkEnd("own-worker", "eth2"), LinkEnd("own-worker2", "eth2")),
    LinkPlan(LinkEnd("rt-1", "eth2"), LinkEnd("dev-worker", "eth9")),
)
OWN = ClusterPlan(
    "own", "netlab-a-own", (ClusterNodePlan("own-worker", "w1"), ClusterNodePlan("own-worker2", "w2")), ()
)
DEV = ClusterPlan("dev", "dev", (ClusterNodePlan("dev-worker", "w3"),), (), existing=True)
PLAN = LabPlan("a", "/my labs/a.yaml", "docker", NODES, LINKS, emulated=("something",), clusters=(OWN, DEV))


def lab(folder: Path) -> LabRecord:
    nodes = tuple(LabMachine(node.name, 7, 7, 7) for node in NODES)
    return LabRecord(
        "a", "docker", 0, "boot", "0", str(folder), PLAN.topology_file, "", LabMachine("", 1, 1, 1), nodes, "unix:"
    )


def test_it_is_a_lab_of_the_clusters_alone(tmp_path: Path) -> None:
    found = kept.of(lab(tmp_path), PLAN)
    assert found.clusters == {"netlab-a-own"}  # the other is not this lab's to remove
    assert [node.name for node in found.lab.nodes] == [node.name for node in found.plan.nodes]
    left = {node.name: [interface.name for interface in node.interfaces] for node in found.plan.nodes}
    # A link to a machine that goes, goes with it.
    assert left == {"own-worker": ["eth2"], "own-worker2": ["eth2", "d0"], "dev-worker": []}
    assert found.plan.links == LINKS[1:2]
    assert (found.plan.services, found.plan.checks, found.plan.emulated) == ((), (), ())
    assert {node.routes for node in found.plan.nodes} == {()}


def test_own_clusters_and_others_can_be_told_apart(tmp_path: Path) -> None:
    others = kept.of(lab(tmp_path), PLAN, own=False)
    assert (others.plan.clusters, others.clusters) == ((DEV,), frozenset())
    own = kept.of(lab(tmp_path), PLAN, existing=False)
    assert (own.plan.clusters, own.clusters) == ((OWN,), {"netlab-a-own"})


def test_it_is_replaced_in_one_step_and_read_again(tmp_path: Path) -> None:
    assert kept.read(tmp_path) is None
    for found in (kept.of(lab(tmp_path), PLAN), kept.of(lab(tmp_path), PLAN, own=False)):
        (tmp_path / "kept.json.new").write_text("half")  # of a netlab that was killed as it wrote
        kept.write(tmp_path, found)
        assert kept.read(tmp_path) == found
    assert [path.name for path in tmp_path.iterdir()] == ["kept.json"]
    assert (tmp_path / "kept.json").stat().st_mode & 0o777 == 0o600
    kept.forget(tmp_path)
    kept.forget(tmp_path)
    assert kept.read(tmp_path) is None


def test_a_folder_that_cannot_be_written_and_a_damaged_record_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kept.json").write_text("{}")
    with pytest.raises(LabError, match=r"kept\.json is damaged"):
        kept.read(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(statefile, "write", full)
    with pytest.raises(HostError, match=r"cannot write in .*: No space left on device"):
        kept.write(tmp_path, kept.of(lab(tmp_path), PLAN))
    assert (tmp_path / "kept.json").read_text() == "{}"


def test_the_commands_survive_a_shell(tmp_path: Path) -> None:
    again, destroy = kept.mend(kept.of(lab(tmp_path), PLAN)).split(" builds the lab around it again, ")
    argv = ["netlab", "deploy", "/my labs/a.yaml", "--name", "a", "--runtime", "docker", "--reuse-cluster"]
    assert shlex.split(again.removeprefix("'").removesuffix("'").replace("'\"'\"'", "'")) == argv
    assert destroy == "'netlab destroy --lab a' removes it"


FILES = ("lab.json", "plan.json", "plan.json.new", "kept.json", "clusters", "lock", "kubeconfig-own", "kind.pid")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A state folder with all that there may be in one."""
    folder = tmp_path / "netlab" / "a"
    (folder / "logs" / "rt-1").mkdir(parents=True)
    (folder / "kubectl").symlink_to(tmp_path)
    for name in FILES:
        (folder / name).write_text("netlab-a-own\n" if name == "clusters" else "")
    (folder / "logs" / "rt-1" / "bgpd.log").touch()
    kept.write(folder, kept.of(lab(folder), PLAN))
    return folder


STAY = ["clusters", "kept.json", "kubeconfig-own", "lock"]


def test_all_else_goes_from_the_state_folder(folder: Path, tmp_path: Path) -> None:
    kept.reduce(folder)
    assert sorted(path.name for path in folder.iterdir()) == STAY
    assert tmp_path.exists()  # where a link led to


def test_whoever_is_interrupted_while_he_removes_the_folder_leaves_no_record_of_a_cluster(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lock.shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lock.remove_folder(folder, 1.0)
    assert not (folder / "kept.json").exists() and not (folder / "lab.json").exists()


@pytest.fixture
def swept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the guard of a netlab that was killed; the clusters that it was told to leave."""
    left: list[frozenset[str]] = []
    monkeypatch.setattr(guard, "_SETTLE", 0.0)
    monkeypatch.setattr(engine, "connected", lambda _url: nullcontext())
    monkeypatch.setattr(containers, "of_lab", lambda *_: ())
    monkeypatch.setattr(containers, "remove", lambda *_: None)
    monkeypatch.setattr(containers, "remove_clusters", lambda _client, _folder, stay: left.append(stay) or False)

    def sweep(meanwhile: Any = lambda: None) -> set[frozenset[str]]:
        descriptor = os.open(folder, os.O_RDONLY)
        meanwhile()
        guard._sweep("unix:", "a", str(folder), "build", descriptor)
        os.close(descriptor)
        return {*left}

    return sweep


def test_the_guard_leaves_clusters_that_were_there_with_their_record(folder: Path, swept: Any) -> None:
    assert swept() == {frozenset({"netlab-a-own"})}
    assert sorted(path.name for path in folder.iterdir()) == STAY


def test_the_guard_leaves_the_record_of_somebody_elses_cluster(folder: Path, swept: Any) -> None:
    """And removes a cluster that the same deployment was making."""
    kept.write(folder, kept.of(lab(folder), PLAN, own=False))
    assert swept() == {frozenset()}
    assert kept.read(folder) is not None


def test_the_guard_removes_all_where_there_was_nothing_before(folder: Path, swept: Any) -> None:
    kept.forget(folder)
    assert swept() == {frozenset()}
    assert not folder.exists()


def test_the_guard_touches_no_cluster_where_the_record_is_damaged(folder: Path, swept: Any) -> None:
    (folder / "kept.json").write_text("?")
    with pytest.raises(SystemExit):
        swept()
    assert (folder / "clusters").exists()


def test_the_guard_leaves_a_later_labs_folder_alone(folder: Path, swept: Any) -> None:
    def later() -> None:
        folder.rename(folder.with_name("moved"))
        folder.mkdir()
        kept.write(folder, kept.of(lab(folder), PLAN))

    assert swept(later) == set()
    assert kept.read(folder) is not None


class Nodes:
    """Stands for docker's client: containers by name, with the cluster that they are nodes of."""

    def __init__(self, **there: str) -> None:
        self.there = there

    def containers(self, *, all: bool, filters: dict[str, Any]) -> list[dict[str, Any]]:
        assert all
        wanted = filters["label"]
        rows = [
            {
                "Id": name,
                "Names": [f"/{name}"],
                "State": "running",
                "Labels": {"io.x-k8s.kind.cluster": of} if of else {},
            }
            for name, of in self.there.items()
        ]
        if isinstance(wanted, list):
            return [row for row in rows if not row["Labels"]]
        return [row for row in rows if row["Labels"].get(clusters.LABEL) == wanted.partition("=")[2]]

    def networks(self, names: object = None) -> list[Any]:
        return []

    def remove_network(self, name: str) -> None:
        raise NotFound(name)

    def remove_container(self, container: str, **_: object) -> None:
        del self.there[container]


@pytest.mark.parametrize(("keep", "left"), [(frozenset({"one"}), {"n1": "one"}), (frozenset(), {})])
def test_a_lab_goes_but_for_the_clusters_that_are_kept(
    tmp_path: Path, keep: frozenset[str], left: dict[str, str]
) -> None:
    (tmp_path / "clusters").write_text("one\ntwo\n")
    engine: Any = Nodes(n1="one", n2="two", router="")
    assert containers.remove_lab(engine, "a", tmp_path, keep)
    assert engine.there == left


def test_a_lab_that_went_while_its_cluster_was_taken_over_is_not_built_without_its_record(tmp_path: Path) -> None:
    """Its guard would take the cluster for one that it has to remove."""
    with pytest.raises(LabError, match="lab a was destroyed meanwhile, with its cluster"):
        build._take_over(PLAN, tmp_path / "a")


def test_without_the_option_a_lab_that_is_its_cluster_alone_is_said_with_the_commands(folder: Path) -> None:
    (folder / "lab.json").unlink()
    with pytest.raises(LabError, match=r"of lab a its cluster alone is there: 'netlab .* --reuse-cluster' builds"):
        build._take(PLAN, folder)
    kept.write(folder, kept.of(lab(folder), PLAN, own=False))
    with pytest.raises(LabError, match="lab a exists already: 'netlab destroy --lab a' removes it"):
        build._take(PLAN, folder)
