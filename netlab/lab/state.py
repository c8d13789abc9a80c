"""Labs on disk: `$XDG_STATE_HOME/netlab/LAB` (0700, its owner's), one folder per lab.

lock        held by the lab's init as long as it lives
lab.json    the Lab: pids with their start times
plan.json   the LabPlan it was built from
kept.json   of a deployment that has not succeeded (yet): clusters that were there before it (runtime/kept.py)
logs/NODE/  what the processes of each node printed
"""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from netlab.model.errors import HostError, InputError, LabError, Problem
from netlab.model.lab import LabMachine, LabRecord
from netlab.model.parameters import parameter
from netlab.model.plan import LabPlan
from netlab.statefolder import lock, statefile, trusted_paths

if TYPE_CHECKING:  # `netlab exec` needs neither it nor its libraries
    from netlab.runtime.kept import Kept

_LOCK_TIMEOUT = 10.0
_PLAN = "plan.json"
_ELSEWHERE = "set XDG_STATE_HOME to a folder of yours"


def root() -> Path:
    """The folder of this user's labs."""
    base = os.environ.get("XDG_STATE_HOME", "")
    if base.startswith("/"):
        return Path(base, "netlab")
    try:
        return Path.home() / ".local" / "state" / "netlab"
    except RuntimeError:
        raise HostError("there is no home folder to keep labs in", _ELSEWHERE) from None


def directory(name: str) -> Path:
    """The state folder of the lab of that name, which need not exist. InputError for what cannot be a lab's name."""
    if not name or "/" in name or name.startswith(".") or not name.isprintable():
        raise InputError(Problem(f"{name!r} cannot be the name of a lab"))
    return root() / name


def _check_root() -> None:
    """HostError where somebody else could put a folder of theirs in the place of a lab's, or of all."""
    try:
        os.close(trusted_paths.open_folder(str(root())))
    except FileNotFoundError:
        pass
    except trusted_paths.Untrusted as error:
        raise HostError(str(error), _ELSEWHERE) from None
    except OSError as error:
        raise HostError(f"cannot look into {error.filename}: {error.strerror}", _ELSEWHERE) from None


def save(lab: LabRecord, plan: LabPlan) -> None:
    """Record a lab that is about to be committed."""
    from netlab.model import codec

    folder = Path(lab.directory)
    try:
        statefile.write(folder / _PLAN, codec.encode(plan))
        statefile.write(folder / "lab.json", json.dumps(dataclasses.asdict(lab)).encode())
    except OSError as error:
        raise HostError(f"cannot write in {folder}: {error.strerror}", "set XDG_STATE_HOME to another folder") from None


def load(name: str) -> LabRecord:
    """The lab of that name. LabError where there is none; HostError for a folder that is not this user's."""
    must_exist(name)
    return _read(directory(name))


def _read(folder: Path) -> LabRecord:
    try:
        data = json.loads(statefile.read(folder / "lab.json"))
        init = LabMachine(**data.pop("init"))
        nodes = tuple(LabMachine(**node) for node in data.pop("nodes"))
        return LabRecord(**data, init=init, nodes=nodes)
    except FileNotFoundError:
        if (left := _kept(folder)) is not None:
            return left.lab
        mend = f"'netlab destroy --lab {folder.name}' removes what is left"
        raise LabError(f"lab {folder.name} was never finished: {mend}") from None
    except (ValueError, TypeError, KeyError) as error:
        raise LabError(f"{folder / 'lab.json'} is damaged: {error}") from None


def current(lab: LabRecord) -> LabRecord:
    """The record of that very lab as it is now, since a repair changes it.

    LabError where the lab was destroyed, even if another one has its name, and so its folder, since.
    """
    folder = Path(lab.directory)
    if not any((folder / record).exists() for record in ("lab.json", "kept.json")):
        raise LabError(f"lab {lab.name} is dead or destroyed")
    found = _read(folder)
    if found.init != lab.init:
        raise LabError(f"lab {lab.name} was destroyed: the lab that has its name now is another one")
    return found


