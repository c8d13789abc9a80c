"""What builder, launcher, the lab's init and the nodes' inits tell each other. Only type checkers read this file."""

from __future__ import annotations

from typing import Literal, TypedDict

from netlab.runtime.inside.messages import Answer, StartRequest


class LaunchRequest(TypedDict):
    """The lab's state folder, and the maps of its ids: [inside, outside, count]. None maps every id to itself."""

    directory: str
    uid_map: list[list[int]] | None
    gid_map: list[list[int]] | None


class File(TypedDict):
    """A file of a node; a read-only one is bound so."""

    path: str
    mode: int
    read_only: bool


class TextFile(File):
    """With its content."""

    content: str


class SentFile(File):
    """With the place of its content in the request's `texts`."""

    content: int


class NodeFile(File):
    """With its content, as it is written."""

    content: bytes


class Bind(TypedDict):
    """A path of the host that a node sees. `writable` is its place in the request's `writable`."""

    source: str
    target: str
    writable: int | None


class _AnyNode(TypedDict):
    name: str
    rootfs: str | None
    binds: list[Bind]
    starts: bool
    rights: int


class SentNode(_AnyNode):
    """A node as it is sent; `rights` is the place of its capabilities in the request's `rights`."""

    files: list[SentFile]


class Node(_AnyNode):
    """A node with all that belongs to it."""

    files: list[NodeFile]
    capabilities: frozenset[str]


class Folders(TypedDict):
    """Folders of routing daemons: those that every node has for itself, and those that are made in private ones where
    the host, or a root file system, has them there."""

    private: list[str]
    in_private: list[str]


class NodesRequest(TypedDict):
    """Make these nodes."""

    op: Literal["nodes"]
    nodes: list[SentNode]
    keep: list[str]
    writable: list[str]
    texts: list[str]
    rights: list[tuple[str, ...]]
    folders: Folders


class StartNodes(TypedDict):
    """Start the processes of these nodes."""

    op: Literal["start"]
    nodes: dict[str, StartRequest]


class End(TypedDict):
    """The lab is complete: it lives on without its builder, or as long as that holds it."""

    op: Literal["commit", "hold"]


Request = NodesRequest | StartNodes | End


class LabAnswer(Answer, total=False):
    """What the builder is answered, by the launcher (`init`, `running`) and the lab's init, and that by its helpers.
    `nodes` are pids."""

    init: int
    running: bool
    nodes: dict[str, int]
    held: bool
    committed: bool
    remedy: str | None
