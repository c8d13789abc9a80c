"""A node's keys after defaults, its kind's, its group's and its own were laid over each other, as containerlab does."""

from __future__ import annotations

from collections.abc import Iterable

from netlab.topology.schema import NODE_KEYS
from netlab.topology.tree import Branch, Entry, Scalar, Tree

_MERGED_BY_KEY = frozenset({"env", "sysctls", "labels", "tmpfs"})
_CONCATENATED = frozenset({"exec", "binds", "env-files"})
_STAGES = "stages"


def layer(tree: Tree | None) -> Branch | None:
    """One layer: generic keys without a value left out, the values of env, sysctls and the like as they are written.

    So `DEBUG: true` is the text true and `VERSION: 1.10` keeps its zero. None where the tree is no mapping.
    """
    if not isinstance(tree, Branch) or tree.entries is None:
        return None
    entries = {}
    for key, entry in tree.entries.items():
        if key in NODE_KEYS and isinstance(entry.tree, Scalar) and entry.tree.value is None:
            continue
        entries[key] = Entry(entry.key_position, _as_text(entry.tree)) if key in _MERGED_BY_KEY else entry
    return Branch(tree.position, entries=entries)


def merge(layers: Iterable[Branch | None], into: Branch) -> Branch:
    """The layers, the later over the earlier, as one mapping that stands where `into` stands.

    Maps of env, sysctls and labels merge by key; exec, binds, env-files and the lists of each stage are concatenated,
    where a bind replaces an earlier layer's bind to the same target. A value keeps the place where it was written.
    """
    merged: dict[str, Entry] = {}
    for one in (*layers, into):
        for key, entry in (one.entries or {}).items() if one else ():
            below = merged.get(key)
            merged[key] = Entry(entry.key_position, _over(key, below.tree, entry.tree)) if below else entry
    return Branch(into.position, entries=merged)


def split(merged: Branch) -> tuple[Branch, Branch]:
    """The generic keys, and the kind's own."""
    entries = merged.entries or {}
    generic = {key: entry for key, entry in entries.items() if key in NODE_KEYS}
    own = {key: entry for key, entry in entries.items() if key not in NODE_KEYS}
    return Branch(merged.position, entries=generic), Branch(merged.position, entries=own)


def text_of(tree: Tree | None, key: str) -> str | None:
    """The text at `key` of a mapping, where there is one."""
    entry = (tree.entries or {}).get(key) if isinstance(tree, Branch) else None
    value = entry.tree.value if entry and isinstance(entry.tree, Scalar) else None
    return value if isinstance(value, str) else None


def _as_text(tree: Tree) -> Tree:
    if not isinstance(tree, Branch) or tree.entries is None:
        return tree
    return Branch(
        tree.position,
        entries={
            key: Entry(entry.key_position, Scalar(entry.tree.text, entry.tree.text, entry.tree.position))
            if isinstance(entry.tree, Scalar)
            else entry
            for key, entry in tree.entries.items()
        },
    )


def _over(key: str, below: Tree, above: Tree) -> Tree:
    if not isinstance(below, Branch) or not isinstance(above, Branch):
        return above
    if key in _MERGED_BY_KEY and below.entries is not None and above.entries is not None:
        return Branch(above.position, entries={**below.entries, **above.entries})
    if key == _STAGES:
        return _stages_over(below, above)
    if key in _CONCATENATED and below.entries is None and above.entries is None:
        replaced = {_target(item) for item in above.items} if key == "binds" else set()
        kept = (item for item in below.items if _target(item) not in replaced or key != "binds")
        return Branch(above.position, items=(*kept, *above.items))
    return above


def _stages_over(below: Branch, above: Branch) -> Tree:
    """Each stage's lists, those of the layer below first."""
    if below.entries is None or above.entries is None:
        return above
    merged = dict(below.entries)
    for name, entry in above.entries.items():
        lower = merged[name].tree if name in merged else None
        if isinstance(lower, Branch) and isinstance(entry.tree, Branch):
            joined = _lists_over(lower, entry.tree)
            merged[name] = Entry(entry.key_position, joined)
        else:
            merged[name] = entry
    return Branch(above.position, entries=merged)


def _lists_over(below: Branch, above: Branch) -> Branch:
    """Two mappings of lists as one: what both have is concatenated."""
    merged = dict(below.entries or {})
    for key, entry in (above.entries or {}).items():
        lower = merged[key].tree if key in merged else None
        if isinstance(lower, Branch) and isinstance(entry.tree, Branch):
            joined = Branch(entry.tree.position, items=(*lower.items, *entry.tree.items))
            merged[key] = Entry(entry.key_position, joined)
        else:
            merged[key] = entry
    return Branch(above.position, entries=merged)


def _target(bind: Tree) -> str:
    parts = bind.text.split(":") if isinstance(bind, Scalar) else []
    return parts[1] if len(parts) > 1 else ""
