"""Habits of deployments: requests that are refused in one form and taken in another, by bodies that services sent.

Each row is two servers in one: it refuses the first form, in the words of the record, and takes the second. Where
they stand: limit lobehub#5909, Open-WebUI-Functions#136 (on data), eca#231 (list), sample-app-aoai-chatGPT#1260
(pointer); usage litellm#11696 (in a message), power-skills#214 (repr), openai-python#1469; no streams RooCode#1400;
choice langchain#31512; effort LibreChat#14231, agentgateway#2894, litellm#16704 (value); role opencode#12879,
cherry-studio#12325 (variant); schema ruby_llm#600, dotnet/extensions#6130; model-version chatwise#258; input type
agno#6759. Rows in other words of the same meaning are named prose, plain, off or managed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.fault_server import Request
from tests.support.scripted_server import Reply, ScriptedServer, default_answer, route_of

SCHEMA = {"type": "json_schema", "json_schema": {"name": "City", "schema": {"type": "object"}}}


def add(name: str) -> dict[str, Any]:
    """A tool."""
    parameters = {"type": "object", "properties": {"a": {"type": "integer"}}}
    return {
        "type": "function",
        "function": {"name": name, "description": "Adds.", "parameters": parameters},
    }


TOOLS = [add("plus"), add("minus")]
PLUS = {"type": "function", "function": {"name": "plus"}}
LIMITS = ("max_tokens", "max_completion_tokens")


def limit(request: Request) -> Any:
    """Under which names the output limit was sent."""
    return [name for name in LIMITS if name in request.json]


def asks_usage(request: Request) -> Any:
    """Whether a stream's token counts were asked for."""
    return request.json.get("stream_options")


def streams(request: Request) -> Any:
    """Whether a stream was asked for, and what goes only with one."""
    return request.json.get("stream"), request.json.get("stream_options")


def choice(request: Request) -> Any:
    """The choice among which tools."""
    tools = [tool["function"]["name"] for tool in request.json.get("tools", ())]
    return request.json.get("tool_choice"), tools


def effort(request: Request) -> Any:
    """How much reasoning was asked for."""
    return request.json.get("reasoning_effort")


def roles(request: Request) -> Any:
    """The roles of the messages."""
    return [message["role"] for message in request.json["messages"]]


def version(request: Request) -> Any:
    """The api-version."""
    return request.target.rpartition("api-version=")[2]


def encoding(request: Request) -> Any:
    """The encoding of vectors."""
    return request.json.get("encoding_format")


def input_type(request: Request) -> Any:
    """What texts are said to be."""
    return request.json.get("input_type")


def openai(message: str, param: str | None = None, code: str | None = None) -> Reply:
    """OpenAI's refusal."""
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return Reply(400, {"error": error})


def pydantic(
    *loc: Any, kind: str = "extra_forbidden", msg: str = "Extra inputs are not permitted"
) -> list[Any]:
    """The list of a FastAPI server."""
    return [{"type": kind, "loc": ["body", *loc], "msg": msg, "input": "x"}]


def pointer(name: str) -> Reply:
    """What Azure OpenAI answers "on your data"."""
    text = f"Validation error at #/{name}: Extra inputs are not permitted"
    return Reply(400, {"error": {"requestid": "1b7c", "code": 400, "message": text}})


def in_message(*loc: Any) -> Reply:
    """A list inside a message, as Foundry wraps it."""
    message = json.dumps({"detail": pydantic(*loc)})
    return Reply(422, {"error": {"code": "Invalid input", "message": message, "status": 422}})


@dataclass
class Habit:
    """One habit.

    Attributes:
        id: The row's name.
        seen: What is looked at in a request.
        first: What it is in the first request, which is refused.
        then: What it is from then on.
        refusal: What the service answers.
        asks: Keywords of the call.
        model: The deployment's name.
        base: Path of the endpoint.
        ways: ``"whole"``, ``"streamed"`` or ``"both"``; ``"embed"``.
        role: The role of a message before the user's.
        settings: Keywords of the connection.
    """

    id: str
    seen: Callable[[Request], Any]
    first: Any
    then: Any
    refusal: Reply
    asks: dict[str, Any] = field(default_factory=dict)
    model: str = "deployed"
    base: str = "/openai/v1"
    ways: str = "both"
    role: str = ""
    settings: dict[str, Any] = field(default_factory=dict)

    def serve(self, server: ScriptedServer) -> None:
        """Let a server have the habit."""
        server.strict = False

        def answer(request: Request) -> Any:
            if self.seen(request) == self.first:
                return self.refusal
            return default_answer(str(route_of(request.path)), request)

        server.reply_always(answer)


