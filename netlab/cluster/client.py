"""The Kubernetes API through the `kubernetes` package: the one file that knows it, since it has no types."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from netlab.cluster import credentials
from netlab.cluster.retry import Refusal
from netlab.cluster.yamlfile import Document
from netlab.model.errors import LabError

FIELD_MANAGER = "netlab"
PATIENCE = 15.0
"""Seconds that a single read or delete may take with all its tries."""
_PAUSE = 0.2  # seconds between two tries
_TIMEOUT = (5.0, 30.0)  # seconds to connect and to answer: a webhook has 10

T = TypeVar("T")


@dataclass(frozen=True)
class Resource:
    """A kind of object, as its documents name it."""

    api_version: str
    kind: str

    @property
    def group(self) -> str:
        """Empty for the core's."""
        return self.api_version.rpartition("/")[0]


@dataclass(frozen=True)
class Ref:
    """One object."""

    resource: Resource
    name: str
    namespace: str | None = None

    @classmethod
    def of(cls, document: Document) -> Ref:
        """What a document is of."""
        metadata = document["metadata"]
        return cls(Resource(document["apiVersion"], document["kind"]), metadata["name"], metadata.get("namespace"))

    def __str__(self) -> str:
        return f"{self.resource.kind} {f'{self.namespace}/' if self.namespace else ''}{self.name}"


