"""Where a lab keeps what belongs to a cluster."""

from __future__ import annotations

from pathlib import Path


def kubeconfig(directory: Path | str, cluster: str) -> Path:
    """The credentials for a cluster: in the lab's state folder, its owner's alone (0600)."""
    return Path(directory, f"kubeconfig-{cluster}")
