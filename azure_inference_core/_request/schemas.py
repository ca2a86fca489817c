"""JSON schemas as the API's ``response_format`` and as a tool's strict parameters. Pure."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from typing import Any

from azure_inference_core._request.tools import legal_name

_log = logging.getLogger("azure_inference")
_BRANCHES = ("items", "prefixItems", "anyOf", "allOf", "oneOf")


def json_schema_format(
    name: str, schema: Mapping[str, Any], description: str | None = None, *, strict: bool | None = None
) -> dict[str, Any]:
    """The ``response_format`` that asks for an answer of a schema.

    Args:
        name: What the schema is called; made legal.
        schema: The schema; not touched.
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


def strict_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A function tool that the service must keep to, where its schema can be strict."""
    function = tool["function"]
    schema, strict = _as_strict_as_can_be(function.get("name"), function.get("parameters") or {}, strict=True)
    return {**tool, "function": {**function, "parameters": schema, "strict": strict}}


def _as_strict_as_can_be(
    name: Any, schema: Mapping[str, Any], strict: bool | None
) -> tuple[Mapping[str, Any], bool | None]:
    if not strict:
        return schema, strict
    closed = copy.deepcopy(dict(schema))
    if _close(closed):
        return closed, True
    _log.info("the schema %s has an object with free keys, which cannot be strict: strict is false", name)
    return schema, False


def _close(node: Any) -> bool:
    """Close a schema in place for strict mode; whether that was possible.

    Strict mode (Microsoft's guide to structured outputs) wants every object closed and every property required, and
    has no dictionaries with free keys.
    """
    if isinstance(node, list):
        return all(_close(item) for item in node)
    if not isinstance(node, dict):
        return True
    if "$ref" in node:
        for name in node.keys() - {"$ref"}:
            del node[name]
        return True
    node.pop("default", None)
    if node.get("type") == "object":
        properties = node.setdefault("properties", {})
        if node.get("additionalProperties") or node.get("patternProperties"):
            return False
        node["additionalProperties"] = False
        node["required"] = list(properties)
    parts = [*node.get("properties", {}).values(), *node.get("$defs", {}).values()]
    parts += [node[name] for name in _BRANCHES if name in node]
    return all(_close(part) for part in parts)