USE_OTHER = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
ON_DATA = (
    "An error occurred when calling Azure OpenAI: Server responded with status 400. Error message: {'error': "
    f"{{'message': \"{USE_OTHER}\", 'type': 'invalid_request_error', 'param': 'max_tokens', "
    "'code': 'unsupported_parameter'}}"
)
OLD, NEW = ["max_tokens"], ["max_completion_tokens"]
COUNTS = {"include_usage": True}
EFFORT = (
    "Function tools with reasoning_effort are not supported for {} in /v1/chat/completions. To use function tools, "
    "use /v1/responses or set reasoning_effort to 'none'."
)
MODELS = "/models"
DEPLOYMENT = "/openai/deployments/deployed"
SCHEMA_FROM = "response_format value as json_schema is enabled only for api versions {} and later"
HELP = "Please check this guide to understand why this code was returned \nhttps://docs.example/codes\n"
MANAGED = {"ms-azureml-model-error-statuscode": "400", "ms-azureml-model-error-reason": "model_error"}

_NEWER = openai(USE_OTHER, "max_tokens", "unsupported_parameter")
_CHOICE_IS_TEXT = pydantic("tool_choice", kind="string_type", msg="Input should be a valid string")
_ROLE = pydantic(
    "messages", 0, "role", kind="enum", msg="Input should be 'system', 'user', 'assistant' or 'tool'"
)

