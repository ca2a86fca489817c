"""The dialect of managed online endpoints."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from azure_inference_local.dialects.base import Dialect, Versions
from azure_inference_local.dialects.families import Family
from azure_inference_local.dialects.refusals import Refusal, forbidden, managed_422


class Managed(Dialect):
    """A managed online endpoint: Microsoft's own model server, the dialect of the family `mixtral`."""

    name = "managed"
    api_versions: ClassVar[Versions] = "any"

    def no_modality(self) -> Refusal:
        """The model has no such route."""
        return Refusal(404, {"detail": "Not Found"})

    def invalid(self, entries: list[dict[str, Any]], family: Family) -> Refusal:
        """The request does not fit the schema."""
        del family
        return managed_422(entries)

    def unsupported(self, loc: list[str], value: Any, family: Family) -> Refusal:
        """The request uses a known parameter that the model does not support."""
        return self.invalid([forbidden(loc, value)], family)

    def filtered(self, results: dict[str, Any]) -> Refusal:
        """Content safety blocked the prompt."""
        del results
        return self.generic(400, "request input violates azure ai content safety setting.")

    def engine_error(self, status: int, code: str, message: str) -> Refusal:
        """The engine's own error body, wrapped as JSON text in the server's."""
        inner = {"object": "error", "message": message, "type": code, "param": None, "code": status}
        return self.generic(status, json.dumps(inner))
