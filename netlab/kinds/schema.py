"""The topology file as a JSON Schema (2020-12), made from the models that the loader checks with.

An editor that knows it completes keys, shows what they mean and marks what is wrong. Names that refer to each other
(nodes in links, a neighbor's cluster), files and addresses in their subnets are beyond JSON Schema; `netlab validate`
checks those too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from netlab import kinds
from netlab.kinds.base import Kind
from netlab.topology import patterns
from netlab.topology.schema import FileKeys, LinkKeys, NodeKeys, SectionKeys

Schema = dict[str, Any]

FORMATS: Mapping[str, tuple[str, str]] = {
    "ipv4": ("IPv4 address", patterns.ADDRESS_V4),
    "ipv6": ("IPv6 address", patterns.ADDRESS_V6),
    "ipv4network": ("IPv4 prefix", patterns.PREFIX_V4),
    "ipv6network": ("IPv6 prefix", patterns.PREFIX_V6),
    "ipv4interface": ("IPv4 address/length", patterns.PREFIX_V4),
    "ipv6interface": ("IPv6 address/length", patterns.PREFIX_V6),
}
"""pydantic's formats of addresses: what an editor calls them, and how they are written."""

_NULL: Schema = {"type": "null"}
_KEYS = frozenset({"additionalProperties", "description", "properties", "required", "type"})


class _Generator(GenerateJsonSchema):
    """Without a title for every key that only repeats it."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def document() -> Schema:
    """The JSON Schema of the topology file, with the options of every kind that is installed."""
    by_kind = _kinds()
    models = dict.fromkeys(kind.options for kind in by_kind if kind.options is not None)
    refs, definitions = _definitions((FileKeys, SectionKeys, NodeKeys, LinkKeys, *models))
    own = {id(kind): definitions[refs[kind.options]] for kind in by_kind if kind.options is not None}
    top = definitions.pop(refs[FileKeys])
    rules = {}
    for kind, names in by_kind.items():
        definitions[f"kind-{names[0]}"], rules[names[0]] = _kind_keys(kind, own.get(id(kind)))
    for model in models:
        definitions.pop(refs[model])
    definitions["any-kind"] = _any_kind(list(own.values()), complete=len(own) == len(by_kind))
    definitions["node-keys"] = _node_keys(definitions.pop(refs[NodeKeys]), by_kind)
    definitions["link"] = definitions.pop(refs[LinkKeys])
    definitions["node"] = _node(by_kind, "a node", rules)
    definitions["group"] = {
        **_node(by_kind, "keys for every node that names the group"),
        "properties": {"group": False},
    }
    definitions["defaults"] = _defaults(by_kind)
    _sections(definitions[refs[SectionKeys]], by_kind)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "netlab topology",
        **top,
        "$defs": dict(sorted(definitions.items())),
    }


def keys_of(model: type[BaseModel]) -> Schema:
    """The schema of each of a model's keys, enumerations written out."""
    refs, definitions = _definitions((model,))
    properties: Schema = definitions[refs[model]]["properties"]
    enums = {f"#/$defs/{name}": part for name, part in definitions.items() if "enum" in part}

    def resolve(part: Any) -> Any:
        if isinstance(part, list):
            return [resolve(item) for item in part]
        if not isinstance(part, dict):
            return part
        found = enums.get(str(part.get("$ref")), {})
        return {**found, **{key: resolve(value) for key, value in part.items() if key != "$ref" or not found}}

    return {key: resolve(part) for key, part in properties.items()}


def _kinds() -> dict[Kind[Any], list[str]]:
    """Every kind, and its names."""
    found: dict[Kind[Any], list[str]] = {}
    for name in kinds.usable():
        found.setdefault(kinds.load(name), []).append(name)
    return found


def _definitions(models: Sequence[type[BaseModel]]) -> tuple[dict[type[BaseModel], str], Schema]:
    """The name of each model's definition, and every definition by name."""
    refs, schema = models_json_schema([(model, "validation") for model in models], schema_generator=_Generator)
    definitions: Schema = {name: _plain(part) for name, part in schema["$defs"].items()}
    return {model: ref["$ref"].rpartition("/")[2] for (model, _), ref in refs.items()}, definitions  # type: ignore[misc]


def _plain(part: Any) -> Any:
    """Patterns for pydantic's formats of addresses; no title of a model, and no default that says nothing."""
    if isinstance(part, list):
        return [_plain(item) for item in part]
    if not isinstance(part, dict):
        return part
    plain = {key: _plain(value) for key, value in part.items() if not (key == "default" and value in (None, [], {}))}
    if plain.get("format") in FORMATS:
        title, pattern = FORMATS[plain.pop("format")]
        plain |= {"title": title, "pattern": pattern}
    if (plain.get("type") == "object" and "properties" in plain) or "enum" in plain:
        plain.pop("title", None)
    return plain


