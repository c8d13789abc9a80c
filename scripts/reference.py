"""Write what is made from the code: tables of docs/, the editors' schema, the lists of docs/vyos.md.

    python scripts/reference.py            write all
    python scripts/reference.py --check    only say whether they are as they should be (exit code 1: they are not)

In a page a table stands between `<!-- keys of MODEL -->` and `<!-- end -->`, where MODEL is `module:class`, and a
list of VyOS's statements between `<!-- statements of NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import json
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from netlab.kinds import schema  # noqa: E402
from netlab.kinds.vyos import statements  # noqa: E402

PAGES = (ROOT / "docs" / "topology.md", ROOT / "docs" / "from-containerlab.md")
VYOS_PAGE = ROOT / "docs" / "vyos.md"
SCHEMA = ROOT / "topologies" / "topology.schema.json"

TABLE = re.compile(r"(?P<begin><!-- keys of (?P<model>[\w.]+:\w+) -->\n).*?(?P<end><!-- end -->\n)", re.DOTALL)
_STATEMENTS = re.compile(r"(?P<begin><!-- statements of (?P<name>\w+) -->\n).*?(?P<end><!-- end -->\n)", re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def models() -> dict[type[BaseModel], tuple[Path, str]]:
    """Every model that has a table: its page, and the link to the heading above the table."""
    found = {}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for table in TABLE.finditer(text):
            heading = _HEADING.findall(text[: table.start()])[-1]
            anchor = "#" + re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
            found[_model(table["model"])] = page, anchor
    return found


def page(text: str, where: Path) -> str:
    """The page with every table as the models have it."""
    links = {model: anchor if file == where else file.name + anchor for model, (file, anchor) in models().items()}
    return TABLE.sub(lambda table: f"{table['begin']}{_table(_model(table['model']), links)}{table['end']}", text)


def vyos_page(text: str) -> str:
    """The page with every list of statements as the code has it."""
    return _STATEMENTS.sub(
        lambda found: f"{found['begin']}```\n{getattr(statements, found['name']).strip()}\n```\n{found['end']}", text
    )


def document() -> str:
    """The schema that the shipped topologies name."""
    return json.dumps(schema.document(), indent=2, ensure_ascii=False) + "\n"


def _model(name: str) -> type[BaseModel]:
    module, _, attribute = name.partition(":")
    model: type[BaseModel] = getattr(import_module(module), attribute)
    return model


def _table(model: type[BaseModel], links: dict[type[BaseModel], str]) -> str:
    properties = schema.keys_of(model)
    rows = ["| key | value | |", "|---|---|---|"]
    elsewhere = {name for base in model.__mro__[1:] if base in links for name in base.model_fields}
    for name, field in model.model_fields.items():
        if name in elsewhere:
            continue
        key = field.alias or name
        value = _value(properties[key])
        rows.append(f"| `{key}` | {_linked(value, field, links)} | {_about(field, properties[key])} |")
    return "\n".join(rows) + "\n"


def _about(field: FieldInfo, part: dict[str, Any]) -> str:
    """What the key means; whether it has to be there, or what holds without it."""
    default = part.get("default")
    if field.is_required():
        return f"{field.description}; required"
    if default in (None, False) or isinstance(default, dict):
        return str(field.description)
    return f"{field.description}; default `{default}`"


def _linked(value: str, field: FieldInfo, links: dict[type[BaseModel], str]) -> str:
    for model, link in links.items():
        if model.__name__ in re.findall(r"\w+", str(field.annotation)):
            return re.sub(r"(list of )?mapping", rf"[\g<0>]({link})", value, count=1)
    return value


def _value(part: dict[str, Any]) -> str:
    """What may be written, in words."""
    options = [option for option in part.get("anyOf", [part]) if option != {"type": "null"}]
    return " or ".join(dict.fromkeys(_one(option) for option in options))


def _one(part: dict[str, Any]) -> str:
    if "enum" in part or "const" in part:
        return ", ".join(f"`{_written(word)}`" for word in part.get("enum", [part.get("const")]))
    if "title" in part:
        return str(part["title"])
    kind = part.get("type")
    if kind == "array":
        return f"list of {_value(part['items'])}"
    if kind == "integer":
        return f"{part.get('minimum', '')} to {part['maximum']}" if "maximum" in part else "number"
    return {"number": "number", "boolean": "`true`, `false`", "string": "text"}.get(str(kind), "mapping")


def _written(word: object) -> str:
    """A word as a topology file has it: a text that YAML takes for a number is in quotes."""
    return f'"{word}"' if re.fullmatch(r"[0-9.]+", str(word)) else str(word)


def main() -> int:
    """Write, or with --check compare."""
    wanted = {
        **{file: page(file.read_text(encoding="utf-8"), file) for file in PAGES},
        VYOS_PAGE: vyos_page(VYOS_PAGE.read_text(encoding="utf-8")),
        SCHEMA: document(),
    }
    status = 0
    for file, text in wanted.items():
        if file.exists() and file.read_text(encoding="utf-8") == text:
            continue
        status = 1
        if "--check" in sys.argv:
            print(f"{file.relative_to(ROOT)} is not what the models say: run python scripts/reference.py")
        else:
            file.write_text(text, encoding="utf-8")
            print(f"{file.relative_to(ROOT)} written")
    return status if "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