HABITS = (
    Habit("limit-v1", limit, OLD, NEW, _NEWER, {"max_tokens": 99}),
    Habit("limit-models", limit, OLD, NEW, _NEWER, {"max_tokens": 99}, base=MODELS),
    Habit("limit-deployment", limit, OLD, NEW, _NEWER, {"max_tokens": 99}, base=DEPLOYMENT),
    Habit("limit-on-data", limit, OLD, NEW, Reply(400, {"error": {"requestid": "1", "code": 400, "message": ON_DATA}}), {"max_tokens": 99}),
    Habit("limit-older", limit, NEW, OLD, Reply(422, {"detail": pydantic("max_completion_tokens")}), {"max_completion_tokens": 99}, base=""),
    Habit("limit-older-models", limit, NEW, OLD, in_message("max_completion_tokens"), {"max_completion_tokens": 99}, base=MODELS),
    Habit("limit-older-pointer", limit, NEW, OLD, pointer("max_completion_tokens"), {"max_completion_tokens": 99}, base=DEPLOYMENT),
    Habit("limit-older-schema", limit, NEW, OLD, openai("Additional properties are not allowed ('max_completion_tokens' was unexpected)"), {"max_completion_tokens": 99}),
    Habit("limit-older-unrecognized", limit, NEW, OLD, openai("Unrecognized request argument supplied: max_completion_tokens"), {"max_completion_tokens": 99}),
    Habit("limit-older-grok", limit, NEW, OLD, Reply(400, {"code": "Client specified an invalid argument", "error": "Argument not supported on this model: max_completion_tokens"}), {"max_completion_tokens": 99}),
    Habit("limit-not-supported", limit, OLD, NEW, Reply(422, {"status": 422, "code": "parameter_not_supported", "detail": {"loc": ["body", "max_tokens"], "input": 99}, "message": "One of the parameters contain invalid values."}), {"max_tokens": 99}, base=""),
    Habit("limit-prose", limit, OLD, NEW, openai("This model does not support max_tokens.", "max_tokens"), {"max_tokens": 99}),
    Habit("limit-deprecated", limit, OLD, NEW, openai("'max_tokens' is deprecated; please use 'max_completion_tokens'."), {"max_tokens": 99}),
    Habit("limit-not-available", limit, OLD, NEW, openai("max_tokens is not available for reasoning models."), {"max_tokens": 99}),
    Habit("limit-managed", limit, NEW, OLD, Reply(424, {"detail": pydantic("max_completion_tokens")}, MANAGED), {"max_completion_tokens": 99}, base=""),
    Habit("limit-managed-plain", limit, NEW, OLD, Reply(424, "max_completion_tokens is not supported\n" + HELP, MANAGED, "text/plain"), {"max_completion_tokens": 99}, base=""),
    Habit("limit-misnamed-family", limit, NEW, OLD, Reply(422, {"detail": pydantic("max_completion_tokens")}), {"max_tokens": 99}, model="gpt-5"),
    Habit("usage-in-message", asks_usage, COUNTS, None, in_message("stream_options", "include_usage"), base=MODELS, ways="streamed"),
    Habit("usage-repr", asks_usage, COUNTS, None, Reply(422, {"error": {"code": "Invalid input", "message": str(pydantic("stream_options")), "status": 422}}), base=MODELS, ways="streamed"),
    Habit("usage-pointer", asks_usage, COUNTS, None, pointer("stream_options"), base=DEPLOYMENT, ways="streamed"),
    Habit("usage-list", asks_usage, COUNTS, None, Reply(422, {"detail": pydantic("stream_options", "include_usage")}), model="Mistral-Large-3", ways="streamed"),
    Habit("usage-unrecognized", asks_usage, COUNTS, None, openai("Unrecognized request argument supplied: stream_options"), ways="streamed"),
    Habit("no-streams-422", streams, (True, COUNTS), (None, None), Reply(422, {"error": {"code": "OperationParameterInvalid", "message": "Streaming responses are not currently supported"}}), base=MODELS, ways="streamed"),
    Habit("no-streams-400", streams, (True, COUNTS), (None, None), openai("Unsupported value: 'stream' does not support true with this model. Only the default (false) value is supported.", "stream", "unsupported_value"), base=DEPLOYMENT, ways="streamed"),
    Habit("no-streams-prose", streams, (True, None), (None, None), Reply(400, {"error": {"message": "This model does not support streaming.", "code": "BadRequest"}}), base="", ways="streamed"),
    Habit("no-streams-off", streams, (True, None), (None, None), Reply(424, "Streaming is not enabled for this deployment\n" + HELP, MANAGED, "text/plain"), base="", ways="streamed"),
    Habit("no-streams-disabled", streams, (True, COUNTS), (None, None), openai("Streaming is disabled for this model."), ways="streamed"),
    Habit("no-streams-501", streams, (True, COUNTS), (None, None), Reply(501, {"error": {"message": "Streaming is not implemented.", "code": "NotImplemented"}}), ways="streamed"),
    Habit("choice-by-name-prose", choice, (PLUS, ["plus", "minus"]), ("required", ["plus"]), Reply(400, {"error": {"message": "A named function is not supported here.", "code": "400"}}), {"tools": TOOLS, "tool_choice": PLUS}),
    Habit("choice-by-name-msrv", choice, (PLUS, ["plus", "minus"]), ("required", ["plus"]), Reply(424, {"error": {"code": "Invalid input", "status": 422, "message": "invalid input error", "details": _CHOICE_IS_TEXT}}, MANAGED), {"tools": TOOLS, "tool_choice": PLUS}, base=""),
    Habit("choice-by-name", choice, (PLUS, ["plus", "minus"]), ("required", ["plus"]), Reply(422, {"error": {"code": "Invalid input", "status": 422, "message": "invalid input error", "details": _CHOICE_IS_TEXT}}), {"tools": TOOLS, "tool_choice": PLUS}, base=MODELS),
    Habit("effort-unknown", effort, None, "none", openai(EFFORT.format("gpt-6"), "reasoning_effort"), {"tools": TOOLS}),
    Habit("effort-none-refused", effort, "none", None, openai(EFFORT.format("gpt-5.6-luna"), "reasoning_effort"), {"tools": TOOLS}, model="gpt-5.6-luna"),
    Habit("effort-none-unknown", effort, "none", None, openai("Invalid value: 'none'. Supported values are: 'low', 'medium', and 'high'.", "reasoning_effort", "invalid_value"), {"tools": TOOLS}, model="gpt-6-sol"),
    Habit("role-developer", roles, ["developer", "user"], ["system", "user"], Reply(422, {"error": {"code": "Invalid input", "status": 422, "message": "invalid input error", "details": _ROLE}}), base=MODELS, role="developer"),
    Habit("role-developer-variant", roles, ["developer", "user"], ["system", "user"], Reply(422, {"detail": "messages[0]: unknown variant `developer`, expected one of `system`, `user`, `assistant`, `tool`"}), role="developer"),
    Habit("role-developer-prose", roles, ["developer", "user"], ["system", "user"], Reply(400, "TemplateError: Only user, assistant, system and tool roles are supported", {}, "text/plain"), role="developer"),
    Habit("role-system", roles, ["system", "user"], ["developer", "user"], openai("Unsupported value: 'messages[0].role' does not support 'system' with this model.", "messages[0].role", "unsupported_value"), role="system"),
    Habit("schema-version", version, "2024-05-01-preview", "2024-08-01-preview", Reply(400, {"error": {"code": "BadRequest", "message": SCHEMA_FROM.format("2024-08-01-preview")}}), {"response_format": SCHEMA}, base=MODELS),
    Habit("schema-version-later", version, "2024-12-01-preview", "2025-03-01-preview", openai(SCHEMA_FROM.format("2025-03-01-preview"), "response_format"), {"response_format": SCHEMA}, base=MODELS, model="gpt-4.1"),
    Habit("model-version", version, "2025-01-01-preview", "2025-04-01-preview", Reply(400, {"error": {"code": "BadRequest", "message": "Model o9 is enabled only for api versions 2025-04-01-preview and later"}}), base=DEPLOYMENT),
    Habit("base64-422", encoding, "base64", None, Reply(422, {"detail": pydantic("encoding_format", kind="literal_error", msg="Input should be 'float'")}), base="", ways="embed"),
    Habit("base64-424-plain", encoding, "base64", None, Reply(424, "encoding_format base64 is not supported by this model\n" + HELP, MANAGED, "text/plain"), base="", ways="embed"),
    Habit("base64-floats-only", encoding, "base64", None, Reply(400, {"error": "Only float embeddings are supported"}), base="", ways="embed"),
    Habit("input-type-422", input_type, "query", None, Reply(422, {"detail": pydantic("input_type")}), base="", ways="embed"),
    Habit("input-type-unrecognized", input_type, "query", None, openai("Unrecognized request argument supplied: input_type"), base=MODELS, ways="embed"),
    Habit("input-type-pointer", input_type, "query", None, pointer("input_type"), base=MODELS, ways="embed"),
)  # fmt: skip