def _kind_keys(kind: Kind[Any], own: Schema | None) -> tuple[Schema, Schema]:
    """The keys of a kind, and what holds between them in a node.

    No key has to stand in the node itself: a layer below may have it.
    """
    own = own or {"additionalProperties": True}
    left_out = {"required", "type"} | ({"additionalProperties"} if kind.options is not None else set())
    keys = {key: value for key, value in own.items() if key in _KEYS and key not in left_out}
    rules = {key: value for key, value in own.items() if key not in _KEYS}
    if not kind.wants_startup_config:
        keys["properties"] = {**keys.get("properties", {}), "startup-config": _NULL}
    return keys, rules


def _any_kind(own: Sequence[Schema], *, complete: bool) -> Schema:
    """The keys where no kind is named: those of any. A key that several kinds have may be as in one of them."""
    properties: dict[str, list[Schema]] = {}
    for schema in own:
        for key, value in schema.get("properties", {}).items():
            if value not in properties.setdefault(key, []):
                properties[key].append(value)
    return {
        "properties": {key: _either(found) for key, found in properties.items()},
        **({} if complete else {"additionalProperties": True}),
    }


def _either(schemas: Sequence[Schema]) -> Schema:
    if len(schemas) == 1:
        return schemas[0]
    return {"description": schemas[0].get("description", ""), "anyOf": list(schemas)}


def _node_keys(schema: Schema, by_kind: Mapping[Kind[Any], Sequence[str]]) -> Schema:
    """The keys that every node has. One without a value counts as not written."""
    properties = {key: _or_null(value) for key, value in schema["properties"].items()}
    names = [name for names in by_kind.values() for name in names]
    properties["kind"] = {"description": properties["kind"]["description"], "enum": [*names, None]}
    return {"description": schema["description"], "properties": properties}


def _or_null(schema: Schema) -> Schema:
    if _NULL in schema.get("anyOf", ()):
        return schema
    about: Schema = {key: schema[key] for key in ("description", "default") if key in schema}
    rest: Schema = {key: value for key, value in schema.items() if key not in about}
    return {**about, "anyOf": [*rest.pop("anyOf", [rest]), _NULL]}


def _node(
    by_kind: Mapping[Kind[Any], Sequence[str]], description: str, rules: Mapping[str, Schema] | None = None
) -> Schema:
    return {
        "description": description,
        "type": ["object", "null"],
        "allOf": [_ref("node keys"), *_by_kind(by_kind, rules or {})],
        "unevaluatedProperties": False,
    }


def _by_kind(by_kind: Mapping[Kind[Any], Sequence[str]], rules: Mapping[str, Schema]) -> Iterator[Schema]:
    """What else holds for each kind, and where none is named."""
    for names in by_kind.values():
        named = {"type": "object", "properties": {"kind": {"enum": list(names)}}, "required": ["kind"]}
        yield {"if": named, "then": {**_ref(f"kind {names[0]}"), **rules.get(names[0], {})}}
    yield {"if": {"properties": {"kind": _NULL}}, "then": _ref("any kind")}


def _defaults(by_kind: Mapping[Kind[Any], Sequence[str]]) -> Schema:
    auto = {
        key: {"description": f"for every link that says nothing of `{key}`", "const": "auto"}
        for key in ("ipv4", "ipv6")
    }
    return {**_node(by_kind, "keys for every node"), "properties": auto}


def _sections(schema: Schema, by_kind: Mapping[Kind[Any], Sequence[str]]) -> None:
    properties = schema["properties"]
    for key, inner in (
        ("defaults", _ref("defaults")),
        ("groups", {"additionalProperties": _ref("group")}),
        ("links", {"items": _ref("link")}),
        ("kinds", {"properties": dict(_layers(by_kind)), "additionalProperties": False}),
        ("nodes", {"additionalProperties": _ref("node"), "propertyNames": {"pattern": patterns.NODE_NAME}}),
    ):
        kind = ["object"] if key == "nodes" else ["array" if key == "links" else "object", "null"]
        about = {name: properties[key][name] for name in ("description", "minProperties") if name in properties[key]}
        properties[key] = {**about, "type": kind, **inner} if "$ref" not in inner else {**about, **inner}


def _layers(by_kind: Mapping[Kind[Any], Sequence[str]]) -> Iterator[tuple[str, Schema]]:
    """The keys for every node of a kind."""
    for names in by_kind.values():
        for name in names:
            yield (
                name,
                {
                    "description": f"keys for every node of kind `{name}`",
                    "type": ["object", "null"],
                    "allOf": [_ref("node keys"), _ref(f"kind {names[0]}")],
                    "properties": {"kind": False},
                    "unevaluatedProperties": False,
                },
            )


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name.replace(' ', '-')}"}
