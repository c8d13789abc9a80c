"""What fails at whatever step: clusters that were there before run on, recorded, and the commands are named."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netlab.cluster import attached, reuse
from netlab.lab import custody, destroy, state
from netlab.lab.custody import Custody
from netlab.model.cluster import ClusterNodePlan, ClusterPlan
from netlab.model.errors import HostError, LabError
from netlab.model.lab import LabMachine, LabRecord
from netlab.model.plan import ContainerPlan, InterfacePlan, LabPlan, NodePlan, Role
from netlab.runtime import kept
from netlab.statefolder import lab_folder

OWN = ClusterPlan("k8s", "netlab-a-k8s", (ClusterNodePlan("k8s-worker", "w1"),), ())
DEV = ClusterPlan("dev", "dev", (ClusterNodePlan("dev-worker", "w2"),), (), existing=True)


def machine(name: str, container: str) -> NodePlan:
    existing = ContainerPlan(existing=container)
    return NodePlan(name, "k8s", Role.WORKER, "k8s", "Kubernetes", (InterfacePlan("eth1"),), container=existing)


PLAN = LabPlan("a", "/a.yaml", "docker", (machine("k8s-worker", "w1"), machine("dev-worker", "w2")), ())
REUSED = replace(PLAN, clusters=(OWN,))
ATTACHED = replace(PLAN, clusters=(DEV,))


class Notes:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def step(self, text: str) -> None:
        pass

    def note(self, text: str) -> None:
        self.notes.append(text)


class World:
    """The engine and the clusters' APIs: what was asked of them, and what they refuse (by the name of the step)."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.refuse: dict[str, BaseException] = {}
        self.refused: Any = None

    def step(self, name: str) -> None:
        self.did.append(name)
        if name in self.refuse:
            raise self.refuse[name]

    # As a runtime
    def running(self, lab: LabRecord) -> frozenset[str]:
        return frozenset(node.name for node in lab.nodes)

    def agent(self, lab: LabRecord) -> "World":
        return self

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def refuse_taken(self, request: Any) -> None:
        assert "k8s-worker" in {node.name for node in request.nodes if node.others}
        self.step("refuse_taken")

    def destroy(self, lab: LabRecord) -> None:
        self.step("destroy")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    played = World()
    for module in (custody, destroy):
        monkeypatch.setattr(module, "by_name", lambda _name: played)

    def leave(found: kept.Kept) -> None:
        played.step("leave")
        kept.reduce(Path(found.lab.directory))

    monkeypatch.setattr(reuse, "leave", leave)
    monkeypatch.setattr(reuse, "_must_run", lambda *_: played.step("must_run"))
    monkeypatch.setattr(reuse.engine, "connected", lambda _url: played)
    monkeypatch.setattr(attached, "detach", lambda _lab, cluster: played.step(f"detach {cluster.name}"))
    yield played


def lab_of(plan: LabPlan) -> LabRecord:
    nodes = tuple(LabMachine(node.name, 7, 7, 7) for node in plan.nodes)
    folder = str(state.directory("a"))
    return LabRecord(
        "a", "docker", 0, state.boot_id(), "0", folder, "/a.yaml", "", LabMachine("", 1, 1, 1), nodes, "unix:"
    )


def deployed(plan: LabPlan) -> None:
    """A lab as a deployment leaves it."""
    for descriptor in lab_folder.take(str(state.directory("a"))):
        os.close(descriptor)
    state.save(lab_of(plan), plan)


def failing(error: BaseException, then: Callable[[Custody], None], progress: Notes) -> None:
    with pytest.raises(type(error)), Custody("a", progress) as held:
        then(held)
        raise error


def replaced(held: Custody, world: World) -> None:
    """The old lab is gone, and its cluster taken over."""
    held.take_over(REUSED)
    assert world.did == ["must_run", "refuse_taken", "leave"]
    world.did.clear()


MEND = (
    "k8s: its Kubernetes cluster runs on with all that is in it: 'netlab deploy /a.yaml --name a --runtime docker "
    "--reuse-cluster' builds the lab around it again, 'netlab destroy --lab a' removes it"
)


@pytest.mark.parametrize("error", [LabError("refused"), KeyboardInterrupt()])
def test_a_cluster_that_was_handed_over_stays_with_its_record(world: World, error: BaseException) -> None:
    deployed(REUSED)
    notes = Notes()
    failing(error, lambda held: replaced(held, world), notes)
    assert world.did == ["leave"]
    assert notes.notes == [MEND]
    left = state.load("a")
    assert [node.name for node in left.nodes] == ["k8s-worker"]
    assert state.load_plan(left).clusters == (OWN,)
    assert state.is_kept(left)
    # And so it can be taken over again.
    with Custody("a", notes) as held:
        assert held.take_over(REUSED).clusters == (replace(OWN, reused=True),)
        held.succeeded()
    assert not kept.is_there(state.directory("a"))


