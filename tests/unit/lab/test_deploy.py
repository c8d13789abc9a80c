from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from netlab.agent.messages import WireAnswer, WireRequest
from netlab.lab import deploy, destroy, recipe, wired
from netlab.model.errors import ConvergenceError, InputError, LabError
from netlab.model.lab import LabMachine
from netlab.model.plan import InterfacePlan, LabPlan, NodePlan, Role, RoutingPlan, ServicePlan
from netlab.model.results import Convergence

PLAN = LabPlan("pair", "/labs/pair.yaml", "netns", (NodePlan("h1", "linux", Role.HOST, "h1", "Linux"),), ())


class Notes:
    def __init__(self) -> None:
        self.steps: list[str] = []
        self.notes: list[str] = []

    def step(self, text: str) -> None:
        self.steps.append(text)

    def note(self, text: str) -> None:
        self.notes.append(text)


class FakeBuild:
    """A runtime that does as it is told: `at` names the step that raises `error`."""

    name = "netns"
    engine_url = ""

    def __init__(self) -> None:
        self.at, self.error = "", BaseException()
        self.did: list[str] = []
        self.has_nodes = self.committed = False
        self.missing: tuple[tuple[str, str], ...] = ()
        self.late: tuple[str, ...] = ()
        self.agent = self

    def build(self, plan: LabPlan, directory: Path) -> "FakeBuild":
        directory.mkdir(0o700, parents=True)
        (directory / "lock").touch()
        return self

    def __enter__(self) -> "FakeBuild":
        return self

    def __exit__(self, *_: object) -> None:
        self.did.append("left")

    def _step(self, name: str) -> None:
        self.did.append(name)
        if name == self.at:
            raise self.error

    def launch(self) -> None:
        self._step("launch")

    def make_nodes(self) -> None:
        self._step("make_nodes")
        self.has_nodes = True

    def wire(self, request: WireRequest) -> WireAnswer:
        self._step("wire")
        return WireAnswer(self.missing)

    def start_processes(self, timeout: float) -> None:
        self._step("start_processes")

    def record(self) -> tuple[LabMachine, tuple[LabMachine, ...]]:
        return LabMachine("", 1, 1, 1), ()

    def commit(self) -> None:
        self.committed = True
        self._step("commit")

    def close(self) -> None:
        pass

    def destroy(self, lab: Any) -> None:
        self.did.append("destroy")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[FakeBuild, Any]]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def start(
        at: str = "", error: BaseException | None = None, late: tuple[str, ...] = (), **options: Any
    ) -> tuple[FakeBuild, Any]:
        fake = FakeBuild()
        fake.late = late
        fake.at, fake.error = at, error or LabError("it failed")
        for module in (deploy, destroy):
            monkeypatch.setattr(module, "by_name", lambda name: fake)
        monkeypatch.setattr(deploy.converge, "wait", lambda *_: fake._step("wait") or Convergence(fake.late, 1.0))
        try:
            return fake, deploy.deploy(PLAN, deploy.DeployOptions(**options), Notes())
        except BaseException as raised:
            return fake, raised

    return start


def test_the_recipe(run: Callable[..., tuple[FakeBuild, Any]]) -> None:
    fake, deployment = run()
    assert fake.did == ["launch", "make_nodes", "wire", "start_processes", "commit", "wait", "left"]
    assert deployment.convergence == Convergence((), 1.0)
    assert deployment.lab.name == "pair"


def test_no_wait(run: Callable[..., tuple[FakeBuild, Any]]) -> None:
    fake, deployment = run(wait=False)
    assert "wait" not in fake.did
    assert deployment.convergence is None


@pytest.mark.parametrize("step", ["launch", "make_nodes", "wire", "start_processes"])
@pytest.mark.parametrize("error", [LabError("it failed"), KeyboardInterrupt()])
def test_what_fails_before_the_commit_is_left_uncommitted(
    run: Callable[..., tuple[FakeBuild, Any]], step: str, error: BaseException
) -> None:
    fake, raised = run(step, error)
    assert raised is error
    assert fake.did[-2:] == [step, "left"]
    assert not fake.committed


@pytest.mark.parametrize("step", ["commit", "wait"])
@pytest.mark.parametrize("error", [LabError("it failed"), KeyboardInterrupt()])
def test_an_end_after_the_commit_destroys_the_lab(
    run: Callable[..., tuple[FakeBuild, Any]], step: str, error: BaseException, tmp_path: Path
) -> None:
    fake, raised = run(step, error)
    assert raised is error
    assert fake.did[-2:] == ["destroy", "left"]
    assert not (tmp_path / "netlab").exists()


