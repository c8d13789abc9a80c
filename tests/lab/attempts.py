"""Attempts on the host from inside a node: prints as JSON the names of those that succeeded.

Run in a node by a plain interpreter (`python3 -c`), with its own standard library alone. Each attempt returns whether
it succeeded or raises OSError. None does harm if it succeeds, but for what the word itself means: an attempt to set the
clock sets it to what it is, one to write a sysctl writes what is there.
"""

import ctypes
import json
import os
import socket
import stat
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

LIBC = ctypes.CDLL(None, use_errno=True)
MACHINE = os.uname().machine
NUMBERS = {
    "x86_64": {
        "bpf": 321,
        "clone": 56,
        "finit_module": 313,
        "kexec_load": 246,
        "keyctl": 250,
        "perf_event_open": 298,
        "setdomainname": 171,
    },
    "aarch64": {
        "bpf": 280,
        "clone": 220,
        "finit_module": 273,
        "kexec_load": 104,
        "keyctl": 219,
        "perf_event_open": 241,
        "setdomainname": 162,
    },
}.get(MACHINE, {})
FIND_KEY, SESSION_KEYRING = 10, -3
CLONE3 = 435
MS_BIND, MS_REMOUNT, MNT_DETACH = 0x1000, 0x20, 2
NAMESPACES = {"mnt": 0x20000, "uts": 0x4000000, "ipc": 0x8000000, "user": 0x10000000, "pid": 0x20000000}
NAMESPACES |= {"net": 0x40000000, "cgroup": 0x2000000, "time": 0x80}
FOUND: dict[str, bool] = {}


def attempt(name: str) -> Callable[[Callable[[], object]], None]:
    """Run the function now and keep whether it succeeded."""

    def run(action: Callable[[], object]) -> None:
        try:
            FOUND[name] = bool(action())
        except (OSError, ValueError):
            FOUND[name] = False

    return run


def call(function: str, *arguments: Any) -> bool:
    """A function of the C library, whether it succeeded."""
    return bool(getattr(LIBC, function)(*arguments) >= 0)


def system_call(name: str, *arguments: Any) -> bool:
    """A system call by number. Left out where this machine's number is not in the table."""
    return name in NUMBERS and LIBC.syscall(ctypes.c_long(NUMBERS[name]), *arguments) >= 0


def in_a_child(action: Callable[[], object]) -> bool:
    """Run it in a process of its own, as namespaces change for good."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if action() else 1)
        except BaseException:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def write(path: str, data: bytes = b"") -> bool:
    """Open a file that is there for writing, and write what it holds already where that is known."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    try:
        return not data or os.write(descriptor, data) > 0
    finally:
        os.close(descriptor)


def same(path: str) -> bool:
    """Write to a file what is in it."""
    with open(path, "rb") as file:
        return write(path, file.read() or b"\n")


def mount(source: bytes | None, target: bytes, kind: bytes | None, flags: int = 0) -> bool:
    """mount(2), undone at once."""
    if LIBC.mount(source, target, kind, ctypes.c_ulong(flags), None) < 0:
        return False
    if not flags & MS_REMOUNT:
        LIBC.umount2(target, MNT_DETACH)
    return True


def reached_by_handle(path: str, below: str) -> bool:
    """Whether a handle of what `path` names, taken by the mount of `below`, opens what may lie below other mounts."""
    handle, mount_id = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + b"\0" * 128), ctypes.c_int()
    if LIBC.name_to_handle_at(-100, path.encode(), handle, ctypes.byref(mount_id), 0) < 0:
        return False
    folder = os.open(below, os.O_RDONLY)
    return bool(LIBC.open_by_handle_at(folder, handle, os.O_RDONLY) >= 0)


def in_namespaces_by_clone(number: int, flags: int) -> bool:
    """clone(2) or clone3(2) of a process that ends at once, in new namespaces."""
    if number == CLONE3:
        pid = LIBC.syscall(ctypes.c_long(CLONE3), struct.pack("11Q", flags, 0, 0, 0, 17, *[0] * 6), ctypes.c_size_t(88))
    else:
        pid = LIBC.syscall(ctypes.c_long(number), ctypes.c_ulong(flags | 17), None, None, None, None)
    if pid == 0:
        os._exit(0)
    return bool(pid > 0 and os.waitpid(pid, 0)[0] == pid)


