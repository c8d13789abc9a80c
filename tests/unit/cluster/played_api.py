"""A small HTTP server that plays the Kubernetes API: discovery, server-side apply, lists, deletes, and refusals."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

CORE = {"Namespace": ("namespaces", False), "Service": ("services", True), "Pod": ("pods", True)}
GROUPS = {
    "apps/v1": {"Deployment": ("deployments", True)},
    "apiextensions.k8s.io/v1": {"CustomResourceDefinition": ("customresourcedefinitions", False)},
}


@dataclass(frozen=True)
class Answer:
    """What a request is refused with."""

    status: int
    message: str = ""
    body: bytes | None = None

    def encoded(self) -> bytes:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": self.message}
        return json.dumps({**status, "code": self.status}).encode() if self.body is None else self.body


@dataclass
class PlayedApi:
    """Its objects by path, its kinds by group and version, and what it refuses."""

    groups: dict[str, dict[str, tuple[str, bool]]] = field(default_factory=lambda: {"v1": CORE, **GROUPS})
    objects: dict[str, Any] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, list[str]]]] = field(default_factory=list)
    refuse: Callable[[str, str, int], Answer | None] = lambda _method, _path, _count: None
    """What to answer to a request: its method, its path, and how often it came before."""
    appears_after: dict[str, int] = field(default_factory=dict)
    """A group's version that is served from that discovery on, counting from 0, as after a CRD was made."""
    port: int = 0
    connections: int = 0
    _server: ThreadingHTTPServer | None = None

    def start(self, port: int = 0) -> None:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # an answer is one packet

            def setup(self) -> None:
                api.connections += 1
                super().setup()

            def do_GET(self) -> None:
                self._answer("GET")

            def do_PATCH(self) -> None:
                self._answer("PATCH")

            def do_DELETE(self) -> None:
                self._answer("DELETE")

            def _answer(self, method: str) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                sent = json.loads(self.rfile.read(length)) if length else None
                status, body = api.answer(method, self.path, sent)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def kubeconfig(self, path: Path) -> Path:
        cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}
        context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
        user = {"name": "u", "user": {"token": "none"}}
        whole = {"apiVersion": "v1", "kind": "Config", "current-context": "c"}
        path.write_text(json.dumps({**whole, "clusters": [cluster], "contexts": [context], "users": [user]}))
        return path

    def count(self, method: str, path: str) -> int:
        return sum((method, path) == request[:2] for request in self.requests)

    def answer(self, method: str, url: str, sent: Any) -> tuple[int, bytes]:
        split = urlsplit(url)
        path, query = split.path, parse_qs(split.query)
        before = self.count(method, path)
        self.requests.append((method, path, query))
        if (refused := self.refuse(method, path, before)) is not None:
            return refused.status, refused.encoded()
        if method == "PATCH":
            self.objects[path] = found = sent
        elif method == "DELETE":
            found = self.objects.pop(path, None)
        else:
            found = self._discovery(path) or self.objects.get(path) or self._listed(path, query)
        if found is None:
            return 404, Answer(404, "the server could not find the requested resource").encoded()
        return 200, json.dumps(found).encode()

    def _listed(self, path: str, query: dict[str, list[str]]) -> Any:
        head, _, plural = path.rpartition("/")
        if plural not in {known for kinds in self.groups.values() for known, _ in kinds.values()}:
            return None
        wanted = dict(pair.split("=") for pair in query.get("labelSelector", [""])[0].split(",") if pair)
        items = [
            found
            for where, found in self.objects.items()
            if where.startswith(head + "/")
            and where.split("/")[-2] == plural
            and wanted.items() <= (found["metadata"].get("labels") or {}).items()
        ]
        return {"items": items}

    def _discovery(self, path: str) -> Any:
        known = [version for version in self.groups if self._is_served(version, path)]
        if path == "/version":
            return {"gitVersion": "v1.36.3"}
        if path == "/apis":
            names = dict.fromkeys(version.partition("/")[0] for version in known if "/" in version)
            return {"kind": "APIGroupList", "groups": [self._group(name, known) for name in names]}
        for version in known:
            if path == ("/api/" if "/" not in version else "/apis/") + version:
                return {"kind": "APIResourceList", "resources": self._kinds(version)}
        return None

    def _is_served(self, version: str, path: str) -> bool:
        return path != "/apis" or self.count("GET", "/apis") > self.appears_after.get(version, 0)

    def _group(self, name: str, known: list[str]) -> Any:
        """A group and its versions; the highest is the preferred one."""
        its = sorted((version for version in known if version.startswith(f"{name}/")), reverse=True)
        versions = [{"groupVersion": version, "version": version.partition("/")[2]} for version in its]
        return {"name": name, "versions": versions, "preferredVersion": versions[0]}

    def _kinds(self, version: str) -> list[Any]:
        verbs = ["delete", "get", "list", "patch"]
        return [
            {"name": plural, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": verbs}
            for kind, (plural, namespaced) in self.groups[version].items()
        ]
