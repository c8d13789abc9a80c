"""MetalLB's manifest: where it comes from, and what is changed in it. And the user's manifests."""

import hashlib
import stat
from pathlib import Path
from typing import Any

import pytest

from netlab.cluster import manifests, yamlfile
from netlab.cluster.install import prepare
from netlab.model.cluster import ClusterNodePlan, ClusterPlan, MetallbPlan
from netlab.model.errors import HostError, InputError

CONTROLLER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: controller, namespace: metallb-system}
spec:
  template:
    spec:
      initContainers:
      - {name: cp, image: quay.io/metallb/speaker:v0.16.1}
      containers:
      - name: controller
        image: quay.io/metallb/controller:v0.16.1
        livenessProbe: {initialDelaySeconds: 10, periodSeconds: 10, failureThreshold: 3, httpGet: {port: 17472}}
        readinessProbe: {initialDelaySeconds: 10, periodSeconds: 10, failureThreshold: 3}
        startupProbe: {periodSeconds: 5, failureThreshold: 30}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other, namespace: metallb-system}
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "netlab" / "kind" / "manifests"


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest of the text above in the place of MetalLB's."""
    monkeypatch.setitem(manifests._DIGESTS, "native", hashlib.sha256(CONTROLLER.encode()).hexdigest())


def never(source: str) -> bytes:
    raise AssertionError(f"asked {source}")


