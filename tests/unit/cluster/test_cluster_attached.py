"""Taking a lab out of somebody else's cluster, with a small server in its API's place."""

import subprocess
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cluster_samples import PLAN
from played_api import PlayedApi

from netlab.cluster import attached, credentials, documents
from netlab.cluster.paths import kubeconfig
from netlab.model.errors import LabError
from netlab.model.lab import LabMachine, LabRecord

CLUSTER = replace(PLAN, existing=True)
OBJECT = "/apis/apps/v1/namespaces/default/deployments/nginx"


@pytest.fixture
def api() -> Iterator[PlayedApi]:
    api = PlayedApi()
    api.objects[OBJECT] = {"metadata": {"name": "nginx", "namespace": "default", "labels": documents.labels("a")}}
    api.start()
    yield api
    api.stop()


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabRecord:
    monkeypatch.setattr(attached, "_TIMEOUT", 0.5)
    monkeypatch.setattr(attached.tools, "kind", lambda: "kind")
    monkeypatch.setattr(attached.engine, "connected", lambda _url: nullcontext())
    monkeypatch.setattr(attached.containers, "of_clusters", lambda *_: ("a node",))
    return LabRecord("a", "docker", 0, "", "", str(tmp_path), "", "", LabMachine("", 1, 1, 1), (), "unix:")


def answer(monkeypatch: pytest.MonkeyPatch, code: int, output: bytes, errors: bytes = b"") -> list[Any]:
    """What kind prints; the commands that it is given."""
    ran: list[Any] = []

    def run(argv: list[str], **_: Any) -> Any:
        ran.append(argv)
        return subprocess.CompletedProcess(argv, code, output, errors)

    monkeypatch.setattr(credentials.subprocess, "run", run)
    return ran


def test_what_bears_the_labs_label_goes(lab: LabRecord, api: PlayedApi, tmp_path: Path) -> None:
    api.kubeconfig(kubeconfig(tmp_path, "k8s"))
    attached.detach(replace(lab, name="another"), CLUSTER)
    assert OBJECT in api.objects
    attached.detach(lab, CLUSTER)
    assert api.objects == {}


@pytest.mark.parametrize("stored", [None, "nonsense: ["])
def test_kind_is_asked_for_credentials_where_those_of_the_lab_are_of_no_use(
    lab: LabRecord, api: PlayedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: str | None
) -> None:
    """They are gone, half written, or of a cluster that was made anew."""
    fresh = api.kubeconfig(tmp_path / "fresh").read_bytes()
    if stored is not None:
        kubeconfig(tmp_path, "k8s").write_text(stored)
    ran = answer(monkeypatch, 0, fresh)
    attached.detach(lab, CLUSTER)
    assert api.objects == {}
    assert ran == [["kind", "get", "kubeconfig", "--name", "netlab-x-k8s"]]
    assert kubeconfig(tmp_path, "k8s").stat().st_mode & 0o777 == 0o600


def test_a_cluster_that_does_not_answer_is_an_error(
    lab: LabRecord, api: PlayedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.kubeconfig(kubeconfig(tmp_path, "k8s"))
    api.stop()
    answer(monkeypatch, 1, b"", b"ERROR: no control plane")
    with pytest.raises(LabError, match="no credentials for kind cluster netlab-x-k8s: ERROR: no control plane"):
        attached.detach(lab, CLUSTER)


def test_a_cluster_that_is_gone_has_nothing_left(lab: LabRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attached.containers, "of_clusters", lambda *_: ())
    attached.detach(lab, CLUSTER)