class Client:
    """A cluster's API. What it refuses for good, or for too long, is a LabError that names the object."""

    def __init__(self, dynamic: Any) -> None:
        self._dynamic = dynamic
        self._defined: set[tuple[str, str]] = set()
        """Group and kind of the CRDs applied here."""

    def apply(
        self, documents: Iterable[Document], deadline: float, meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        """Server-side apply of each, in order, until `deadline` (time.monotonic); netlab's fields win over others'.

        `meanwhile` is called between two tries.
        """
        for document in documents:
            ref = Ref.of(document)
            defined = (ref.resource.group, ref.resource.kind) in self._defined
            insist(str(ref), partial(self._apply, document), deadline, defined=defined, meanwhile=meanwhile)
            if ref.resource.kind == "CustomResourceDefinition":
                spec = document["spec"]
                self._defined.add((spec["group"], spec["names"]["kind"]))

    def get(self, ref: Ref) -> Document | None:
        """An object; None where there is none, or no such kind of object."""
        # What has no namespaces takes no notice of it.
        namespace = ref.namespace or "default"
        found: Document | None = self._read(ref.resource, str(ref), name=ref.name, namespace=namespace)
        return found

    def find(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
    ) -> list[Document] | None:
        """The objects of a kind, of all namespaces if none is named; None where the API knows no such kind."""
        what = f"listing {resource.kind}"
        found = self._read(resource, what, namespace=namespace, label_selector=labels, field_selector=fields)
        if found is None:
            return None
        # The objects of a list do not say what they are.
        return [{"apiVersion": resource.api_version, "kind": resource.kind, **item} for item in found["items"] or ()]

    def delete(self, ref: Ref) -> None:
        """Have it deleted; one that is gone already is no error."""

        def call() -> None:
            try:
                resource = self._resource(ref.resource)
                namespace = self._namespace(resource, ref.namespace)
                _read(resource.delete, name=ref.name, namespace=namespace, propagation_policy="Background")
            except _not_found():
                pass

        insist(str(ref), call, time.monotonic() + PATIENCE)

    def labelled(self, labels: str) -> Iterator[Ref]:
        """Everything in the cluster with these labels that nothing else owns."""
        deadline = time.monotonic() + PATIENCE
        for resource in insist("listing all kinds", self._deletable, deadline):
            for item in self.find(resource, labels=labels) or ():
                if not item["metadata"].get("ownerReferences"):
                    yield Ref(resource, item["metadata"]["name"], item["metadata"].get("namespace"))

    def close(self) -> None:
        """Close its connections."""
        self._dynamic.client.rest_client.pool_manager.clear()

    def _apply(self, document: Document) -> None:
        ref = Ref.of(document)
        resource = self._resource(ref.resource)
        where = {"name": ref.name, "namespace": self._namespace(resource, ref.namespace)}
        _read(resource.server_side_apply, body=document, **where, field_manager=FIELD_MANAGER, force_conflicts=True)

    def _read(self, resource: Resource, what: str, **arguments: Any) -> Any:
        def call() -> Any:
            try:
                return json.loads(_read(self._resource(resource).get, **arguments))
            except _not_found():
                return None

        return insist(what, call, time.monotonic() + PATIENCE)

    def _resource(self, resource: Resource) -> Any:
        # With the prefix it asks for one group, without it for every group that has such a version.
        prefix = "apis" if resource.group else "api"
        return self._dynamic.resources.get(prefix=prefix, api_version=resource.api_version, kind=resource.kind)

    @staticmethod
    def _namespace(resource: Any, namespace: str | None) -> str | None:
        return (namespace or "default") if resource.namespaced else None

    def _deletable(self) -> list[Resource]:
        """Every kind, once: in its group's preferred version if that has it."""
        from kubernetes.dynamic import ResourceList

        found: dict[tuple[str, str], Resource] = {}
        for kind in (kind for alike in self._dynamic.resources for kind in alike):
            # Lists have their kind's verbs. A service's labels are copied to its Endpoints, which nothing owns.
            if isinstance(kind, ResourceList) or kind.kind == "Endpoints":
                continue
            key = (kind.group or "", kind.kind)
            if {"list", "delete"} <= set(kind.verbs or ()) and (kind.preferred or key not in found):
                found[key] = Resource(kind.group_version, kind.kind)
        return list(found.values())


def connect(kubeconfig: Path, deadline: float) -> Client:
    """A client of the cluster of that file, as soon as its API answers; LabError where it does not until `deadline`."""
    from kubernetes.client import ApiClient, Configuration
    from kubernetes.config import ConfigException, load_kube_config_from_dict
    from kubernetes.dynamic import DynamicClient
    from yaml import YAMLError

    class Patient(DynamicClient):  # type: ignore[misc]
        """No request waits for ever."""

        def request(self, method: str, path: str, body: Any = None, **arguments: Any) -> Any:
            arguments.setdefault("_request_timeout", _TIMEOUT)
            return super().request(method, path, body, **arguments)

    configuration = Configuration()
    try:
        config = credentials.in_files(kubeconfig)
        load_kube_config_from_dict(config, client_configuration=configuration, persist_config=False)
    except (ConfigException, OSError, YAMLError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LabError(f"cannot use the kubeconfig {kubeconfig}: {' '.join(str(error).split())}") from None
    configuration.proxy = None  # kind's API listens on this machine, whatever HTTPS_PROXY says
    configuration.retries = False  # here it is decided what is worth one
    # By default what the API serves is remembered in a file in /tmp, named by its address alone, which the next
    # cluster may have too. Below a file there can be none.
    nowhere = str(kubeconfig / "none")
    api = ApiClient(configuration)
    return Client(insist("the cluster's API", lambda: Patient(api, cache_file=nowhere), deadline))


def insist(
    what: str,
    call: Callable[[], T],
    deadline: float,
    *,
    defined: bool = False,
    meanwhile: Callable[[], None] = lambda: None,
) -> T:
    """The call's answer, tried again until `deadline` for what passes (see `Refusal`). LabError on one line."""
    from kubernetes.client.exceptions import ApiException
    from kubernetes.dynamic.exceptions import ResourceNotFoundError
    from urllib3.exceptions import HTTPError

    while True:
        try:
            return call()
        except (ApiException, ResourceNotFoundError, HTTPError, OSError) as error:
            refusal = _refusal(error)
            final = not refusal.passes(defined=defined)
            if final or time.monotonic() + _PAUSE > deadline:
                raise LabError(
                    f"{what}: {refusal.message}{'' if final else ' (it stayed so until the time was up)'}"
                ) from None
        meanwhile()
        time.sleep(_PAUSE)


def _read(call: Callable[..., Any], **arguments: Any) -> Any:
    """The body of an answer. One that is not read keeps its connection, and the next request makes another."""
    return call(**arguments, serialize=False).data


def _not_found() -> tuple[type[Exception], ...]:
    from kubernetes.dynamic.exceptions import NotFoundError, ResourceNotFoundError

    return (NotFoundError, ResourceNotFoundError)


def _refusal(error: Any) -> Refusal:
    status = getattr(error, "status", None)
    if status:
        return Refusal(_message(error.body) or f"{status} {error.reason}", status)
    if type(error).__name__ == "ResourceNotFoundError":
        return Refusal("the cluster's API knows no such kind of object", unknown_kind=True)
    return Refusal(str(error) or type(error).__name__)


def _message(body: str | bytes | None) -> str:
    """Of a Status object, which is what the API refuses with."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else body or ""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return str(found.get("message", "")) if isinstance(found, dict) else text


def refs(documents: Sequence[Document]) -> tuple[Ref, ...]:
    """What the documents are of."""
    return tuple(Ref.of(document) for document in documents)
