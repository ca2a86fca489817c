"""What a dialect is: how a kind of base URL words its refusals and shapes its streams.

One class a dialect. Each method returns a `Refusal`, ready to be raised; the bodies are the ones the services
send, word for word where they are known.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

from azure_inference_local.dialects.families import Family
from azure_inference_local.dialects.refusals import Refusal, forbidden, managed_422, string_loc, with_code

Versions = Literal["listed", "dated", "any"]
"""Which values of `api-version` a dialect takes: the API's own, every date, or all and none."""

ML_AUDIENCES = ("https://ml.azure.com",)
FOUNDRY_AUDIENCES = ("https://cognitiveservices.azure.com", "https://ai.azure.com")

FILTERED = "The response was filtered due to the prompt triggering {whose} content management policy. Please modify your prompt and retry."
"""The text of a blocked prompt; `whose` is the service's name."""

_CODES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    413: "Payload Too Large",
    422: "Invalid input",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


class Dialect:
    """The dialect of serverless endpoints and of the documentation, at `<url>` and `<url>/<family>`; the others vary it."""

    name: ClassVar[str] = "serverless"
    extras_header: ClassVar[bool] = True
    usage_in_last_chunk: ClassVar[bool] = True
    has_info: ClassVar[bool] = True
    api_versions: ClassVar[Versions] = "listed"
    audiences: ClassVar[tuple[str, ...]] = ML_AUDIENCES
    annotates: ClassVar[bool] = False
    openai: ClassVar[bool] = False
    tells_limits: ClassVar[bool] = False

    def unauthorized(self, *, presented: bool) -> Refusal:
        """The key is missing (`presented` false) or wrong."""
        if not presented:
            return Refusal(401, {"status": "Auth token must be passed as a header called Authorization"})
        return Refusal(401, {"status": "Invalid auth token", "message": "auth token validation failed"})

    def wrong_audience(self) -> Refusal:
        """A token was made out for another service."""
        text = f"Unauthorized. Access token is missing, invalid, audience is incorrect ({self.audiences[0]}), or have expired."
        return Refusal(401, {"statusCode": 401, "message": text})

    def not_found(self) -> Refusal:
        """The route or the version of the API does not exist."""
        return with_code(404, {"error": {"code": "404", "message": "Resource not found"}})

    def no_modality(self) -> Refusal:
        """The model has no such route."""
        text = "Modality not supported by the model: the resource was not found"
        return with_code(404, {"error": {"code": "404", "message": text}})

    def missing_api_version(self) -> Refusal:
        """The request has no `api-version`."""
        text = "The api-version query parameter (?api-version=) is required for all requests."
        return with_code(400, {"error": {"code": "MissingApiVersionParameter", "message": text}})

    def no_model(self) -> Refusal:
        """The request names no model where it has to."""
        text = "No model specified in request. Please provide a model name in the request body or as a x-ms-model-mesh-model-name header."
        return with_code(400, {"error": {"code": "no_model_name", "message": text, "details": text}})

    def unknown_model(self, model: str) -> Refusal:
        """The request names a model that is not there."""
        text = f"Unknown model: {model[:100]}"
        return with_code(404, {"error": {"code": "unknown_model", "message": text, "details": text}})

    def generic(self, status: int, message: str, code: str | None = None) -> Refusal:
        """Any other refusal: the status, a sentence, and a code where there is one."""
        return with_code(
            status,
            {
                "error": {
                    "code": code or _CODES.get(status, "Unknown Status Code"),
                    "message": message,
                    "status": status,
                }
            },
        )

    def invalid(self, entries: list[dict[str, Any]], family: Family) -> Refusal:
        """The request does not fit the schema; `entries` are pydantic's."""
        if family.refusal == "managed":
            return managed_422(entries)
        return Refusal(422, {"detail": [string_loc(entry) for entry in entries]})

    def unsupported(self, loc: list[str], value: Any, family: Family) -> Refusal:
        """The request uses a known parameter (at `loc` below the body) that the model does not support."""
        entry = forbidden(loc, value)
        if family.refusal == "documented":
            return Refusal(
                422,
                {
                    "status": 422,
                    "code": "parameter_not_supported",
                    "detail": {"loc": ["body", *loc], "input": value},
                    "message": "One of the parameters contain invalid values.",
                },
            )
        if family.refusal == "repr":
            shown = [{**entry, "loc": tuple(entry["loc"])}]
            return with_code(422, {"error": {"code": "Invalid input", "message": repr(shown), "status": 422}})
        return self.invalid([entry], family)

    def extras(self, names: list[str], header: str | None) -> Refusal:
        """The request holds extra parameters and `extra-parameters` is `error` or not there."""
        if header is None:
            when = "not set or set to be 'error'. Set extra-parameters to 'pass-through' to pass to the model"
        else:
            when = "set to 'error'"
        text = f"Extra parameters {names} are not allowed when extra-parameters is {when}."
        return Refusal(400, {"detail": text})

    def extras_option(self, value: str) -> Refusal:
        """The header `extra-parameters` has a value that does not exist."""
        text = f"Unexpected EXTRA_PARAMETERS option {value[:100]}, expected options are ['error', 'drop', 'pass-through']"
        return Refusal(400, {"detail": text})

    def no_streams(self) -> Refusal:
        """The deployment answers whole and does not stream."""
        text = "Streaming responses are not currently supported"
        return with_code(422, {"error": {"code": "OperationParameterInvalid", "message": text}})

    def filtered(self, results: dict[str, Any]) -> Refusal:
        """Content safety blocked the prompt; `results` are the findings by category."""
        del results  # this dialect does not tell them
        text = FILTERED.format(whose="Microsoft's")
        error = {"message": text, "type": None, "param": "prompt", "code": "content_filter", "status": 400}
        return with_code(400, {"error": error})

    def rate_limited(self, wait: float) -> Refusal:
        """Too many requests; `wait` is the time to the next admission in seconds."""
        text = f"Rate limit is exceeded. Try again in {math.ceil(wait)} seconds."
        return with_code(429, {"error": {"code": "429", "message": text}})

    def engine_error(self, status: int, code: str, message: str) -> Refusal:
        """The engine refused the request or failed."""
        return self.generic(status, message, code)
