"""Write the reference in docs/api.md, between `<!-- reference -->` and `<!-- end -->`, from netlab.api itself.

python scripts/api_reference.py            write it
python scripts/api_reference.py --check    only say whether it is as it should be (exit code 1: it is not)
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
import sys
import textwrap
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from netlab import api  # noqa: E402

PAGE = ROOT / "docs" / "api.md"
_REFERENCE = re.compile(r"(<!-- reference -->\n).*?(<!-- end -->\n)", re.DOTALL)
_WIDTH = 100


def page(text: str) -> str:
    """The page with the reference as the library has it."""
    made = "\n".join(_reference())
    return _REFERENCE.sub(lambda found: f"{found[1]}{made}\n{found[2]}", text)


def _reference() -> Iterator[str]:
    exported = {name: getattr(api, name) for name in api.__all__}
    yield from ("## Functions", "")
    for name, value in exported.items():
        if inspect.isfunction(value):
            yield from _fenced(_function(name, value))
    classes = {name: value for name, value in exported.items() if inspect.isclass(value)}
    yield from ("## Lab", "", *_fenced(_class("Lab", classes.pop("Lab"))))
    errors = {name: value for name, value in classes.items() if issubclass(value, Exception)}
    yield from ("## Errors", "", "| error | is | of `netlab`'s exit codes |", "|---|---|---|")
    for name, value in errors.items():
        base = f"`{value.__base__.__name__}`: " if value is not api.NetlabError else ""
        yield f"| `{name}` | {base}{' '.join(_doc(value).split())} | {value.exit_code} |"
    yield from ("", "## Types", "")
    for name, value in classes.items():
        if name not in errors:
            yield from _fenced(_class(name, value))


def _fenced(lines: Iterator[str]) -> Iterator[str]:
    yield from ("```python", *lines, "```", "")


def _function(name: str, function: Any) -> Iterator[str]:
    yield _signature(name, function)
    yield textwrap.indent(f'"""{_doc(function)}"""', "    ")


def _signature(name: str, function: Any) -> str:
    signature = inspect.signature(function)
    parameters = [_parameter(one) for one in signature.parameters.values()]
    kinds = [one.kind for one in signature.parameters.values()]
    if inspect.Parameter.KEYWORD_ONLY in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
        parameters.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    line = f"def {name}({', '.join(parameters)}) -> {signature.return_annotation}:"
    if len(line) <= _WIDTH:
        return line
    return "\n".join([f"def {name}(", *(f"    {one}," for one in parameters), f") -> {signature.return_annotation}:"])


def _parameter(parameter: inspect.Parameter) -> str:
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    annotation = "" if parameter.annotation is parameter.empty else f": {parameter.annotation}"
    default = "" if parameter.default is parameter.empty else f" = {_quoted(repr(parameter.default))}"
    return f"{stars}{parameter.name}{annotation}{default}"


def _quoted(code: str) -> str:
    """With the quotes that `ruff format` makes: it formats the code in pages too."""
    return code.replace("'", '"')


def _class(name: str, kind: type) -> Iterator[str]:
    yield f"class {name}:"
    yield textwrap.indent(f'"""{_doc(kind)}"""', "    ")
    if issubclass(kind, enum.Enum):
        yield from ("", *(f'    {word.name} = "{word.value}"' for word in kind))
    elif dataclasses.is_dataclass(kind):
        yield from ("", *(f"    {field.name}: {_quoted(str(field.type))}" for field in dataclasses.fields(kind)))
    elif typing.is_typeddict(kind):
        yield from ("", *(f"    {key}: {_quoted(said.__forward_arg__)}" for key, said in kind.__annotations__.items()))
    for member, value in vars(kind).items():
        if member.startswith("_"):
            continue
        getter = value.fget if isinstance(value, property) else getattr(value, "func", None)
        if getter is not None:
            returned = inspect.signature(getter).return_annotation
            yield from ("", f"    {member}: {returned}", textwrap.indent(f'"""{_doc(getter)}"""', "    "))
        elif inspect.isfunction(value):
            yield from (
                "",
                textwrap.indent("\n".join(_function(member, value)), "    "),
            )


def _doc(value: Any) -> str:
    return inspect.getdoc(value) or ""


def main() -> int:
    """Write, or with --check compare."""
    old = PAGE.read_text(encoding="utf-8")
    new = page(old)
    if old == new:
        return 0
    if "--check" in sys.argv:
        print("docs/api.md is not what netlab.api says: run python scripts/api_reference.py")
        return 1
    PAGE.write_text(new, encoding="utf-8")
    print("docs/api.md written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
