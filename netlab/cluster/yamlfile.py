"""Kubernetes manifests: YAML files of several documents, read as kubectl reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from netlab.model.errors import InputError, Position, Problem

Document = dict[str, Any]
"""A Kubernetes object as JSON has it. Leaves this package in no other form than the model's types."""

# YAML 1.1 as kubectl has it: octal numbers (`defaultMode: 0644`), but neither dates nor numbers of base 60 (`22:22`).
_INT = re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)$")


def read(path: Path) -> tuple[Document, ...]:
    """The objects of a user's manifest, those of a List one by one. InputError says what is wrong where."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(Problem(f"cannot read the manifest {path}: {reason}")) from None
    return parse(text, str(path))


def parse(text: str, name: str) -> tuple[Document, ...]:
    """The same of a text. PyYAML with libyaml takes 50 ms for MetalLB's manifest, pure Python 700 ms."""
    import yaml

    loader: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
    resolvers = {
        first: [
            (tag, _INT if tag.endswith(":int") else pattern)
            for tag, pattern in known
            if not tag.endswith((":timestamp", ":value"))
        ]
        for first, known in loader.yaml_implicit_resolvers.items()
    }
    kubectls = type("KubectlLoader", (loader,), {"yaml_implicit_resolvers": resolvers})
    try:
        found = list(_objects(yaml.load_all(text, kubectls), name))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Position(name, mark.line + 1, mark.column + 1) if mark else None
        raise InputError(Problem(f"not YAML: {error.problem or error.context}", where)) from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise InputError(Problem(f"{name}: not YAML: {' '.join(str(error).split())}")) from None
    return tuple(found)


def _objects(documents: Iterator[Any], name: str) -> Iterator[Document]:
    for number, document in enumerate(documents, 1):
        if document is None:
            continue
        listed = document.get("items") if isinstance(document, dict) and document.get("kind") == "List" else None
        for item in listed if isinstance(listed, list) else [document]:
            _check(item, f"{name}: document {number}")
            yield item


def _check(item: object, where: str) -> None:
    if not isinstance(item, dict):
        raise InputError(Problem(f"{where} is no Kubernetes object"))
    metadata = item.get("metadata")
    named = {"apiVersion": item.get("apiVersion"), "kind": item.get("kind")}
    named["metadata.name"] = metadata.get("name") if isinstance(metadata, dict) else None
    for key, value in named.items():
        if not isinstance(value, str) or not value:
            raise InputError(Problem(f"{where} is no Kubernetes object: it has no {key}"))
