"""The dialect of Foundry resources."""

from __future__ import annotations

import json
import math
from typing import Any

from azure_inference_local.dialects.base import FOUNDRY_AUDIENCES, Dialect
from azure_inference_local.dialects.families import Family
from azure_inference_local.dialects.refusals import Refusal, forbidden, string_loc, with_code


class Foundry(Dialect):
    """A Foundry resource's `/models` route: many models, chosen by `model`."""

    name = "foundry"
    has_info = False
    tells_limits = True
    audiences = FOUNDRY_AUDIENCES

    def unauthorized(self, *, presented: bool) -> Refusal:
        """The key is missing or wrong."""
        if not presented:
            return self.wrong_audience()
        text = "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource."
        return with_code(401, {"error": {"code": "401", "message": text}})

    def invalid(self, entries: list[dict[str, Any]], family: Family) -> Refusal:
        """The model's own answer, wrapped as JSON text by the gateway."""
        del family
        message = json.dumps({"detail": [string_loc(entry) for entry in entries]})
        return with_code(422, {"error": {"code": "Invalid input", "message": message, "status": 422}})

    def unsupported(self, loc: list[str], value: Any, family: Family) -> Refusal:
        """The model's own refusal, wrapped by the gateway."""
        return self.invalid([forbidden(loc, value)], family)

    def rate_limited(self, wait: float) -> Refusal:
        """Too many requests."""
        text = f"Rate limit of 10 per 60s exceeded for UserByModelByMinute. Please wait {math.ceil(wait)} seconds before retrying."
        refusal = with_code(429, {"error": {"code": "RateLimitReached", "message": text, "details": text}})
        refusal.headers["x-ratelimit-type"] = "UserByModelByMinute"
        refusal.headers["x-ratelimit-timeremaining"] = str(math.ceil(wait))
        return refusal
