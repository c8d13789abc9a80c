"""What the builder asks of the lab's init. Reads the host's accounts and a root file system's own, changes nothing."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from netlab import daemons
from netlab.daemons.base import Accounts
from netlab.model.plan import LabPlan, NodePlan
from netlab.runtime import starting
from netlab.runtime.inside import accounts
from netlab.runtime.netns import own_rootfs

if TYPE_CHECKING:
    from netlab.runtime.netns.messages import Bind, Folders, NodesRequest, SentNode, TextFile


def nodes(plan: LabPlan, keep: list[str]) -> NodesRequest:
    """The request for all machines of a plan. `keep`: paths of the host that every machine sees.

    What machines have in common is sent once, since every machine's /etc/hosts names all the others: `texts` are the
    contents of files, `rights` sets of capabilities, and a machine has the places of its own in them.
    """
    writable = list(dict.fromkeys(bind.source for node in plan.nodes for bind in node.binds if not bind.read_only))
    texts: dict[str, int] = {}
    rights: dict[tuple[str, ...], int] = {}
    of_host = cache(_account_of_host)
    made: list[SentNode] = []
    for node in plan.nodes:
        files = _files(node)
        if node.rootfs is None and (names := starting.accounts_of(node)):
            # As the rest of the host's /etc is.
            files += [_file(path, of_host(path, names), read_only=True) for path in starting.account_files(node)]
        made.append(
            {
                "name": node.name,
                "rootfs": node.rootfs,
                "files": [{**file, "content": texts.setdefault(file["content"], len(texts))} for file in files],
                "binds": _binds(node, writable),
                "rights": rights.setdefault(tuple(sorted(starting.capabilities(node))), len(rights)),
                "starts": starts_something(node),
            }
        )
    return {
        "op": "nodes",
        "nodes": made,
        "keep": keep,
        "writable": writable,
        "texts": [*texts],
        "rights": [*rights],
        "folders": _folders(),
    }


def _folders() -> Folders:
    """Of all routing daemons: the host may run any of them, and a machine too."""
    known = [daemons.DAEMONS.load(name) for name in daemons.DAEMONS.usable()]
    working = dict.fromkeys(folder for daemon in known if daemon.accounts for folder in daemon.accounts.folders)
    return {
        "private": [folder for daemon in known for folder in daemon.folders],
        "in_private": [folder for folder in working if folder.startswith(("/var/lib/", "/var/log/"))],
    }


def starts_something(node: NodePlan) -> bool:
    """Whether a machine has processes or commands: the init of any other has nothing to do once it is made."""
    return bool(node.processes or node.exec)


def _files(node: NodePlan) -> list[TextFile]:
    files = [_file(file.path, file.content, file.mode) for file in node.files]
    files.append(_file("/etc/hostname", f"{node.name}\n"))
    if node.rootfs is not None:
        made = own_rootfs.files(node.rootfs, starting.account_files(node), starting.accounts_of(node))
        files += [_file(path, text) for path, text in made.items()]
    return files


def _file(path: str, content: str, mode: int = 0o644, *, read_only: bool = False) -> TextFile:
    return {"path": path, "content": content, "mode": mode, "read_only": read_only}


def _account_of_host(path: str, names: Accounts) -> str:
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    return accounts.with_names(path, text, names.user, names.groups)


def _binds(node: NodePlan, writable: list[str]) -> list[Bind]:
    return [
        {
            "source": bind.source,
            "target": bind.target,
            "writable": None if bind.read_only else writable.index(bind.source),
        }
        for bind in node.binds
    ]
