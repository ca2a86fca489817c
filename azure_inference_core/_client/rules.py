"""The table of habits: what deployments refuse, which other form of it there is, and with which a request begins.

Bodies are those of ``tests/core/test_habits.py``, each with its source; ``docs/habits.md`` is made of this table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from azure_inference_core._client.habits import GIVEN, LEFT_OUT, Rule, Said
from azure_inference_core._request.parameters import OUTPUT_LIMITS, Draft, plain_format
from azure_inference_core._request.strict_json import kind_of
from azure_inference_core._request.tools import ImpliedChoice
from azure_inference_core.errors import ConfigurationError

_UNKNOWN_NAME = re.compile(
    r"unsupported parameter|unsupported_parameter|unrecognized|unrecognised|unknown|unexpected|extra_forbidden"
    r"|extra (?:inputs|fields|parameters)|additional properties|not (?:supported|permitted|allowed|recognized)|instead",
    re.IGNORECASE,
)
_ROLE = re.compile(r"\brole\b", re.IGNORECASE)
_NO_SYSTEM = re.compile(
    r"(?:not support|unsupported|invalid|unknown|not allowed)\W[^.]{0,60}\bsystem\b"
    r"|\bsystem\b[^.,]{0,40}\bnot (?:be )?(?:support|allow|permit)",
    re.IGNORECASE,
)
_VERSION = re.compile(r"20\d\d-\d\d-\d\d(?:-preview)?")


_INSTRUCTIONS = frozenset(("system", "developer"))


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
        params = draft.params
        used = [name for name in params if name in OUTPUT_LIMITS]
        if used == [form]:
            return
        limit = [params.pop(name) for name in used][-1]
        draft.add(form, limit)

    def refuses(self, form: str, said: Said) -> bool:
        # A value that is too large is no other name's business.
        return (form in said.names or form in said.text) and bool(_UNKNOWN_NAME.search(said.text))

    def other(self, draft: Draft, form: str, said: Said) -> str | None:  # noqa: ARG002
        if draft.own == "prompt" or (form == "max_tokens" and _judged(draft)):
            return None
        return OUTPUT_LIMITS[1 - OUTPUT_LIMITS.index(form)]


class _Streaming(Rule):
    name = "stream"
    what = "streams"
    instead = "the answer is asked for whole and given as one piece"
    known = "by family (o1 does not stream)"
    refusal = re.compile(
        r"\bstream(?:s|ing|ed)?\b(?! options)[^.]{0,60}\bnot\b[^.]{0,20}\b(?:support|available|enabled|allowed|implemented)"
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
    known = (
        "by family; an unknown model is asked, except at its own serverless endpoint; never with data_sources"
    )
    refusal = re.compile(r"stream[_ ]options|include_usage", re.IGNORECASE)
    way_out = "Leave stream_usage out: counts are asked for where the model takes the question."

    def first(self, draft: Draft) -> str | None:
        params, family = draft.params, draft.family
        wanted = params.get("stream_usage")
        if not draft.stream or wanted is False:
            return None
        if wanted:
            return GIVEN
        unasked = family.stream_usage != "ask" if family.name else draft.counts_unasked
        if unasked or _judged(draft) or "data_sources" in params:
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

    def __init__(self, name: str, refusal: str, what: str, instead: str, known: str) -> None:
        self.name = name
        self.what, self.instead, self.known = what, instead, known
        self.refusal = re.compile(refusal, re.IGNORECASE)

    def first(self, draft: Draft) -> str | None:
        return "sent" if self.name in draft.added else None

    def write(self, draft: Draft, form: str) -> None:
        if form == LEFT_OUT:
            del draft.params[self.name]


class _NamedChoice(Rule):
    name = "tool_choice"
    what = "a tool_choice that names a tool"
    instead = 'that tool alone is sent, with tool_choice "required"'
    known = "by family (DeepSeek, Mistral and Cohere have no choice by name)"
    refusal = re.compile(r"tool[_ ]choice|named tool", re.IGNORECASE)
    way_out = 'tool_choice="auto" leaves the choice to the model.'

    def first(self, draft: Draft) -> str | None:
        choice, family = draft.params.get("tool_choice"), draft.family
        if not isinstance(choice, Mapping):
            return None
        return "required" if family.tools and family.tool_choice == "required" else "named"

    def write(self, draft: Draft, form: str) -> None:
        if form == "required":
            params = draft.params
            wanted = params["tool_choice"]["function"]["name"]
            params["tools"] = [tool for tool in params["tools"] if tool["function"]["name"] == wanted]
            params["tool_choice"] = form

    def other(self, draft: Draft, form: str, said: Said) -> str | None:  # noqa: ARG002
        return "required" if form == "named" else None


class _ForcedChoice(Rule):
    name = "tool_choice"
    what = 'the tool_choice "required" of a structured output, or "auto", which is what holds without one'
    instead = "the choice is left to the model"
    known = "by family (gpt-oss, Kimi and Command A+ choose for themselves)"
    refusal = _NamedChoice.refusal
    way_out = _NamedChoice.way_out

    def first(self, draft: Draft) -> str | None:
        choice, family = draft.params.get("tool_choice"), draft.family
        if choice == "required":
            if not isinstance(choice, ImpliedChoice):
                return GIVEN
        elif choice != "auto":
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

    def other(self, draft: Draft, form: str, said: Said) -> str | None:  # noqa: ARG002
        return {"required": "auto", "auto": LEFT_OUT}.get(form)


class _Effort(Rule):
    name = "reasoning_effort"
    what = "tools beside the reasoning_effort that holds without one, or beside none"
    instead = 'reasoning_effort "none" is sent with tools, or left out'
    known = 'by family (GPT-5.6, 6 and 6.1: "none")'
    refusal = re.compile(r"reasoning[_.]effort", re.IGNORECASE)
    way_out = "Beside tools this model takes no reasoning_effort: leave it out, set it to 'none', or ask without tools."
    notices: ClassVar[Mapping[str, str]] = {
        "none": "gets reasoning_effort 'none' with tools, as it takes them in no other way here"
    }
    _beside_tools = re.compile(r"tools with reasoning[_.]effort", re.IGNORECASE)

    def first(self, draft: Draft) -> str | None:
        params = draft.params
        if "reasoning_effort" in params or "reasoning" in params:
            return GIVEN
        if not params.get("tools"):
            return None
        return "none" if draft.family.tools_need_effort_none else LEFT_OUT

    def write(self, draft: Draft, form: str) -> None:
        if form == "none":
            draft.add(self.name, "none")

    def refuses(self, form: str, said: Said) -> bool:
        if form == "none":
            return super().refuses(form, said)
        return bool(self._beside_tools.search(said.text))

    def other(self, draft: Draft, form: str, said: Said) -> str | None:  # noqa: ARG002
        return {"none": LEFT_OUT, LEFT_OUT: "none"}.get(form)


class _InstructionsRole(Rule):
    name = "messages"
    what = "the role developer, or system"
    instead = "instructions go under the other"
    known = "by family; where both stand in one request, as system"

    def first(self, draft: Draft) -> str | None:
        roles = _INSTRUCTIONS.intersection([message["role"] for message in draft.content])
        if not roles:
            return None
        if draft.family.system_role == "user":
            return "user"
        keeps = draft.family.system_role == "developer" and "system" not in roles
        return "developer" if keeps else "system"

    def write(self, draft: Draft, form: str) -> None:
        others = _INSTRUCTIONS - {form}
        if not others.isdisjoint([message["role"] for message in draft.content]):
            draft.content = [
                {**message, "role": form} if message["role"] in others else message
                for message in draft.content
            ]

    def refuses(self, form: str, said: Said) -> bool:
        if form == "developer":
            return "developer" in said.text or bool(self.name in said.names and _ROLE.search(said.text))
        return form == "system" and bool(_NO_SYSTEM.search(said.text))

    def other(self, draft: Draft, form: str, said: Said) -> str | None:  # noqa: ARG002
        return "system" if form == "developer" else "developer"


class _Version(Rule):
    what = "the api-version, naming the one from which it takes the request"
    instead = "the request goes to that one"
    way_out = "Pass api_version= with the version that the service names, or a later one."

    def __init__(self, *, schema: bool) -> None:
        self._schema = schema
        self.name = "response_format" if schema else "api-version"
        self.known = "by family (GPT with json_schema)" if schema else "the endpoint's default"

    def first(self, draft: Draft) -> str | None:
        wanted = draft.params.get("response_format")
        wanted = plain_format(wanted) if wanted is not None else None
        if self._schema is not (isinstance(wanted, Mapping) and wanted.get("type") == "json_schema"):
            return None
        if draft.is_version_chosen or not draft.api_version:
            return GIVEN
        return max(draft.api_version, draft.family.schema_version if self._schema else "")

    def write(self, draft: Draft, form: str) -> None:
        if form != GIVEN:
            draft.api_version = form

    def refuses(self, form: str, said: Said) -> bool:  # noqa: ARG002
        return bool(
            re.search(r"api[- _]?versions?\b", said.text, re.IGNORECASE) and _VERSION.search(said.text)
        )

    def other(self, draft: Draft, form: str, said: Said) -> str | None:  # noqa: ARG002
        if form == GIVEN:
            return None
        return next((version for version in _VERSION.findall(said.text) if version > form), None)


_WRITING: tuple[Rule, ...] = (_OutputLimit(), _Streaming(), _StreamUsage())
_CHAT: tuple[Rule, ...] = (
    *_WRITING,
    _NamedChoice(),
    _ForcedChoice(),
    _Effort(),
    _InstructionsRole(),
    _Version(schema=True),
    _Version(schema=False),
)
_EMBEDDING: tuple[Rule, ...] = (
    _Added(
        "encoding_format",
        r"encoding[_ ]?format|\bbase64\b(?![^.]{0,30}image)",
        "vectors as base64",
        "they are asked for as numbers",
        "always asked for, unless encoding_format is given",
    ),
    _Added(
        "input_type",
        r"input[_ ]?type",
        "input_type, which a framework's method implies",
        "texts go without",
        "by family; an unknown model gets it, except on OpenAI's routes",
    ),
)
RULES: dict[str, tuple[Rule, ...]] = {"messages": _CHAT, "prompt": _WRITING, "input": _EMBEDDING, "": ()}
"""The rules of a route, by its own field."""
