"""The dialects of the API: how each kind of base URL words its refusals and shapes its streams.

One class a dialect. Each method returns a `Refusal`, ready to be raised; the bodies are the ones the services
send, word for word where they are known.
"""

from __future__ import annotations

import json
import math
from typing import Any, ClassVar, Literal

from azure_inference_local.families import Family
from azure_inference_local.refusals import (
    Refusal,
    forbidden,
    managed_422,
    openai_path,
    openai_refusal,
    string_loc,
    with_code,
)

__all__ = [
    "AZURE_OPENAI",
    "BY_NAME",
    "FOUNDRY",
    "FOUNDRY_AUDIENCES",
    "MANAGED",
    "ML_AUDIENCES",
    "OPENAI_V1",
    "SERVERLESS",
    "Refusal",
    "Serverless",
]

Versions = Literal["listed", "dated", "any"]
"""Which values of `api-version` a dialect takes: the API's own, every date, or all and none."""

ML_AUDIENCES = ("https://ml.azure.com",)
FOUNDRY_AUDIENCES = ("https://cognitiveservices.azure.com", "https://ai.azure.com")

_FILTERED = "The response was filtered due to the prompt triggering {whose} content management policy. Please modify your prompt and retry."
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


class Serverless:
    """A serverless endpoint: the dialect of the documentation, and of `<url>` and `<url>/<family>`."""

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
        text = _FILTERED.format(whose="Microsoft's")
        error = {"message": text, "type": None, "param": "prompt", "code": "content_filter", "status": 400}
        return with_code(400, {"error": error})

    def rate_limited(self, wait: float) -> Refusal:
        """Too many requests; `wait` is the time to the next admission in seconds."""
        text = f"Rate limit is exceeded. Try again in {math.ceil(wait)} seconds."
        return with_code(429, {"error": {"code": "429", "message": text}})

    def engine_error(self, status: int, code: str, message: str) -> Refusal:
        """The engine refused the request or failed."""
        return self.generic(status, message, code)


class Managed(Serverless):
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


class Foundry(Serverless):
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


class AzureOpenAI(Serverless):
    """An Azure OpenAI deployment: `/openai/deployments/<name>`."""

    name = "azure-openai"
    extras_header = False
    usage_in_last_chunk = False
    has_info = False
    api_versions: ClassVar[Versions] = "dated"
    audiences = FOUNDRY_AUDIENCES
    annotates = True
    openai = True
    tells_limits = True

    unauthorized = Foundry.unauthorized

    def no_modality(self) -> Refusal:
        """The deployment's model has no such operation."""
        text = "The operation does not work with the specified model: the resource was not found."
        return openai_refusal(404, text, code="OperationNotSupported")

    def unknown_model(self, model: str) -> Refusal:
        """There is no such deployment."""
        del model
        text = "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again."
        return with_code(404, {"error": {"code": "DeploymentNotFound", "message": text}})

    def no_model(self) -> Refusal:
        """The request names no model."""
        return openai_refusal(
            400, "you must provide a model parameter", param="model", code="missing_required_parameter"
        )

    def generic(self, status: int, message: str, code: str | None = None) -> Refusal:
        """Any other refusal."""
        return openai_refusal(status, message, code=code)

    def invalid(self, entries: list[dict[str, Any]], family: Family) -> Refusal:
        """The first fault of the request, in OpenAI's form."""
        del family
        first = entries[0]
        path = openai_path(first["loc"][1:])
        missing = first["type"] == "missing"
        text = (
            f"Missing required parameter: '{path}'."
            if missing
            else f"Invalid value for '{path}': {first['msg']}."
        )
        code = "missing_required_parameter" if missing else "invalid_value"
        return openai_refusal(400, text, param=path or None, code=code)

    def unsupported(self, loc: list[str], value: Any, family: Family) -> Refusal:
        """The request uses a known parameter that the model does not support."""
        del value, family
        path = openai_path(loc)
        text = f"Unsupported parameter: '{path}' is not supported with this model."
        return openai_refusal(400, text, param=path, code="unsupported_parameter")

    def extras(self, names: list[str], header: str | None) -> Refusal:
        """The request holds keys OpenAI's API does not know."""
        del header
        plural = "s" if len(names) > 1 else ""
        return openai_refusal(400, f"Unrecognized request argument{plural} supplied: {', '.join(names)}")

    def filtered(self, results: dict[str, Any]) -> Refusal:
        """Content safety blocked the prompt; the body tells the findings by category."""
        error = {
            "message": _FILTERED.format(whose="Azure OpenAI's"),
            "type": None,
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": results},
        }
        return with_code(400, {"error": error})

    def rate_limited(self, wait: float) -> Refusal:
        """Too many requests."""
        text = f"Requests to the ChatCompletions_Create Operation under Azure OpenAI API have exceeded token rate limit of your current pricing tier. Please retry after {math.ceil(wait)} seconds."
        return with_code(429, {"error": {"code": "429", "message": text}})


class OpenAIV1(AzureOpenAI):
    """The route `/openai/v1`, where the OpenAI client library is at home: no api-version, `model` required."""

    name = "openai-v1"
    api_versions: ClassVar[Versions] = "any"


SERVERLESS, MANAGED, FOUNDRY, AZURE_OPENAI, OPENAI_V1 = (
    Serverless(),
    Managed(),
    Foundry(),
    AzureOpenAI(),
    OpenAIV1(),
)
BY_NAME: dict[str, Serverless] = {d.name: d for d in (SERVERLESS, MANAGED, FOUNDRY, AZURE_OPENAI, OPENAI_V1)}
