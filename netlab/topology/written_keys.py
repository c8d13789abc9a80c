"""Which of containerlab's keys a file has. What becomes of them depends on the runtime."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from netlab.model.topology import WrittenKey
from netlab.topology.containerlab import as_always
from netlab.topology.tree import Branch, Entry, Scalar, Tree

IMPORT_ENVIRONMENT = "__IMPORT_ENVS"


def written_keys(tree: Tree, model: type[BaseModel], *, top: bool = False) -> Iterator[WrittenKey]:
    """The keys of a mapping that are in the model and ask for something."""
    known = {field.alias or name for name, field in model.model_fields.items()}
    entries = (tree.entries or {}) if isinstance(tree, Branch) else {}
    for key, entry in entries.items():
        value = entry.tree.value if isinstance(entry.tree, Scalar) else entry.tree.children or None
        if key == "stages":
            yield from (WrittenKey("wait-for", where.key_position) for where in _waits(entry.tree))
        elif key == "network-mode":
            if value == "bridge":
                yield WrittenKey(key, entry.key_position, top)
        elif key == "env" and isinstance(entry.tree, Branch):
            imported = (entry.tree.entries or {}).get(IMPORT_ENVIRONMENT)
            if imported is not None:
                yield WrittenKey(IMPORT_ENVIRONMENT, imported.key_position)
        elif key in known and not as_always(key, value):
            yield WrittenKey(key, entry.key_position, top)


def _waits(stages: Tree) -> Iterator[Entry]:
    for stage in (stages.entries or {}).values() if isinstance(stages, Branch) else ():
        found = (stage.tree.entries or {}).get("wait-for") if isinstance(stage.tree, Branch) else None
        if found is not None:
            yield found
