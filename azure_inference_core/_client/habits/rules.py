"""The table of habits: what deployments refuse, which other form of it there is, and with which a request begins.

The refusals behind it are rows of ``tests/support/habits.py``; ``docs/habits.md`` is made of this table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from azure_inference_core._client.habits.conversation import InstructionsRole, Reasoning
from azure_inference_core._client.habits.learning import GIVEN, LEFT_OUT, Rule, Said
from azure_inference_core._request.parameters import OUTPUT_LIMITS, Draft, plain_format
from azure_inference_core._request.strict_json import kind_of
from azure_inference_core._request.tools import ImpliedChoice
from azure_inference_core.errors import ConfigurationError

_UNKNOWN_NAME = re.compile(
    r"unsupported[_ ](?:parameter|argument)|unrecogni[sz]ed|unknown|unexpected|extra_forbidden|additional properties"
    r"|extra (?:inputs|fields|parameters)|not[_ ](?:support|permitted|allowed|recogni[sz]ed|available|accepted)|deprecated|instead",
    re.IGNORECASE,
)
_VALUE = re.compile(r"unsupported[_ ]value|too (?:large|high|big)|at (?:most|least)", re.IGNORECASE)
_VERSION = re.compile(r"20\d\d-\d\d-\d\d(?:-preview)?")


def _judged(draft: Draft) -> bool:
    """Whether the endpoint was told to refuse or drop extras: then nothing that is one may be added."""
    return draft.extras_header and draft.params.get("extra_parameters") in ("error", "drop")


class _OutputLimit(Rule):
    name = "max_tokens"
    what = "the name max_tokens, or max_completion_tokens"
    instead = "the limit goes by the other name"
    known = "by family; otherwise by the name you used"

    def first(self, draft: Draft) -> str | None:
        used = [name for name in draft.params if name in OUTPUT_LIMITS]
        if not used:
            return None
        if draft.own == "prompt":
            return "max_tokens"
        if _judged(draft):
            return used[-1]
        taken = draft.family.output_limit
        return used[-1] if taken == "either" or not draft.family.name else taken

    def write(self, draft: Draft, form: str) -> None:
        used = [name for name in draft.params if name in OUTPUT_LIMITS]
        if used != [form]:
            draft.add(form, [draft.params.pop(name) for name in used][-1])

    def refuses(self, form: str, said: Said) -> bool:
        named = form in said.names or form in said.text
        return named and bool(_UNKNOWN_NAME.search(said.text)) and not _VALUE.search(said.text)

    def other(self, draft: Draft, form: str, said: Said) -> str | None:  # noqa: ARG002
        if draft.own == "prompt" or (form == "max_tokens" and _judged(draft)):
            return None
        return OUTPUT_LIMITS[1 - OUTPUT_LIMITS.index(form)]


class _Streaming(Rule):
    name = "stream"
    what = "streams"
    instead = "the answer is asked for whole and given as one piece"
    known = "by family (o1 does not stream)"
    others: ClassVar[Mapping[str, str]] = {"streamed": LEFT_OUT}
    refusal = re.compile(
        r"\bstream(?:s|ing|ed)?\b(?! options)[^.]{0,60}\b(?:unsupported|disabled|not\b[^.]{0,20}\b(?:support|available|enabled|allowed|implemented))"
        r"|\bnot support\w*\b[^.]{0,30}\bstream(?:s|ing|ed)?\b|unsupported (?:value|parameter): 'stream'",
        re.IGNORECASE,
    )

    def first(self, draft: Draft) -> str | None:
        if not draft.stream:
            return None
        return "streamed" if draft.family.streams else LEFT_OUT

    def write(self, draft: Draft, form: str) -> None:
        draft.stream = form != LEFT_OUT


class _StreamUsage(Rule):
    name = "stream_options"
    what = "stream_options, by which the token counts of a stream are asked for"
    instead = "streams are asked for without"
    known = "asked on OpenAI's routes; else by family, an unknown model on `/models` only; never with data_sources"
    others: ClassVar[Mapping[str, str]] = {"asked": LEFT_OUT}
    refusal = re.compile(r"stream[_ ]options|include_usage", re.IGNORECASE)
    way_out = "Leave stream_usage out: counts are asked for where the model takes the question."

    def first(self, draft: Draft) -> str | None:
        params, family = draft.params, draft.family
        wanted = params.get("stream_usage")
        if not draft.stream or wanted is False:
            return None
        if wanted:
            return GIVEN
        # Servers of OpenAI's routes send counts when asked only, whatever the model.
        by_model = family.stream_usage == "ask" if family.name else not draft.counts_unasked
        if (draft.extras_header and not by_model) or _judged(draft) or "data_sources" in params:
            return None
        return GIVEN if params.get("stream_options") else "asked"

    def write(self, draft: Draft, form: str) -> None:
        if form == LEFT_OUT:
            return
        given = draft.params.get("stream_options") or {}
        if not isinstance(given, Mapping):
            raise ConfigurationError(f"stream_options must be a mapping, not {kind_of(given)}")
        draft.add("stream_options", {"include_usage": True, **given})


class _Added(Rule):
    """What this package adds by itself and can leave out."""

    others: ClassVar[Mapping[str, str]] = {"sent": LEFT_OUT}

    def first(self, draft: Draft) -> str | None:
        return "sent" if self.name in draft.added else None

    def write(self, draft: Draft, form: str) -> None:
        if form == LEFT_OUT:
            del draft.params[self.name]


class _Base64(_Added):
    name = "encoding_format"
    what = "encoding_format, by which vectors are asked for as base64"
    instead = "they are asked for as numbers"
    known = "always asked for, unless you give encoding_format"
    refusal = re.compile(
        r"encoding[_ ]?format|\bbase64\b(?![^.]{0,30}image)|\bonly\b[^.]{0,20}\bfloat", re.IGNORECASE
    )


class _InputType(_Added):
    name = "input_type"
    what = "input_type, which a framework's method implies"
    instead = "texts go without"
    known = "by family; an unknown model gets it, except on OpenAI's routes"
    refusal = re.compile(r"input[_ ]?type(?!=)", re.IGNORECASE)  # pydantic writes "input_type=str" of any


class _NamedChoice(Rule):
    name = "tool_choice"
    what = "a tool_choice that names a tool"
    instead = 'that tool alone is sent, with tool_choice "required"'
    known = "by family (DeepSeek, Mistral and Cohere have no choice by name)"
    refusal = re.compile(r"tool[_ ]choice|(?:named|forced) (?:tool|function)", re.IGNORECASE)
    others: ClassVar[Mapping[str, str]] = {"named": "required"}
    way_out = 'tool_choice="auto" leaves the choice to the model.'

    def first(self, draft: Draft) -> str | None:
        choice, family = draft.params.get("tool_choice"), draft.family
        if not isinstance(choice, Mapping):
            return None
        return "required" if family.tools and family.tool_choice == "required" else "named"

    def write(self, draft: Draft, form: str) -> None:
        if form == "required":
            tools, wanted = draft.params["tools"], draft.params["tool_choice"]["function"]["name"]
            draft.params["tools"] = [tool for tool in tools if tool["function"]["name"] == wanted]
            draft.params["tool_choice"] = form


class _ForcedChoice(Rule):
    name = "tool_choice"
    what = 'the tool_choice "required" of a structured output, or "auto", which is what holds without one'
    instead = "the choice is left to the model"
    known = "by family (gpt-oss, Kimi and Command A+ choose for themselves)"
    others: ClassVar[Mapping[str, str]] = {"required": "auto", "auto": LEFT_OUT}
    refusal = _NamedChoice.refusal
    way_out = _NamedChoice.way_out

    def first(self, draft: Draft) -> str | None:
        choice, family = draft.params.get("tool_choice"), draft.family
        if choice == "required" and not isinstance(choice, ImpliedChoice):
            return GIVEN
        if choice not in ("required", "auto"):
            return None
        if self.name in family.refuses:
            return LEFT_OUT
        return "auto" if family.tools and family.tool_choice == "auto" else str(choice)

    def write(self, draft: Draft, form: str) -> None:
        if form != GIVEN:
            draft.params[self.name] = None if form == LEFT_OUT else form

    def refuses(self, form: str, said: Said) -> bool:
        # A server without a parser of calls is as deaf to tools without a choice.
        return super().refuses(form, said) and "enable-auto-tool-choice" not in said.text


class _Effort(Rule):
    name = "reasoning_effort"
    what = "tools without a reasoning_effort, or with none"
    instead = 'reasoning_effort "none" is sent with tools, or left out'
    known = 'by family (GPT-5.6, 6 and 6.1: "none")'
    others: ClassVar[Mapping[str, str]] = {"none": LEFT_OUT, LEFT_OUT: "none"}
    refusal = re.compile(r"reasoning[_. ]effort", re.IGNORECASE)
    way_out = "Beside tools this model takes no reasoning_effort: leave it out, set it to 'none', or ask without tools."
    notices: ClassVar[Mapping[str, str]] = {
        "none": "gets reasoning_effort 'none' with tools, as it takes them in no other way here"
    }
    _tools = re.compile(r"\btools?\b", re.IGNORECASE)

    def first(self, draft: Draft) -> str | None:
        params = draft.params
        if "reasoning_effort" in params or "reasoning" in params:
            return GIVEN
        if not params.get("tools") or _judged(draft):
            return None
        return "none" if draft.family.tools_need_effort_none else LEFT_OUT

    def write(self, draft: Draft, form: str) -> None:
        if form == "none":
            draft.add(self.name, "none")

    def refuses(self, form: str, said: Said) -> bool:
        named = self.name in said.names or bool(self.refusal.search(said.text))
        return named and (form == "none" or bool(self._tools.search(said.text)))


class _Version(Rule):
    name = "api-version"
    instead = "the request goes to that one"
    refusal = re.compile(
        r"api[- _]?versions?\b[^.]*\b20\d\d-|\b20\d\d-\d\d[^.]*\bapi[- _]?version", re.IGNORECASE
    )
    way_out = "Pass api_version= with the version that the service names, or a later one."

    def __init__(self, *, schema: bool) -> None:
        self._schema = schema
        self.what = f"the api-version{' for json_schema' if schema else ''}, naming one that will do"
        self.known = "by family (a later one for GPT)" if schema else "the endpoint's default"

    def first(self, draft: Draft) -> str | None:
        wanted = plain_format(draft.params.get("response_format"))
        is_schema = isinstance(wanted, Mapping) and wanted.get("type") == "json_schema"
        if is_schema is not self._schema or not draft.api_version:
            return None
        if draft.is_version_chosen:
            return GIVEN
        return max(draft.api_version, draft.family.schema_version if self._schema else "")

    def write(self, draft: Draft, form: str) -> None:
        if form != GIVEN:
            draft.api_version = form

    def other(self, draft: Draft, form: str, said: Said) -> str | None:  # noqa: ARG002
        later = (version for version in _VERSION.findall(said.text) if version > form)
        return None if form == GIVEN else next(later, None)


_WRITING: tuple[Rule, ...] = (_OutputLimit(), _Streaming(), _StreamUsage())
_TOOLS: tuple[Rule, ...] = (_NamedChoice(), _ForcedChoice(), _Effort())
_CHAT: tuple[Rule, ...] = (
    *_WRITING,
    *_TOOLS,
    InstructionsRole(),
    Reasoning(),
    _Version(schema=True),
    _Version(schema=False),
)
RULES: dict[str, tuple[Rule, ...]] = {
    "messages": _CHAT,
    "prompt": _WRITING,
    "input": (_Base64(), _InputType()),
    "": (),
}
"""The rules of a route, by its own field."""
