"""What a machine sees as its files: the host's, or those of a root file system that the topology names (`rootfs`),
read-only, with a private /dev, /proc, /sys and writable folders.

The lab's mount namespace is prepared once (`prepare_lab`); each node then builds its own root in a copy of it.
A node's processes lack CAP_SYS_ADMIN, so they cannot undo a read-only mount; where routing daemons insist on it,
every system call that changes mounts is refused (inside/rights.py).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from netlab.kernel import syscalls as sc
from netlab.runtime.netns import skeleton
from netlab.runtime.netns.skeleton import PRIVATE_FOLDERS

if TYPE_CHECKING:
    from netlab.runtime.netns.messages import Bind, Folders, Node, NodeFile

_NEEDED_FOLDERS = ("/var/tmp", "/var/log", "/var/lib")  # made where a root file system lacks them, as daemons' are
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "net/tun")
_MOST_LINKS = 40  # as the kernel has it (path_resolution(7))


def prepare_lab(staging: str, writable: list[str]) -> None:
    """Make every host file read-only for the lab and set up `staging` (an empty folder of the lab's own).

    staging/dev is the nodes' /dev, staging/bind/N the N-th path of `writable`, staging/own where a node mounts its
    memory and staging/root where it builds its root. The first act is to make every mount private: where / is
    shared, a mount made here would otherwise appear on the host.
    """
    sc.make_private("/")
    # Copied before everything becomes read-only, so that what is mounted below stays as the host has it.
    trees = [_clone_host_path(source) for source in writable]
    sc.mount_setattr("/", set_flags=sc.MOUNT_ATTR_RDONLY | sc.MOUNT_ATTR_NODEV, recursive=True)
    sc.mount("tmpfs", staging, "tmpfs", sc.MS_NOSUID, "mode=0755")
    for folder in ("dev", "bind", "own", "root"):
        os.mkdir(f"{staging}/{folder}")
    _fill_dev(f"{staging}/dev")
    for index, (source, tree) in enumerate(zip(writable, trees, strict=True)):
        target = f"{staging}/bind/{index}"
        _make_target(target, source)
        sc.mount_setattr("", folder=tree, set_flags=sc.MOUNT_ATTR_NODEV, recursive=True)
        sc.attach(tree, target)
        os.close(tree)
    sc.mount("proc", "/proc", "proc", sc.MS_NOSUID | sc.MS_NODEV | sc.MS_NOEXEC)
    _forbid_user_namespaces()


def _forbid_user_namespaces() -> None:
    """No user namespace below the lab's: in one, a node had every capability again, over namespaces of its own.

    That was enough to mount the host's cgroups, which belong to root, and so to a node of root's lab. The limit is
    this user namespace's own (namespaces(7), /proc/sys/user).
    """
    with open("/proc/sys/user/max_user_namespaces", "w", encoding="ascii") as file:
        file.write("0")


def _fill_dev(dev: str) -> None:
    sc.mount("tmpfs", dev, "tmpfs", sc.MS_NOSUID, "mode=0755")
    for name in _DEVICES:
        source = f"/dev/{name}"
        if not os.path.exists(source):
            continue
        os.makedirs(os.path.dirname(f"{dev}/{name}"), exist_ok=True)
        _make_target(f"{dev}/{name}", source)
        sc.bind(source, f"{dev}/{name}")
        # Read-only does not hold for what is written to a device, only for its mode and owner, which are the host's.
        sc.mount_setattr(f"{dev}/{name}", clear_flags=sc.MOUNT_ATTR_NODEV)
    for name, target in (
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ):
        os.symlink(target, f"{dev}/{name}")
    os.mkdir(f"{dev}/pts")
    os.mkdir(f"{dev}/shm")


def _make_target(target: str, source: str) -> None:
    """An empty folder or file to mount `source` on, of the same sort."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))


def _open_host_path(source: str) -> int:
    """A path that the topology names, as it was when the topology was checked: without links in it."""
    descriptor = os.open(source, os.O_PATH | os.O_CLOEXEC)
    if os.readlink(f"/proc/self/fd/{descriptor}") != source:
        os.close(descriptor)
        raise OSError(errno.ELOOP, "a link stands there now, which was not there when the topology was read", source)
    return descriptor


def _clone_host_path(source: str) -> int:
    descriptor = _open_host_path(source)
    try:
        return sc.clone_tree(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def _bind_host_path(source: str, target: str) -> None:
    descriptor = _open_host_path(source)
    try:
        if not os.path.lexists(target):
            _make_target(target, f"/proc/self/fd/{descriptor}")
        sc.bind(f"/proc/self/fd/{descriptor}", target, recursive=True)
    finally:
        os.close(descriptor)


class Base:
    """What the nodes of one root file system have in common; made in the lab's mount namespace, before any node.

    `root` is empty for the host's own. `paths` are those of files that nodes will have. `keep` are host paths that stay
    visible (read-only) where a private folder would hide them: netlab's own files and the topology's folder. A node
    with a root file system of its own sees none of them. `folders` are those of routing daemons.
    """

    def __init__(self, staging: str, root: str, paths: Iterable[str], keep: Iterable[str], folders: Folders) -> None:
        self.staging = staging
        self.root = root
        self.folders = folders
        self.private_folders = (*PRIVATE_FOLDERS, *folders["private"])
        self.keep = [path for path in keep if not root and _is_hidden(path, self.private_folders)]
        self.skeleton = skeleton.steps(staging, root)
        self.proc = skeleton.proc_steps(staging, f"{staging}/root")
        places = f"{staging}/own", f"{staging}/root", root
        self.private = skeleton.private_folder_steps(*places, self.private_folders)
        if not root:
            in_private = (folder for folder in folders["in_private"] if os.path.isdir(folder))
            self.private += [(os.mkdir, (f"{staging}/root{folder}",)) for folder in in_private]
        self.there = {
            path: place for path in paths if not root and (place := _place_on_host(path, self.private_folders))
        }
        """Of these paths those where the host has a file that a node sees too, and where links lead from there."""


def _place_on_host(path: str, private: Iterable[str]) -> str | None:
    try:
        place = resolved("", path)
    except OSError:
        return None
    return place if os.path.isfile(place) and not _is_hidden(place, private) else None


class _Built(NamedTuple):
    """A node's root under construction: its memory, the root, and the folders that it has for itself."""

    own: str
    root: str
    private: tuple[str, ...]


def _built(base: Base) -> _Built:
    return _Built(f"{base.staging}/own", f"{base.staging}/root", base.private_folders)


def build_root(node: Node, base: Base) -> None:
    """Build a node's root, all but what takes a process of the node. Runs in its own mount and network namespaces."""
    skeleton.do(base.skeleton)
    if not base.root:
        _detach_etc(_built(base))
    skeleton.do(base.private)
    if base.root:
        _complete(_built(base), base.folders)
    if not node["binds"]:
        _lay_files(node, base, base.there)


def enter_root(node: Node, base: Base) -> None:
    """Complete the root that build_root has begun and move into it. Runs in the node's PID namespace too."""
    skeleton.do(base.proc)
    if node["binds"]:  # they may lie in /proc, and have other files where the host has some
        _lay_files(node, base, {})
    os.chdir(f"{base.staging}/root")
    sc.pivot_root_here()


def _lay_files(node: Node, base: Base, there: Mapping[str, str]) -> None:
    """The node's binds and netlab's own files, and what is to stay visible. `there`: as in Base."""
    built = _built(base)
    own, root, _ = built
    # All targets first: an overlay made for one would hide what is mounted below it already.
    for bind in node["binds"]:
        _ensure_target(built, resolved(root, bind["target"]), os.path.isdir(bind["source"]))
    for file in node["files"]:
        if file["path"] not in there:
            _ensure_target(built, resolved(root, file["path"]), False)
    for path in base.keep:
        _make_target(root + path, path)
        sc.bind(path, root + path, recursive=True)
    for bind in node["binds"]:
        _bind(base.staging, built, bind)
    for file in node["files"]:
        _write_file(built, there.get(file["path"]) or resolved(root, file["path"]), file)
    _close_layers(own)


def _bind(staging: str, built: _Built, bind: Bind) -> None:
    root = built.root
    target = resolved(root, bind["target"])
    _ensure_target(built, target, os.path.isdir(bind["source"]))
    if bind["writable"] is None:
        _bind_host_path(bind["source"], root + target)
    else:
        sc.bind(f"{staging}/bind/{bind['writable']}", root + target, recursive=True)


def _complete(built: _Built, folders: Folders) -> None:
    """Make what a root file system may lack: the private folders, and /var/run as another name of /run.

    Packages that were unpacked and never configured have neither a daemon's folders nor the link /var/run.
    """
    own, root, _ = built
    for folder in (*_NEEDED_FOLDERS, *folders["private"]):
        if not os.path.isdir(root + folder):
            _ensure_target(built, folder, True)
            os.makedirs(f"{own}/private{folder}")
            sc.bind(f"{own}/private{folder}", root + folder)
            os.chmod(root + folder, skeleton.mode_of(folder))
    if not os.path.islink(f"{root}/var/run"):
        _ensure_target(built, "/var/run", True)
        sc.bind(f"{root}/run", f"{root}/var/run")
    for folder in folders["in_private"]:
        os.mkdir(root + folder)


def _detach_etc(built: _Built) -> None:
    """Give the node an /etc whose files no program of the host replaces below the node's own.

    useradd(8) and the like write a new /etc/group and rename it over the old one, and the kernel drops what is mounted
    on that in any namespace (rename(2) of a mount point): the node would lose its /etc/group while it runs.
    """
    try:
        _overlay(built.own, f"{built.root}/etc")
    except OSError:
        pass  # a container's /etc with mounts in it, which an ordinary user cannot lay a layer over


def _close_layers(own: str) -> None:
    """Make the layers that were needed read-only too, as all that is below them."""
    for layer in os.listdir(f"{own}/overlay") if os.path.isdir(f"{own}/overlay") else ():
        sc.mount_setattr(os.readlink(f"{own}/overlay/{layer}/over"), set_flags=sc.MOUNT_ATTR_RDONLY)


def _is_hidden(path: str, private: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in private)


def resolved(root: str, path: str) -> str:
    """Where `path` leads a process whose root is `root`: links are followed there and not in the host's root."""
    done: list[str] = []
    left = path.split("/")[::-1]
    links = 0
    while left:
        part = left.pop()
        if part == "..":
            done = done[:-1]
        elif part not in ("", "."):
            here = "/".join((root, *done, part))
            if os.path.islink(here):
                links += 1
                if links > _MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                link = os.readlink(here)
                done = [] if link.startswith("/") else done
                left += link.split("/")[::-1]
            else:
                done.append(part)
    return "/" + "/".join(done)


def _ensure_target(built: _Built, target: str, folder: bool) -> None:
    """Make a bind's target where it is missing, below the host's read-only files through an overlay."""
    own, root, _ = built
    if os.path.lexists(root + target):
        return
    parent = os.path.dirname(target)
    while not os.path.isdir(root + parent):
        parent = os.path.dirname(parent)
    if not os.access(root + parent, os.W_OK):
        _overlay(own, root + parent)
        for private in built.private:
            if private.startswith(f"{parent}/") and os.path.isdir(f"{own}/private{private}"):
                sc.bind(f"{own}/private{private}", root + private)
    os.makedirs(root + (target if folder else os.path.dirname(target)), exist_ok=True)
    if not folder:
        os.close(os.open(root + target, os.O_CREAT | os.O_WRONLY, 0o644))


def _overlay(own: str, folder: str) -> None:
    """Make `folder` writable for the node alone. Named by descriptors: a path may hold the options' own , and :"""
    os.makedirs(f"{own}/overlay", exist_ok=True)
    layer = f"{own}/overlay/{len(os.listdir(f'{own}/overlay'))}"
    for part in ("upper", "work"):
        os.makedirs(f"{layer}/{part}")
    os.symlink(folder, f"{layer}/over")
    lower_fd, layer_fd = os.open(folder, os.O_PATH), os.open(layer, os.O_PATH)
    os.chmod(f"{layer}/upper", stat.S_IMODE(os.stat(folder).st_mode))
    by_fd = f"/proc/self/fd/{layer_fd}"
    options = f"lowerdir=/proc/self/fd/{lower_fd},upperdir={by_fd}/upper,workdir={by_fd}/work"
    try:
        sc.mount("overlay", folder, "overlay", sc.MS_NODEV | sc.MS_NOSUID, options)
    finally:
        os.close(lower_fd)
        os.close(layer_fd)


def _write_file(built: _Built, path: str, wanted: NodeFile) -> None:
    """Write a file of netlab's own. Below the host's read-only folders it is bound over the host's file."""
    own, root, _ = built
    private = _is_hidden(path, built.private)
    real = root + path if private else f"{own}/files{path}"
    os.makedirs(os.path.dirname(real), exist_ok=True)
    descriptor = os.open(real, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW, wanted["mode"])
    with open(descriptor, "wb") as file:
        file.write(wanted["content"])
    os.chmod(real, wanted["mode"])
    if not private:
        sc.bind(real, root + path)
        if wanted["read_only"]:
            sc.mount_setattr(root + path, set_flags=sc.MOUNT_ATTR_RDONLY)
