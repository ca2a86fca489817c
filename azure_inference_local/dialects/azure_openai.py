"""The two dialects of Azure OpenAI: its deployments, and its v1 route."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from azure_inference_local.dialects.base import FILTERED, FOUNDRY_AUDIENCES, Dialect, Versions
from azure_inference_local.dialects.families import Family
from azure_inference_local.dialects.foundry import Foundry
from azure_inference_local.dialects.refusals import Refusal, openai_path, openai_refusal, with_code


class AzureOpenAI(Dialect):
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
            "message": FILTERED.format(whose="Azure OpenAI's"),
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