def test_the_built_manifest_is_used_without_any_network(cache: Path, pinned: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(manifests, "_download", never)
    cache.mkdir(parents=True)
    (cache / "metallb-native-v0.16.1.yaml").write_text(CONTROLLER)
    assert [document["kind"] for document in manifests.metallb("native")] == ["Deployment", "ConfigMap"]


def test_without_it_metallbs_repository_is_asked_once(cache: Path, pinned: None, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    def download(source: str) -> bytes:
        asked.append(source)
        return CONTROLLER.encode()

    monkeypatch.setattr(manifests, "_download", download)
    assert manifests.metallb("native") == manifests.metallb("native")
    where = "https://raw.githubusercontent.com/metallb/metallb/v0.16.1/config/manifests/metallb-native.yaml"
    assert asked == [where]
    kept = cache / "metallb-native-v0.16.1.yaml"
    assert kept.read_text() == CONTROLLER
    assert stat.S_IMODE(kept.stat().st_mode) & 0o022 == 0


def test_another_text_than_the_pinned_one_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(manifests, "_download", lambda _: CONTROLLER.encode())
    cache.mkdir(parents=True)
    (cache / "metallb-frr-v0.16.1.yaml").write_text("apiVersion: evil")
    with pytest.raises(HostError) as refused:
        manifests.metallb("frr")
    (line,) = refused.value.lines()
    assert "metallb-frr.yaml is not the manifest that netlab was made with" in line
    assert "(to mend it: scripts/build-images --kind)" in line
    assert (cache / "metallb-frr-v0.16.1.yaml").read_text() == "apiVersion: evil"


def test_without_a_network_the_mend_is_to_build_the_images(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(manifests, "_SOURCE", "http://127.0.0.1:9/{version}/{mode}")
    with pytest.raises(HostError) as refused:
        manifests.metallb("frr-k8s")
    (line,) = refused.value.lines()
    assert line.startswith("no MetalLB v0.16.1: http://127.0.0.1:9/v0.16.1/frr-k8s: ")
    assert line.endswith("(to mend it: scripts/build-images --kind)")


def test_a_cache_that_cannot_be_written_costs_only_the_next_time(
    cache: Path, pinned: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(manifests, "_download", lambda _: CONTROLLER.encode())
    cache.parent.parent.mkdir(parents=True)
    cache.parent.write_text("a file where the folder should be")
    assert len(manifests.metallb("native")) == 2


def test_metallb_is_ready_a_second_after_it_started_and_asks_no_registry_for_what_is_there():
    deployment, other = (manifests.adjusted(document) for document in yamlfile.parse(CONTROLLER, "x"))
    pods = deployment["spec"]["template"]["spec"]
    (controller,) = pods["containers"]
    assert controller["readinessProbe"] == {"initialDelaySeconds": 1, "periodSeconds": 1, "failureThreshold": 30}
    assert [one["imagePullPolicy"] for one in (*pods["containers"], *pods["initContainers"])] == ["IfNotPresent"] * 2
    assert other["metadata"]["name"] == "other"


def test_a_probe_gives_up_as_late_as_before():
    (deployment, _) = (manifests.adjusted(document) for document in yamlfile.parse(CONTROLLER, "x"))
    (controller,) = deployment["spec"]["template"]["spec"]["containers"]
    liveness, startup = controller["livenessProbe"], controller["startupProbe"]
    assert liveness["periodSeconds"] * liveness["failureThreshold"] == 30
    assert startup == {"initialDelaySeconds": 0, "periodSeconds": 1, "failureThreshold": 150}


def test_what_is_to_be_applied_is_read_before_anything_is_built(
    cache: Path, pinned: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(manifests, "_download", lambda _: CONTROLLER.encode())
    (tmp_path / "mine.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mine}\n")
    metallb = MetallbPlan("native", 64522, ("192.0.2.0/24",), 9)
    node = ClusterNodePlan("k8s-control-plane", "x-control-plane", control_plane=True)
    plan = ClusterPlan("k8s", "x", (node,), (), metallb, manifests=(str(tmp_path / "mine.yaml"),))
    prepared = prepare(plan)
    assert [document["metadata"]["name"] for document in prepared.metallb] == ["controller", "other"]
    assert [document["metadata"]["name"] for document in prepared.user] == ["mine"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("0644", 420),
        ("0", 0),
        ("-7", -7),
        ("0x1F", 31),
        ("22:22", "22:22"),
        ("2026-01-01", "2026-01-01"),
        ("yes", True),
        ("1.5", 1.5),
        ("'0644'", "0644"),
    ],
)
def test_a_users_manifest_means_what_kubectl_makes_of_it(written: str, meant: Any):
    text = f"apiVersion: v1\nkind: A\nmetadata: {{name: a}}\nvalue: {written}\n"
    (document,) = yamlfile.parse(text, "a.yaml")
    assert document["value"] == meant
    assert type(document["value"]) is type(meant)


def test_a_list_is_its_items_and_an_empty_document_is_none():
    one = "{apiVersion: v1, kind: A, metadata: {name: a}}"
    text = f"---\n# only a comment\n---\napiVersion: v1\nkind: List\nitems: [{one}, {one}]\n---\n{one}\n"
    assert len(yamlfile.parse(text, "a.yaml")) == 3


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1", "a.yaml:2:1: not YAML: did not find expected ',' or ']'"),
        ("a: b\n c: d", "a.yaml:2:3: not YAML: mapping values are not allowed in this context"),
        ("a: !!python/object:os.system {}", "a.yaml:1:4: not YAML: could not determine a constructor for the tag"),
        ("just text", "a.yaml: document 1 is no Kubernetes object"),
        ("kind: A\nmetadata: {name: a}", "a.yaml: document 1 is no Kubernetes object: it has no apiVersion"),
        (
            "apiVersion: v1\nkind: A\nmetadata: {}",
            "a.yaml: document 1 is no Kubernetes object: it has no metadata.name",
        ),
        ("apiVersion: v1\nkind: A\nmetadata: a", "a.yaml: document 1 is no Kubernetes object: it has no metadata.name"),
        ("apiVersion: v1\nkind: List\nitems: [a]", "a.yaml: document 1 is no Kubernetes object"),
        ("a: \x01", "a.yaml: not YAML: "),
    ],
)
def test_what_is_wrong_with_a_users_manifest_is_said_with_its_place(text: str, line: str):
    with pytest.raises(InputError) as refused:
        yamlfile.parse(text, "a.yaml")
    (said,) = refused.value.lines()
    assert said.startswith(line)


def test_a_manifest_that_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"cannot read the manifest .*none.yaml: No such file"):
        yamlfile.read(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"\xff")
    with pytest.raises(InputError, match="not UTF-8"):
        yamlfile.read(tmp_path / "latin.yaml")