def test_a_lab_that_must_converge_and_does_not_is_destroyed(
    run: Callable[..., tuple[FakeBuild, Any]], tmp_path: Path
) -> None:
    fake, raised = run(late=("rt-1: no", "rt-1: no again"), must_converge=True)
    assert isinstance(raised, ConvergenceError)
    assert str(raised) == "lab pair has not converged: rt-1: no; rt-1: no again"
    assert (raised.missing, raised.exit_code) == (("rt-1: no", "rt-1: no again"), 1)
    assert fake.did[-2:] == ["destroy", "left"]
    assert not (tmp_path / "netlab").exists()
    fake, deployment = run(late=("rt-1: no",))
    assert deployment.convergence.missing == ("rt-1: no",)
    assert "destroy" not in fake.did


def test_keep_commits_what_failed_as_far_as_it_got(run: Callable[..., tuple[FakeBuild, Any]]) -> None:
    fake, raised = run("start_processes", keep=True)
    assert isinstance(raised, LabError)
    assert fake.committed
    fake, _ = run("launch", keep=True, reconfigure=True)
    assert not fake.committed


def test_reconfigure_destroys_what_was_there(run: Callable[..., tuple[FakeBuild, Any]]) -> None:
    run()
    fake, _ = run(reconfigure=True)
    assert fake.did[:2] == ["destroy", "launch"]


def test_settings_that_the_kernel_lacks_are_noted() -> None:
    fake, notes = FakeBuild(), Notes()
    seed = "net.ipv4.fib_multipath_hash_seed"
    fake.missing = (("rt-1", seed), ("rt-2", seed), ("h1", "net.ipv6.conf.all.accept_dad"), ("h1", "net.ipv4.x"))
    recipe.wire(recipe.Context(PLAN, Path("/state/pair"), fake, ExitStack(), 60.0, notes))
    assert len(notes.notes) == 2
    assert "(Linux 6.11 has): rt-1, rt-2 share one hash seed" in notes.notes[0]
    assert notes.notes[1] == "h1: this kernel has no net.ipv4.x"


def test_a_node_that_can_be_restarted_has_the_same_mac_addresses_again() -> None:
    given = InterfacePlan("eth2", mac="02:00:00:00:00:02")
    nodes = tuple(replace(PLAN.nodes[0], name=name, interfaces=(InterfacePlan("eth1"), given)) for name in ("a", "b"))

    def macs(plan: LabPlan) -> list[str | None]:
        return [interface.mac for node in wired.wiring_of(plan).nodes for interface in node.interfaces]

    plan = replace(PLAN, runtime="docker", nodes=nodes)
    a, own, b, _ = found = macs(plan)
    assert found == macs(plan)
    assert a is not None and a.startswith("02:") and len(a) == 17
    assert own == "02:00:00:00:00:02"
    assert len({a, b, macs(replace(plan, name="another"))[0]}) == 3
    assert macs(replace(plan, runtime="netns"))[0] is None  # the kernel's choice


def test_one_option_moves_every_router_that_frr_runs(tmp_path: Path) -> None:
    router = NodePlan("rt-1", "frr", Role.ROUTER, "rt-1", "FRR", routing=RoutingPlan("frr", ("zebra",)), rootfs="/old")
    speaker = NodePlan("k8s-worker", "k8s", Role.WORKER, "k8s", "bgpd", rootfs="/of/the/file")
    (tmp_path / "link").symlink_to(tmp_path)
    plan = deploy.with_rootfs(replace(PLAN, nodes=(*PLAN.nodes, router, speaker)), tmp_path / "link")
    assert [node.rootfs for node in plan.nodes] == [None, str(tmp_path.resolve()), "/of/the/file"]


def test_a_rootfs_for_all_routers_is_not_for_those_that_serve_a_vip(tmp_path: Path) -> None:
    router = NodePlan("rt", "frr", Role.ROUTER, "rt", "FRR", routing=RoutingPlan("frr", ("zebra",)))
    server = replace(router, name="speaker")
    service = ServicePlan(None, "web", ip_address("192.0.2.1"), 80, None, ("speaker",), ())
    plan = deploy.with_rootfs(replace(PLAN, nodes=(router, server), services=(service,)), tmp_path)
    assert [node.rootfs for node in plan.nodes] == [str(tmp_path.resolve()), None]


def test_a_rootfs_that_is_no_folder_is_wrong_input(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    for name, why in (("none", "No such file"), ("file", "not a folder"), ("loop", "loop|Too many levels")):
        with pytest.raises(InputError, match=f"rootfs .*/{name}: .*({why})"):
            deploy.with_rootfs(PLAN, tmp_path / name)
