"""Label selectors, as Kubernetes evaluates them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def any_matches(selectors: Sequence[Mapping[str, Any]] | None, labels: Mapping[str, str]) -> bool:
    """Whether one of the selectors chooses an object with these labels; MetalLB takes none at all for every object."""
    return not selectors or any(matches(selector, labels) for selector in selectors)


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether all of the selector's requirements are met."""
    wanted = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or ()
    return wanted.items() <= labels.items() and all(_is_met(expression, labels) for expression in expressions)


def _is_met(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False  # Kubernetes has no other
