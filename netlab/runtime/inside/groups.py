"""Root's place in FRR's groups: its daemons, run as root, insist on that."""

from __future__ import annotations

FRR_GROUPS = ("frr", "frrvty")


def with_root_in_frr(text: str) -> str:
    """An /etc/group with the groups root and FRR's, and root in FRR's."""
    rows = [line.split(":") for line in text.splitlines() if line.count(":") == 3]
    names = {row[0] for row in rows}
    used = {row[2] for row in rows}
    free = (str(number) for number in range(999, 99, -1) if str(number) not in used)
    if "root" not in names:
        rows.insert(0, ["root", "x", "0", ""])
    rows += [[name, "x", next(free), ""] for name in FRR_GROUPS if name not in names]
    for row in rows:
        members = [member for member in row[3].split(",") if member]
        if row[0] in FRR_GROUPS and "root" not in members:
            row[3] = ",".join([*members, "root"])
    return "".join(":".join(row) + "\n" for row in rows)
