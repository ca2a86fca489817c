"""JSON schemas as the API's ``response_format`` and as a tool's parameters, strict where they can be. Pure."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from azure_inference_core._request.tools import legal_name

_log = logging.getLogger("azure_inference")

WRAPPED = "value"
"""The key of the object that stands round an array, a union or a plain value: the API takes objects only."""

_SHARED = ("$defs", "definitions")
_NAMED = (*_SHARED, "properties", "patternProperties")
_MANY = ("anyOf", "oneOf", "allOf", "prefixItems")
_ONE = ("items", "additionalProperties", "not")
_SAYS = frozenset(("type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const", "properties", "items"))
_KEPT = ("enum", "const", "description", "title")
_LOOSE = ("patternProperties", "prefixItems", "not", "if", "dependentRequired", "dependentSchemas")
_TOLD = (
    *("minLength", "maxLength", "pattern", "format"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains"),
    *("minProperties", "maxProperties", "propertyNames"),
)
"""What strict mode on Azure does not take (Microsoft's guide to structured outputs); the description says it instead."""

_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def json_schema_format(
    name: str, schema: Mapping[str, Any], description: str | None = None, *, strict: bool | None = None
) -> dict[str, Any]:
    """The ``response_format`` that asks for an answer of a schema.

    Args:
        name: What the schema is called; made legal.
        schema: The schema; not touched. One that is no object is wrapped in one: see :func:`unwrapped`.
        description: What it is for.
        strict: Whether the service must enforce the schema; where the schema cannot be strict, it is sent as it is
            with ``strict`` false. ``None`` leaves it to the service.
    """
    schema, strict = _as_strict_as_can_be(name, schema, strict)
    told = {
        "name": legal_name(name) or "answer",
        "schema": schema,
        "description": description,
        "strict": strict,
    }
    return {
        "type": "json_schema",
        "json_schema": {key: value for key, value in told.items() if value is not None and value != ""},
    }


def schema_tool(
    name: str, schema: Mapping[str, Any], description: str | None = None, *, strict: bool | None = None
) -> dict[str, Any]:
    """A function tool whose arguments are of a schema; arguments as in :func:`json_schema_format`."""
    schema, strict = _as_strict_as_can_be(name, schema, strict)
    told = {"name": name, "description": description, "parameters": schema, "strict": strict}
    return {"type": "function", "function": {key: told[key] for key in told if told[key] is not None}}


def strict_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A function tool that the service must keep to, where its schema can be strict."""
    function = tool["function"]
    given = function.get("parameters") or {"type": "object", "properties": {}}
    schema, strict = _as_strict_as_can_be(function.get("name"), given, strict=True)
    return {**tool, "function": {**function, "parameters": schema, "strict": strict}}


def is_recursive(schema: Any) -> bool:
    """Whether a schema refers to a part of itself from within that part, so that it cannot be written without ``$ref``."""
    return any(_reaches(schema, target, target, set()) for target in set(_references(schema)))


def has_untyped(schema: Any) -> bool:
    """Whether a part of a schema says nothing of what it takes."""
    return any(_SAYS.isdisjoint(node) for node in _nodes(schema))


def object_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema as the API takes it, strict or not: an object at the root, and arrays that say what is in them.

    A reference at the root, which is how recursive classes are written, is put in its place; ``$defs`` stay.
    """
    root = _root(schema)
    if not is_object(root):
        moved = _below(root)
        shared = {key: moved.pop(key) for key in _SHARED if key in moved}
        root = {"type": "object", "properties": {WRAPPED: moved}, "required": [WRAPPED], **shared}
    mended: dict[str, Any] = _with_items(root)
    return (
        mended if {"type", "properties"} <= mended.keys() else {"type": "object", "properties": {}, **mended}
    )


def unwrapped(value: Any, schema: Mapping[str, Any]) -> Any:
    """What was asked for by a schema, out of the object that :func:`object_schema` may have put round it."""
    if isinstance(value, Mapping) and value.keys() == {WRAPPED} and not is_object(schema):
        return value[WRAPPED]
    return value


def is_object(schema: Mapping[str, Any]) -> bool:
    """Whether a schema is one of objects, as the API wants it."""
    root = _root(schema)
    if root.get("type") == "object":
        return True
    return "type" not in root and not {"anyOf", "oneOf", "enum", "const", "items", "$ref"} & root.keys()


def _as_strict_as_can_be(
    name: Any, schema: Mapping[str, Any], strict: bool | None
) -> tuple[Mapping[str, Any], bool | None]:
    schema = object_schema(schema)
    if not strict:
        return schema, strict
    try:
        return _strict(schema), True
    except _LooseError as why:
        _log.info("the schema %s cannot be strict (%s): strict is false", name, why)
        return schema, False


class _LooseError(Exception):
    """A part of a schema says what strict mode cannot."""


def _strict(node: Any) -> dict[str, Any]:
    """A schema in the form of strict mode (Microsoft's guide to structured outputs).

    Every object is closed, and every property required, as OpenAI's own SDK writes it: a field with a default has to
    be written by the model, and one that may be null stays so. Adding null to the others would let the model write
    what their class refuses.

    Raises:
        _LooseError: It has no such form.
    """
    if not isinstance(node, Mapping):
        raise _LooseError("a value of any type")
    if "$ref" in node:
        return {"$ref": node["$ref"], **_strict_shared(node)}
    if loose := [name for name in _LOOSE if name in node]:
        raise _LooseError(loose[0])
    if parts := node.get("allOf"):
        if len(parts) > 1 or not isinstance(parts[0], Mapping):
            raise _LooseError("allOf")
        return _strict({**{name: value for name, value in node.items() if name != "allOf"}, **parts[0]})
    strict = {name: node[name] for name in _KEPT if name in node}
    if variants := node.get("anyOf") or node.get("oneOf"):
        strict["anyOf"] = [_strict(variant) for variant in variants]
    elif kind := node.get("type") or _kind(node):
        strict["type"] = kind
    else:
        raise _LooseError("a value of any type")
    kinds = strict.get("type") or ()
    if "object" in kinds:
        strict |= _closed(node)
    if "array" in kinds:
        strict["items"] = _strict(node.get("items"))
    if told := {name: node[name] for name in _TOLD if name in node}:
        rule = ", ".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in told.items())
        strict["description"] = f"{node.get('description') or ''} ({rule})".strip()
    return {**strict, **_strict_shared(node)}


