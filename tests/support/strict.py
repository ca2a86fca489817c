"""What strict mode takes, read from Microsoft's and OpenAI's guides and written without the code under test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

KEYWORDS = {"type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const"}
KEYWORDS |= {"description", "title", "$ref", "$defs", "definitions"}
TYPES = {"string", "number", "integer", "boolean", "null", "object", "array"}


def faults(schema: dict[str, Any]) -> list[str]:
    """What strict mode refuses in a schema, each with its place."""
    found = list(_faults(schema, schema, "#"))
    if schema.get("type") != "object":
        found.append("#: the root is no object")
    return found


def _faults(node: Any, root: dict[str, Any], at: str) -> Iterator[str]:
    if not isinstance(node, dict):
        yield f"{at}: {node!r} is no schema"
        return
    if unknown := node.keys() - KEYWORDS:
        yield f"{at}: {sorted(unknown)}"
    if "$ref" in node:
        yield from _reference_faults(node, root, at)
    elif "anyOf" in node:
        for place, part in enumerate(node["anyOf"]):
            yield from _faults(part, root, f"{at}/anyOf/{place}")
    else:
        yield from _type_faults(node, root, at)
    for shared in ("$defs", "definitions"):
        for name, part in node.get(shared, {}).items():
            yield from _faults(part, root, f"{at}/{shared}/{name}")


def _reference_faults(node: dict[str, Any], root: dict[str, Any], at: str) -> Iterator[str]:
    if node.keys() - {"$ref", "$defs", "definitions"}:
        yield f"{at}: words beside $ref"
    if not isinstance(_found(root, node["$ref"]), dict):
        yield f"{at}: {node['$ref']} leads nowhere"


def _type_faults(node: dict[str, Any], root: dict[str, Any], at: str) -> Iterator[str]:
    kinds = node.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if not set(kinds) <= TYPES:
        yield f"{at}: type {kinds}"
    if "object" in kinds:
        yield from _object_faults(node, root, at)
    if "array" in kinds:
        yield from _faults(node.get("items"), root, f"{at}/items")


def _object_faults(node: dict[str, Any], root: dict[str, Any], at: str) -> Iterator[str]:
    if node.get("additionalProperties") is not False:
        yield f"{at}: open"
    if sorted(node.get("required", ())) != sorted(node.get("properties", ())):
        yield f"{at}: not all are required"
    for name, part in node.get("properties", {}).items():
        yield from _faults(part, root, f"{at}/properties/{name}")


def _found(node: Any, ref: str) -> Any:
    for step in ref.split("/")[1:]:
        node = node.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
    return node
