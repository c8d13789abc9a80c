"""What GoBGP is to netlab. Its API is gRPC, which netlab does not speak: no dialogue, and a speaker needs none."""

from __future__ import annotations

from pathlib import Path

from netlab.daemons.base import CommandLine, Daemon

DAEMON = Daemon(
    name="gobgp",
    title="GoBGP",
    package="gobgpd",
    image="gobgp",
    programs=("/usr/bin/gobgpd",),
    configuration="/run/gobgp/gobgpd.toml",
    comment="#",
    command_line=CommandLine(
        "gobgp", ("gobgp global", "gobgp neighbor", "gobgp global rib -a ipv4", "gobgp global rib -a ipv6")
    ),
)

IMAGE = Path(__file__).with_name("image")
"""The folder of its Dockerfile."""