def _strict_shared(node: Mapping[str, Any]) -> dict[str, Any]:
    return {
        shared: {name: _strict(part) for name, part in node[shared].items()}
        for shared in _SHARED
        if isinstance(node.get(shared), Mapping)
    }


def _closed(node: Mapping[str, Any]) -> dict[str, Any]:
    if node.get("additionalProperties", False) is not False or not isinstance(
        node.get("properties"), Mapping
    ):
        raise _LooseError("an object with free keys")
    properties = {name: _strict(part) for name, part in node["properties"].items()}
    return {"properties": properties, "required": list(properties), "additionalProperties": False}


def _kind(node: Mapping[str, Any]) -> Any:
    """The type of a schema that does not name it."""
    if "properties" in node:
        return "object"
    if "items" in node:
        return "array"
    values = node.get("enum") or ([node["const"]] if "const" in node else [])
    kinds = sorted({_TYPES.get(type(value), "") for value in values})
    if "" in kinds:
        raise _LooseError("a value that is no plain one")
    return kinds[0] if len(kinds) == 1 else kinds


def _root(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema with a reference at its root resolved."""
    seen = set()
    while isinstance(ref := schema.get("$ref"), str) and ref not in seen:
        seen.add(ref)
        found = _resolved(schema, ref)
        if not isinstance(found, Mapping):
            break
        schema = {**found, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def _resolved(root: Any, ref: str) -> Any:
    for step in ref.split("/")[1:]:
        root = root.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(root, Mapping) else None
    return root


def _references(node: Any) -> Iterator[str]:
    return (part["$ref"] for part in _nodes(node) if isinstance(part.get("$ref"), str))


def _reaches(root: Any, start: str, target: str, seen: set[str]) -> bool:
    """Whether following references from one leads to another."""
    seen.add(start)
    steps = set(_references(_resolved(root, start)))
    return target in steps or any(_reaches(root, step, target, seen) for step in steps - seen)


def _nodes(node: Any) -> Iterator[Mapping[str, Any]]:
    """A schema and the schemas in it."""
    if isinstance(node, Mapping):
        yield node
        parts = [node.get(name) for name in _ONE]
        for name in _MANY:
            parts += some if isinstance(some := node.get(name), list) else ()
        for name in _NAMED:
            parts += named.values() if isinstance(named := node.get(name), Mapping) else ()
        for part in parts:
            yield from _nodes(part)


def _mapped(node: Any, change: Callable[[Any], Any]) -> Any:
    """A copy of a schema with each schema in it changed."""
    if not isinstance(node, Mapping):
        return node
    mapped = dict(node)
    mapped.update({name: change(node[name]) for name in _ONE if name in node})
    for name in _MANY:
        if isinstance(some := node.get(name), list):
            mapped[name] = [change(part) for part in some]
    for name in _NAMED:
        if isinstance(named := node.get(name), Mapping):
            mapped[name] = {key: change(part) for key, part in named.items()}
    return mapped


def _below(node: Any) -> Any:
    """A schema whose references to its root follow it to where it goes."""
    if isinstance(node, Mapping) and node.get("$ref") == "#":
        return {**node, "$ref": f"#/properties/{WRAPPED}"}
    return _mapped(node, _below)


def _with_items(node: Any) -> Any:
    """A schema in which every array says what is in it, without which OpenAI refuses even what is not strict."""
    mended = _mapped(node, _with_items)
    if (
        isinstance(node, Mapping)
        and node.get("type") == "array"
        and not isinstance(node.get("items"), Mapping)
    ):
        mended["items"] = {"anyOf": mended["prefixItems"]} if mended.get("prefixItems") else {}
    return mended