def visible_processes() -> list[int]:
    """The pids of all processes that this one sees."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def is_foreign(pid: int) -> bool:
    """Whether a process is in another PID namespace than this one. Raises for one that may not be looked at."""
    return os.readlink(f"/proc/{pid}/ns/pid") != os.readlink("/proc/self/ns/pid")


# Mounts and files

for folder in ("/", "/etc", "/usr", "/home", "/sys", "/proc/sys", "/proc/sys/kernel", "/dev"):
    attempt(f"remount {folder}")(lambda folder=folder: mount(None, folder.encode(), None, MS_REMOUNT | MS_BIND))
    attempt(f"unmount {folder}")(lambda folder=folder: call("umount2", folder.encode(), MNT_DETACH))
for kind in (
    "proc",
    "sysfs",
    "tmpfs",
    "cgroup",
    "cgroup2",
    "debugfs",
    "tracefs",
    "bpf",
    "securityfs",
    "devtmpfs",
    "mqueue",
):
    attempt(f"mount {kind}")(lambda kind=kind: mount(b"none", b"/mnt", kind.encode()))
attempt("open_tree")(lambda: LIBC.syscall(ctypes.c_long(428), -100, b"/etc", ctypes.c_uint(1)) >= 0)
attempt("fsopen")(lambda: LIBC.syscall(ctypes.c_long(430), b"cgroup2", ctypes.c_uint(0)) >= 0)
attempt("mount_setattr")(
    lambda: (
        LIBC.syscall(
            ctypes.c_long(442), -100, b"/etc", 0, ctypes.create_string_buffer(struct.pack("QQQQ", 0, 1, 0, 0)), 32
        )
        >= 0
    )
)
attempt("pivot_root")(lambda: call("pivot_root", b"/", b"/"))
for path in ("/etc/passwd", "/etc/shadow", "/usr/bin/env", "/boot", sys.executable):
    attempt(f"open {path} for writing")(lambda path=path: write(path))
for folder in ("/etc", "/usr/bin", "/home", "/opt", "/srv", "/boot", "/var", "/", "/dev"):
    attempt(f"a file in {folder}")(
        lambda folder=folder: folder != "/" and os.mknod(f"{folder}/netlab-was-here", 0o600) is None
    )
for pid in ("1", "self", *map(str, visible_processes())):
    attempt(f"write by /proc/{pid}/root")(lambda pid=pid: os.mknod(f"/proc/{pid}/root/etc/netlab-was-here") is None)
    attempt(f"write by /proc/{pid}/cwd")(lambda pid=pid: write(f"/proc/{pid}/cwd/../etc/passwd"))
    attempt(f"write /proc/{pid}/exe")(lambda pid=pid: write(f"/proc/{pid}/exe"))
attempt("a file handle")(
    lambda: (
        LIBC.open_by_handle_at(-100, ctypes.create_string_buffer(struct.pack("II", 8, 1) + b"\2" + b"\0" * 200), 0) >= 0
    )
)
for path in ("/etc/passwd", "/usr/bin/env", "/var", "/"):
    attempt(f"a file handle of {path}")(lambda path=path: reached_by_handle(path, path if path == "/" else "/usr"))
for name, device in (("disk", (8, 0)), ("virtual disk", (254, 0)), ("memory", (1, 1)), ("kmsg", (1, 11))):
    attempt(f"make the device {name}")(
        lambda name=name, device=device: os.mknod(f"/tmp/{name}", stat.S_IFBLK | 0o600, os.makedev(*device)) is None
    )
attempt("own a file of the host")(lambda: os.chown("/etc/passwd", 0, 0) is None)
attempt("touch a device of the host")(lambda: os.chmod("/dev/null", 0o666) is None)
attempt("see a disk")(
    lambda: [n for n in os.listdir("/dev") if n.startswith(("sd", "vd", "nvme", "mem", "kmsg", "loop"))]
)

# The kernel's own files

attempt("write a sysctl outside net")(
    lambda: [
        path
        for folder, _, names in os.walk("/proc/sys")
        if not folder.startswith("/proc/sys/net")
        for path in (f"{folder}/{name}" for name in names)
        if os.access(path, os.W_OK)
    ]
)
attempt("write in /sys")(
    lambda: [
        p for folder, _, names in os.walk("/sys") for p in (f"{folder}/{n}" for n in names) if os.access(p, os.W_OK)
    ]
)
for name in ("sysrq-trigger", "irq/default_smp_affinity", "mtrr", "acpi/wakeup", "fs/nfsd/exports", "scsi/scsi"):
    attempt(f"write /proc/{name}")(lambda name=name: write(f"/proc/{name}"))
for name in ("keys", "key-users", "kcore", "kmsg", "timer_list"):
    attempt(f"read /proc/{name}")(lambda name=name: open(f"/proc/{name}", "rb").read(1))
attempt("read the kernel's log")(lambda: call("klogctl", 3, ctypes.create_string_buffer(4096), 4096))
attempt("clear the kernel's log")(lambda: call("klogctl", 5, None, 0))
attempt("see cgroups")(lambda: os.path.isdir("/sys/fs/cgroup") and os.listdir("/sys/fs/cgroup"))

# The machine

attempt("reboot")(
    lambda: call("reboot", ctypes.c_int(0))
)  # Ctrl-Alt-Del off: refused before it is read without the right
attempt("set the clock")(lambda: time.clock_settime(time.CLOCK_REALTIME, time.time()) is None)
attempt("adjust the clock")(
    lambda: call("adjtimex", ctypes.create_string_buffer(struct.pack("I4xq", 1, 0) + b"\0" * 400))
)
attempt("swap")(lambda: call("swapoff", b"/no/such/file") or ctypes.get_errno() not in (1,))
attempt("acct")(lambda: call("acct", b"/tmp/acct"))
attempt("load a module")(lambda: system_call("finit_module", 0, b"", 0))
attempt("kexec")(lambda: system_call("kexec_load", 0, 0, None, 0))
attempt("load a bpf program")(
    lambda: system_call("bpf", 5, ctypes.create_string_buffer(struct.pack("IIQQ", 1, 2, 0, 0) + b"\0" * 100), 120)
)
attempt("watch the whole machine")(
    lambda: system_call(
        "perf_event_open", ctypes.create_string_buffer(struct.pack("IIQ", 1, 112, 0) + b"\0" * 100), -1, 0, -1, 0
    )
)
if MACHINE == "x86_64":
    attempt("raw input and output")(lambda: call("iopl", 3))
attempt("another host name")(lambda: socket.sethostname("other") is None)
attempt("another domain name")(lambda: system_call("setdomainname", b"other", 5))
attempt("a real-time priority")(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50)) is None)

# Other processes, namespaces and keys

for name, flag in NAMESPACES.items():
    attempt(f"new {name} namespace")(lambda flag=flag: in_a_child(lambda: LIBC.unshare(ctypes.c_int(flag)) == 0))
    attempt(f"new user and {name} namespaces")(
        lambda flag=flag: in_a_child(lambda: LIBC.unshare(ctypes.c_int(flag | NAMESPACES["user"])) == 0)
    )
    attempt(f"a process in a new {name} namespace")(
        lambda flag=flag: (
            "clone" in NUMBERS and in_namespaces_by_clone(NUMBERS["clone"], flag & ~0xFF) if flag & ~0xFF else False
        )
    )
    attempt(f"a process in a new {name} namespace, by clone3")(lambda flag=flag: in_namespaces_by_clone(CLONE3, flag))
    if name != "net":  # zebra's to enter; a node sees none but its own
        attempt(f"the node's own {name} namespace")(
            lambda name=name, flag=flag: in_a_child(
                lambda: LIBC.setns(os.open(f"/proc/self/ns/{name}", os.O_RDONLY), ctypes.c_int(flag)) == 0
            )
        )
    attempt(f"the init's {name} namespace")(
        lambda name=name, flag=flag: in_a_child(
            lambda: LIBC.setns(os.open(f"/proc/1/ns/{name}", os.O_RDONLY), ctypes.c_int(flag)) == 0
        )
    )
attempt("a sysctl of the host, by another network namespace")(
    lambda: in_a_child(
        lambda: (
            LIBC.unshare(ctypes.c_int(NAMESPACES["net"])) == 0 and write("/proc/sys/net/netfilter/nf_hooks_lwtunnel")
        )
    )
)
attempt("trace the init")(lambda: LIBC.ptrace(ctypes.c_long(16), ctypes.c_long(1), None, None) == 0)
attempt("read the init's memory")(lambda: open("/proc/1/mem", "rb").read(1))
attempt("read the init's files")(lambda: os.readlink("/proc/1/fd/0"))
attempt("a process of somebody else")(lambda: [p for p in visible_processes() if p != 1 and is_foreign(p)])
attempt("a key of the caller")(lambda: system_call("keyctl", FIND_KEY, SESSION_KEYRING, b"user", b"netlab-secret", 0))
attempt("shared memory of the host")(lambda: len(open("/proc/sysvipc/shm").readlines()) > 1)
for address in json.loads(os.environ.get("SOCKETS", "[]")):

    def connect(address: str = address) -> bool:
        """Whether somebody listens there."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(address.replace("@", "\0"))
        return True

    attempt(f"connect to {address}")(connect)


with open("/proc/self/status", encoding="utf-8") as status:
    (CAPABILITIES,) = (int(line.split()[1], 16) for line in status if line.startswith("CapEff:"))
ANSWER = {"tried": len(FOUND), "succeeded": sorted(name for name, worked in FOUND.items() if worked)}
print(json.dumps({**ANSWER, "may administer": bool(CAPABILITIES >> 21 & 1)}))
