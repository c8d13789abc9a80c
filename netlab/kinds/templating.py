"""Render a kind's configuration template. Imported only where a template is rendered: jinja2 takes 85 ms to import."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def _environment(package: str) -> Environment:
    # autoescape is for HTML; these are router configurations, and every value was checked before it came here.
    return Environment(
        loader=PackageLoader(package),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render_template(package: str, name: str, **values: Any) -> str:
    """The text of `package`'s template `name`. A value that the template names and `values` lacks is an error."""
    return _environment(package).get_template(name).render(**values)