@pytest.mark.parametrize("step", ["must_run", "refuse_taken"])
def test_what_is_refused_before_leaves_the_lab_whole(world: World, step: str) -> None:
    """Also where the record of an earlier deployment, killed as it succeeded, lies beside that of the lab."""
    deployed(REUSED)
    before = lab_of(REUSED)
    kept.write(state.directory("a"), kept.of(before, REUSED))
    world.refuse[step] = LabError("no")
    with pytest.raises(LabError, match="no"), Custody("a", Notes()) as held:
        held.take_over(REUSED)
    assert "leave" not in world.did
    assert state.load("a") == before


def test_a_state_folder_that_cannot_be_written_leaves_the_lab_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed(REUSED)

    def full(*_: object) -> None:
        raise HostError("no space left", "make room")

    monkeypatch.setattr(kept, "write", full)
    with pytest.raises(HostError), Custody("a", Notes()) as held:
        held.take_over(REUSED)
    assert world.did == ["must_run", "refuse_taken"]
    assert state.load("a") == lab_of(REUSED)


@pytest.mark.parametrize(
    ("error", "note"),
    [
        (HostError("no engine", "start it"), "no engine (to mend it: start it)"),
        (OSError(30, "Read-only file system", "/a/lab.json"), "/a/lab.json: Read-only file system"),
    ],
)
def test_what_fails_again_as_all_else_is_removed_costs_no_record(world: World, error: Exception, note: str) -> None:
    deployed(REUSED)
    world.refuse["leave"] = error
    notes = Notes()
    with pytest.raises(type(error)), Custody("a", notes) as held:
        held.take_over(REUSED)
    assert notes.notes == [note, MEND]
    assert kept.read(state.directory("a")) == kept.of(lab_of(REUSED), REUSED)


def test_a_lab_that_is_being_built_is_not_taken_over(world: World) -> None:
    deployed(REUSED)
    taken = lab_folder.retake(str(state.directory("a")))
    with pytest.raises(LabError, match="being built or repaired by another netlab"), Custody("a", Notes()) as held:
        held.take_over(REUSED)
    assert taken is not None
    assert state.load("a") == lab_of(REUSED)


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (replace(PLAN, clusters=()), "no longer make kind cluster netlab-a-k8s"),
        (replace(PLAN, runtime="netns"), "no longer make kind cluster netlab-a-k8s"),
        (replace(PLAN, clusters=(replace(OWN, kind_name="netlab-a-two"),)), "no longer make kind cluster"),
        (replace(PLAN, clusters=(OWN, replace(OWN, name="two", kind_name="b"))), "two: lab a has no such cluster"),
        (replace(PLAN, clusters=(replace(OWN, image="other"),)), "it was made with other nodes, images"),
    ],
)
def test_another_topology_takes_no_cluster_away(world: World, new: LabPlan, why: str) -> None:
    deployed(REUSED)
    with pytest.raises(LabError, match=why), Custody("a", Notes()) as held:
        held.take_over(new)
    assert world.did == []
    assert state.load("a") == lab_of(REUSED)


def under_way(held: Custody) -> None:
    """A deployment that attaches a lab, up to the first thing that it does in the cluster."""
    for descriptor in lab_folder.take(str(state.directory("a"))):
        os.close(descriptor)
    held.remember(lab_of(ATTACHED), ATTACHED)


@pytest.mark.parametrize("error", [LabError("refused"), KeyboardInterrupt()])
def test_what_was_applied_to_somebody_elses_cluster_is_taken_away(world: World, error: BaseException) -> None:
    notes = Notes()
    failing(error, under_way, notes)
    assert world.did == ["detach dev", "destroy"]
    assert not state.directory("a").exists()
    assert notes.notes == []


def test_what_cannot_be_taken_away_stays_to_be_found(world: World) -> None:
    notes = Notes()
    world.refuse["detach dev"] = LabError("it does not answer")
    failing(LabError("refused"), under_way, notes)
    said = "dev: what was applied to kind cluster dev is left: it does not answer"
    assert notes.notes == [f"{said}: 'netlab destroy --lab a' takes it away once the cluster answers"]
    with pytest.raises(LabError, match=said):
        destroy.destroy("a", notes)
    assert state.names() == ["a"]

    world.refuse.clear()
    world.did.clear()
    destroy.destroy("a", notes)
    assert world.did == ["detach dev", "destroy"]
    assert state.names() == []


def test_a_killed_attach_is_found_by_its_name(world: World) -> None:
    """Nobody leaves the block of a netlab that was killed."""
    under_way(Custody("a", Notes()))
    destroy.destroy("a", Notes())
    assert world.did == ["detach dev", "destroy"]
    assert state.names() == []


def test_a_deployment_that_makes_all_itself_has_no_record(world: World) -> None:
    held = Custody("a", Notes())
    held.remember(lab_of(REUSED), REUSED)  # not reused: made by it
    assert not held.is_ours
    assert not state.directory("a").exists()


def test_while_it_is_under_way_there_is_no_lab_yet(world: World) -> None:
    under_way(Custody("a", Notes()))
    taken = lab_folder.retake(str(state.directory("a")))
    with pytest.raises(LabError, match="was never finished"):
        state.load("a")
    with pytest.raises(LabError, match="being built by another netlab"):
        destroy.destroy("a", Notes())
    assert taken is not None
