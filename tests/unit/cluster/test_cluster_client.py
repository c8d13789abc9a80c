"""What netlab does about the refusals of a Kubernetes API, in the API's own words."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from played_api import Answer, PlayedApi

from netlab.cluster.client import Client, Ref, Resource, connect
from netlab.cluster.retry import Refusal
from netlab.model.errors import LabError

POOL = {
    "apiVersion": "metallb.io/v1beta1",
    "kind": "IPAddressPool",
    "metadata": {"name": "k8s", "namespace": "metallb-system"},
    "spec": {"addresses": ["172.16.7.192/26"]},
}
POOL_PATH = "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/k8s"
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "ipaddresspools.metallb.io"},
    "spec": {"group": "metallb.io", "names": {"kind": "IPAddressPool"}},
}
POOLS = {"IPAddressPool": ("ipaddresspools", True)}
DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "nginx", "namespace": "default"}}
DEPLOYMENT_PATH = "/apis/apps/v1/namespaces/default/deployments/nginx"
WEBHOOK = (
    'Internal error occurred: failed calling webhook "ipaddresspoolvalidationwebhook.metallb.io": failed to call '
    "webhook: Post https://metallb-webhook-service.metallb-system.svc:443/: connect: connection refused"
)
DENIED = 'admission webhook "bgppeersvalidationwebhook.metallb.io" denied the request: peer has keepalive-time set'


@pytest.fixture
def api() -> Iterator[PlayedApi]:
    api = PlayedApi()
    api.groups["metallb.io/v1beta1"] = dict(POOLS)
    api.start()
    yield api
    api.stop()


@pytest.fixture
def client(api: PlayedApi, tmp_path: Path) -> Client:
    return connect(api.kubeconfig(tmp_path / "kubeconfig"), within(5))


def within(seconds: float) -> float:
    return time.monotonic() + seconds


def refused_at_first(times: int, answer: Answer, path: str):
    return lambda method, at, before: answer if (method, at) == ("PATCH", path) and before < times else None


def test_an_object_is_applied_by_the_server_as_netlabs_and_wins_over_others_fields(api: PlayedApi, client: Client):
    client.apply([POOL], within(5))
    assert api.objects[POOL_PATH] == POOL
    _, _, query = next(request for request in api.requests if request[0] == "PATCH")
    assert query == {"fieldManager": ["netlab"], "force": ["true"]}


def test_an_object_without_a_namespace_goes_to_the_default_one(api: PlayedApi, client: Client):
    nameless = {**DEPLOYMENT, "metadata": {"name": "nginx"}}
    client.apply([nameless, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}], within(5))
    assert set(api.objects) == {DEPLOYMENT_PATH, "/api/v1/namespaces/n"}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, WEBHOOK),
        Answer(409, "Operation cannot be fulfilled: the object has been modified"),
        Answer(503, "the server is currently unable to handle the request"),
        Answer(429, "too many requests, please try again later"),
    ],
    ids=lambda answer: str(answer.status),
)
def test_what_passes_is_tried_again_until_it_has_passed(api: PlayedApi, client: Client, answer: Answer):
    api.refuse = refused_at_first(2, answer, POOL_PATH)
    client.apply([POOL], within(10))
    assert api.count("PATCH", POOL_PATH) == 3
    assert POOL_PATH in api.objects


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(403, DENIED), DENIED),
        (Answer(400, "strict decoding error: unknown field"), "strict decoding error: unknown field"),
        (Answer(422, 'IPAddressPool "k8s" is invalid:\n  spec'), 'IPAddressPool "k8s" is invalid: spec'),
        (Answer(500, "etcdserver: mvcc: database space exceeded"), "etcdserver: mvcc: database space exceeded"),
        (Answer(404, 'namespaces "metallb-system" not found'), 'namespaces "metallb-system" not found'),
        (Answer(401, body=b"not JSON"), "not JSON"),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Answer) else "",
)
def test_what_is_final_is_one_line_that_names_the_object(api: PlayedApi, client: Client, answer: Answer, said: str):
    api.refuse = refused_at_first(99, answer, POOL_PATH)
    with pytest.raises(LabError) as refused:
        client.apply([POOL], within(10))
    assert refused.value.lines() == (f"IPAddressPool metallb-system/k8s: {said}",)
    assert api.count("PATCH", POOL_PATH) == 1


def test_the_deadline_ends_the_tries_with_the_last_answer(api: PlayedApi, client: Client):
    api.refuse = refused_at_first(99, Answer(500, WEBHOOK), POOL_PATH)
    start = time.monotonic()
    with pytest.raises(LabError, match=r"^IPAddressPool metallb-system/k8s: Internal error.*until the time was up\)$"):
        client.apply([POOL], within(1))
    assert time.monotonic() - start < 3
    assert api.count("PATCH", POOL_PATH) >= 2


def test_a_new_crds_kind_is_waited_for(tmp_path: Path):
    api = PlayedApi()
    api.groups["metallb.io/v1beta1"] = dict(POOLS)
    api.appears_after["metallb.io/v1beta1"] = 4
    api.start()
    try:
        connect(api.kubeconfig(tmp_path / "kubeconfig"), within(5)).apply([CRD, POOL], within(10))
    finally:
        api.stop()
    assert POOL_PATH in api.objects
    assert api.count("GET", "/apis") > 4


def test_a_kind_that_nobody_defines_is_refused_at_once(api: PlayedApi, client: Client):
    del api.groups["metallb.io/v1beta1"]
    start = time.monotonic()
    with pytest.raises(LabError, match=r"^IPAddressPool metallb-system/k8s: the cluster's API knows no such kind"):
        client.apply([POOL], within(30))
    assert time.monotonic() - start < 5
    assert client.find(Resource("metallb.io/v1beta1", "IPAddressPool")) is None
    assert client.get(Ref.of(POOL)) is None


def test_an_api_that_only_starts_is_waited_for(tmp_path: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    api = PlayedApi(port=port)
    starter = threading.Timer(0.6, api.start, (port,))
    starter.start()
    try:
        client = connect(api.kubeconfig(tmp_path / "kubeconfig"), within(15))
        client.apply([DEPLOYMENT], within(5))
    finally:
        starter.join()
        api.stop()
    assert DEPLOYMENT_PATH in api.objects


def test_an_api_that_never_answers_is_named(tmp_path: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        kubeconfig = PlayedApi(port=free.getsockname()[1]).kubeconfig(tmp_path / "kubeconfig")
        with pytest.raises(LabError, match=r"^the cluster's API: .*refused"):
            connect(kubeconfig, within(0.5))


def test_a_kubeconfig_that_is_none_is_named(tmp_path: Path):
    with pytest.raises(LabError, match=r"^cannot use the kubeconfig .*/none: "):
        connect(tmp_path / "none", within(1))


def test_a_proxy_is_not_asked_for_the_way_to_this_machine(api, tmp_path, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://192.0.2.1:3128")
    monkeypatch.setenv("NO_PROXY", "")
    connect(api.kubeconfig(tmp_path / "kubeconfig"), within(2)).apply([POOL], within(2))
    assert POOL_PATH in api.objects


def test_nothing_is_remembered_in_a_file_that_the_next_cluster_would_read(api, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    connect(api.kubeconfig(tmp_path / "kubeconfig"), within(2)).apply([POOL], within(2))
    assert list((tmp_path / "tmp").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["kubeconfig"]


def test_certificates_and_key_are_the_labs_own_files_and_no_temporary_ones(api, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    kubeconfig = api.kubeconfig(tmp_path / "kubeconfig")
    config = json.loads(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["certificate-authority-data"] = "YXV0aG9yaXR5"
    config["users"][0]["user"] |= {"client-certificate-data": "Y2VydGlmaWNhdGU=", "client-key-data": "a2V5"}
    kubeconfig.write_text(json.dumps(config))

    for _ in range(2):  # the second finds them
        connect(kubeconfig, within(2)).apply([POOL], within(2))

    beside = {path.suffix: (path.read_text(), path.stat().st_mode & 0o777) for path in tmp_path.glob("kubeconfig.*")}
    assert beside == {
        ".certificate-authority": ("authority", 0o600),
        ".client-certificate": ("certificate", 0o600),
        ".client-key": ("key", 0o600),
    }
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("text", ["[]", "{users: [{name: u}]}", "{users: [{user: {client-key-data: '='}}]}", "{"])
def test_what_is_no_kubeconfig_is_named(tmp_path, text):
    (tmp_path / "bad").write_text(text)
    with pytest.raises(LabError, match=r"^cannot use the kubeconfig .*/bad: "):
        connect(tmp_path / "bad", within(1))


def test_lists_say_of_what_kind_their_objects_are(api: PlayedApi, client: Client):
    client.apply([DEPLOYMENT], within(5))
    found = client.find(Resource("apps/v1", "Deployment"), namespace="default")
    assert found == [DEPLOYMENT]
    del api.objects[DEPLOYMENT_PATH]["kind"]
    assert (client.find(Resource("apps/v1", "Deployment")) or [{}])[0]["kind"] == "Deployment"


def test_what_is_deleted_is_gone_and_stays_no_error(api: PlayedApi, client: Client):
    client.apply([POOL], within(5))
    assert client.get(Ref.of(POOL)) == POOL
    client.delete(Ref.of(POOL))
    client.delete(Ref.of(POOL))
    assert client.get(Ref.of(POOL)) is None
    assert api.objects == {}


def test_everything_with_a_label_is_found_whatever_it_is_but_nothing_that_something_owns(
    api: PlayedApi, client: Client
):
    mine = {"labels": {"a": "b"}}
    owned = {**mine, "name": "owned", "namespace": "default", "ownerReferences": [{"kind": "X"}]}
    client.apply(
        [
            {**POOL, "metadata": {**POOL["metadata"], **mine}},
            {**DEPLOYMENT, "metadata": {**DEPLOYMENT["metadata"], "labels": {"a": "c"}}},
            {**DEPLOYMENT, "metadata": owned},
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", **mine}},
        ],
        within(5),
    )
    assert {str(ref) for ref in client.labelled("a=b")} == {"IPAddressPool metallb-system/k8s", "Namespace n"}


def test_a_long_message_is_cut():
    assert len(Refusal("x" * 10_000).message) < 500


def test_one_connection_serves_all_requests(api: PlayedApi, client: Client):
    for number in range(5):
        named = {**POOL, "metadata": {"name": f"k8s-{number}", "namespace": "metallb-system"}}
        client.apply([named], within(5))
        assert client.get(Ref.of(named)) is not None
        client.delete(Ref.of(named))
    assert api.connections == 1
