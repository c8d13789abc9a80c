"""Packages beside netlab, in a folder that only those processes of a test look at that have it on PYTHONPATH."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

EXAMPLE_DAEMON = Path(__file__).resolve().parents[1] / "docs" / "example-daemon"


def written(site: Path, package: str, points: Mapping[str, Mapping[str, str]], **modules: str) -> None:
    """Put a package where an installer would: its modules' texts, and its entry points by their groups."""
    metadata = site / f"{package.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [
        line for group, named in points.items() for line in (f"[{group}]", *(f"{k} = {v}" for k, v in named.items()))
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
    for name, text in modules.items():
        (site / f"{name}.py").write_text(text)


def installed(source: Path, folder: Path) -> Path:
    """Have pip install the package of a folder; where it is then. What is built is built of a copy."""
    copy, site = folder / source.name, folder / "site"
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    options = ("--no-index", "--no-deps", "--no-build-isolation", "--no-cache-dir", "--disable-pip-version-check")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", *options, "--target", str(site), str(copy)]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done
    return site


if __name__ == "__main__":  # scripts/test: python tests/other_package.py FOLDER
    print(installed(EXAMPLE_DAEMON, Path(sys.argv[1])))