def _kept(folder: Path) -> Kept | None:
    """What a deployment that failed has left; None while it is under way: there is no lab then."""
    from netlab.runtime import kept

    return kept.read(folder) if kept.is_there(folder) and not lock.is_held(folder) else None


def is_kept(lab: LabRecord) -> bool:
    """Whether nothing is left of the lab but the clusters that a deployment which failed had not made."""
    return not Path(lab.directory, "lab.json").exists() and Path(lab.directory, "kept.json").exists()


def load_plan(lab: LabRecord) -> LabPlan:
    """The plan that the lab was built from."""
    from netlab.model import codec

    if is_kept(lab) and (left := _kept(Path(lab.directory))) is not None:
        return left.plan
    path = Path(lab.directory, _PLAN)
    try:
        return codec.decode(LabPlan, statefile.read(path), str(path))
    except FileNotFoundError:
        raise LabError(f"{path} is missing") from None


def saved_plan(name: str) -> bytes:
    """The plan of the lab of that name as it was saved, unchecked. OSError where there is none."""
    return statefile.read(directory(name) / _PLAN)


def must_exist(name: str) -> None:
    """LabError where there is no lab of that name, HostError for a folder that is not this user's own and private."""
    folder = directory(name)
    _check_root()
    try:
        found = folder.lstat()
    except FileNotFoundError:
        known = names()
        hint = f"there is: {', '.join(known)}" if known else "no lab is deployed"
        raise LabError(f"there is no lab {name} ({hint})") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise HostError(f"{folder} is not a private folder of this user", f"look into it, then remove {folder}")


def names() -> list[str]:
    """The names of this user's labs, dead ones too."""
    _check_root()
    try:
        return sorted(entry.name for entry in os.scandir(root()) if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise HostError(f"cannot look into {root()}: {error.strerror}", _ELSEWHERE) from None


def is_locked(name: str) -> bool:
    """Whether the lab's init lives: it holds the lock as long as it does."""
    return lock.is_held(directory(name))


def has_record(name: str) -> bool:
    """Whether the lab was finished, or a failed deployment has left its clusters. LabError where there is no folder of
    that name at all."""
    must_exist(name)
    return (directory(name) / "lab.json").exists() or ((directory(name) / "kept.json").exists() and not is_locked(name))


def is_alive(lab: LabRecord) -> bool:
    """Whether the lab runs. A lab of an earlier boot is dead whatever its pids say."""
    from netlab.runtime.choice import by_name

    return lab.boot_id == boot_id() and by_name(lab.runtime).is_alive(lab)


def boot_id() -> str:
    """The kernel's id of this boot (random(4))."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def remove(name: str) -> None:
    """Remove the folder of a lab whose init is gone, once its lock is free."""
    try:
        if not lock.remove_folder(directory(name), _LOCK_TIMEOUT):
            raise LabError(f"lab {name} still runs: its lock is held")
    except OSError as error:
        raise HostError(f"cannot remove {error.filename}: {error.strerror}") from None


def preferred() -> str | None:
    """The lab that the user's environment names (NETLAB_LAB), for commands that are told no other."""
    return os.environ.get("NETLAB_LAB") or None


def choose(wanted: LabRecord | str | None, *, dead_too: bool = False) -> LabRecord:
    """The lab that is meant: that very one, the named one, else NETLAB_LAB's, else the only one there is."""
    lab = current(wanted) if isinstance(wanted, LabRecord) else load(_name(wanted))
    if not dead_too and not is_alive(lab):
        raise LabError(f"lab {lab.name} is dead: 'netlab destroy --lab {lab.name}' removes what is left of it")
    return lab


def _name(wanted: str | None) -> str:
    name = wanted or preferred()
    if name is None:
        known = names()
        if not known:
            raise LabError("no lab is deployed: 'netlab deploy FILE' builds one")
        if len(known) > 1:
            raise LabError(f"there are several labs: say which with {parameter('lab')} ({', '.join(known)})")
        name = known[0]
    return name
