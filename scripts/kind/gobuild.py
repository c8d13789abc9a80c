"""Programs from the Go module proxy, each module under a pinned digest.

Each module is required by a small module of ours (`go install MODULE@VERSION` refuses modules that have replace lines).
Its digest is in go.sum beside this file; those of its dependencies are in its own go.sum, which its digest covers. What
has neither is refused, so sum.golang.org is not needed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from output import die
from programs import FILES, GO, STAGING, Program

HERE = Path(__file__).resolve().parent
_PINS = (HERE / "go.sum").read_text(encoding="utf-8")
_FLAGS = "-mod=mod -modcacherw -trimpath -buildvcs=false"


def key(program: Program) -> str:
    """A name that changes with whatever could change the built programs."""
    pinned = [line for line in _PINS.splitlines() if line.startswith(f"{program.module} {program.version} ")]
    return hashlib.sha256(repr((program, FILES.get(program.name), _FLAGS, pinned)).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Go:
    """The user's Go and the folder of its caches, which are ours unless the user has named others."""

    caches: Path
    scratch: Path

    def check(self) -> None:
        """Exit code 3 where it is missing or too old."""
        needed = "Go {}.{}.{} or later".format(*GO)
        get = "to get it:  https://go.dev/doc/install"
        found = shutil.which("go")
        if found is None:
            die(3, f"--kind needs {needed}, and there is no go in PATH; {get}")
        said = self.run(["env", "GOVERSION"], self.scratch, f"{found} does not work")
        version = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", said)
        if version is None or tuple(int(part or 0) for part in version.groups()) < GO:
            die(3, f"--kind needs {needed}, and {found} is {said.strip()}; {get}")

    def run(self, arguments: list[str], folder: Path, failure: str) -> str:
        """What `go ARGUMENTS` prints. Exit code 3 with the end of its messages where it fails."""
        done = subprocess.run(
            ["go", *arguments], cwd=folder, env=self._environment(), capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return done.stdout
        said = (done.stderr or done.stdout).strip().splitlines()
        if any("SECURITY ERROR" in line for line in said):
            failure += "; what the module proxy sent is not what the pinned digest names"
        said = [line for line in said if not line.startswith("go: downloading")]
        print("\n".join(said[-15:]), file=sys.stderr)
        return die(3, f"{failure}; the lines above say why")

    def _environment(self) -> dict[str, str]:
        ours = {
            "GOMODCACHE": os.environ.get("GOMODCACHE") or str(self.caches / "mod"),
            "GOCACHE": os.environ.get("GOCACHE") or str(self.caches / "build"),
            "GOFLAGS": _FLAGS,
            "GOSUMDB": "off",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "CGO_ENABLED": "0",
            "GOTMPDIR": str(self.scratch),
        }
        return os.environ | ours

    def build(self, program: Program, target: Path) -> None:
        """The programs in `target/bin` and the module's FILES in `target/files`."""
        wrapper = self.scratch / program.name
        wrapper.mkdir()
        module = self._wrap(program, wrapper)
        sums = set((wrapper / "go.sum").read_text(encoding="utf-8").split("\n"))
        (target / "bin").mkdir(parents=True)
        for name, package in program.packages.items():
            path = "/".join(part for part in (program.module, package) if part)
            options = ["-ldflags", program.ldflags, "-tags", program.tags, "-o", str(target / "bin" / name)]
            self.run(["build", *options, path], wrapper, f"could not build {name} {program.version}")
        unknown = set((wrapper / "go.sum").read_text(encoding="utf-8").split("\n")) - sums
        if unknown:
            print("\n".join(sorted(unknown)), file=sys.stderr)
            die(3, f"no digest of these modules is pinned in {HERE / 'go.sum'}")
        for name in FILES.get(program.name, ()):
            copy = target / "files" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if (module / name).is_dir():
                shutil.copytree(module / name, copy)
            else:
                shutil.copy(module / name, copy)
            for each in (copy, *copy.rglob("*")):
                each.chmod(each.stat().st_mode | stat.S_IWUSR)  # in the module cache they are read-only

    def pause(self, target: Path) -> None:
        """Our own program, from the folder `pause`."""
        (target / "bin").mkdir(parents=True)
        source = HERE / "pause/main.go"
        self.run(
            ["build", "-ldflags", "-s -w", "-o", str(target / "bin/pause"), str(source)], HERE, "could not build pause"
        )

    def _wrap(self, program: Program, wrapper: Path) -> Path:
        """Write the module of ours. Returns the folder of the program's own."""
        required = f"{program.module}@{program.version}"
        (wrapper / "go.mod").write_text("module wrapper\n", encoding="utf-8")
        (wrapper / "go.sum").write_text(_PINS, encoding="utf-8")
        got = json.loads(
            self.run(["mod", "download", "-json", required], wrapper, f"could not get {required} from the module proxy")
        )
        for name, digest in ((program.version, got["Sum"]), (f"{program.version}/go.mod", got["GoModSum"])):
            if f"{program.module} {name} {digest}\n" not in _PINS:
                die(3, f"{program.module} {name} is {digest} at the module proxy, which is not what {HERE}/go.sum pins")
        module = Path(got["Dir"])
        own = json.loads(self.run(["mod", "edit", "-json", str(module / "go.mod")], wrapper, f"cannot read {required}"))
        lines = ["module wrapper", f"go {own['Go']}", f"require {program.module} {program.version}"]
        lines += [f"godebug {each['Key']}={each['Value']}" for each in own.get("Godebug") or ()]
        # Kubernetes has its own modules in its tree, where they bear no version.
        staging = [each["Old"]["Path"] for each in own.get("Replace") or () if "/staging/" in each["New"]["Path"]]
        lines += [f"replace {path} => {path} {STAGING}" for path in staging]
        (wrapper / "go.mod").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (wrapper / "go.sum").write_text(_PINS + (module / "go.sum").read_text(encoding="utf-8"), encoding="utf-8")
        return module


def pause_key() -> str:
    """The same as `key` for our own program."""
    return hashlib.sha256((HERE / "pause/main.go").read_bytes()).hexdigest()[:12]


def caches_of_the_user() -> bool:
    """Whether the environment names Go's caches; otherwise they are ours."""
    return bool(os.environ.get("GOMODCACHE") or os.environ.get("GOCACHE"))
