"""Which parameters a refusal names, and what it says of each.

Services name what they refuse in a field of its own (``param``), by a path (``loc`` lists, JSON pointers, the paths of
jsonschema and pydantic), or in the middle of a sentence. Forms that are made for naming are believed whatever the name;
in a sentence only what is known to be a parameter is taken for one. Patterns are compiled at the first refusal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from azure_inference_core._request.parameters import COMMON
from azure_inference_core.errors import RefusedParameter

__all__ = ["is_parameter", "path_of", "refused_in"]

_OTHERS = """audio best_of data_sources documents echo extra_body function_call functions guided_json input logit_bias
logprobs max_completion_tokens messages metadata min_p modalities n parallel_tool_calls prediction prompt_cache_key
reasoning reasoning_effort safe_prompt safety_identifier service_tier store stream stream_options suffix thinking top_k
top_logprobs user verbosity web_search_options"""
"""Names that services know beside those of this API."""

_COMMON_WORDS = """audio documents echo functions input logprobs messages metadata model modalities n prediction
reasoning stop store stream suffix thinking tools user verbosity"""
"""Names that are words of a sentence, too: there they count only in quotes."""

_KNOWN = COMMON | frozenset(_OTHERS.split())
_WORDS = frozenset(_COMMON_WORDS.split())


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


_SPELLINGS = {spelling: name for name in _KNOWN for spelling in (name, _camel(name))}
_SPELLINGS |= {name.replace("_", " "): name for name in _KNOWN - {"input_type"} if "_" in name}
_SPELLINGS |= {spelling.capitalize(): name for spelling, name in _SPELLINGS.items() if name not in _WORDS}
_QUOTE = r"\\*['\"`]"
_NAME = r"[A-Za-z_$][\w.\-]*(?:\[\d+\][\w.\-]*)*"
_KNOWN_NAME = (
    rf"(?<![\w.\-])(?:{'|'.join(sorted(_SPELLINGS, key=len, reverse=True))})(?![\w\-])(?:[.\[][\w.\[\]\-]*)?"
)
_MEANT = rf"(?P<names>(?:{_QUOTE})?{_KNOWN_NAME})(?:{_QUOTE})?"
_THING = r"(?:parameter|argument|field|property|keyword argument|option)"
_LISTED = rf"(?:{_QUOTE})?{_NAME}(?:{_QUOTE})?"
_LIST = rf"(?:{_THING} )?(?P<names>[\[{{(][^\])}}\n]*|{_LISTED}(?:(?:,| and| or|, and) {_LISTED})*)"
_REFUSED = (
    r"(?:is|are|was|were) (?:currently )?(?:not (?:yet )?(?:supported|allowed|permitted|accepted|available|enabled"
    r"|recognized|valid)|un(?:supported|available|known|recognized|expected)|invalid|deprecated|required|enabled only"
    r"|too (?:large|small|long|short)|only (?:allowed|available|supported|permitted))"
)

_SCHEMA = r"\b(?:required property|is not (?:of type|one of|valid)|(?:less|greater) than|too (?:short|long)|does not match)\b"

_PATHS = (
    # Azure OpenAI's words, one a line: "Validation error at #/stream_options: ..."
    r"(?<![\w/])#(?P<path>/[^\s:'\",;)\]]+)['\"]?:?[ \t]?(?P<why>[^\n]*?)(?=;?\s?Validation error at |;|\n|$)",
    # jsonschema's words, with the path at their end
    (
        r"(?P<why>Additional properties are not allowed) \((?P<names>[^)\n]*) (?:was|were) unexpected\)"
        rf"(?: - {_QUOTE}(?P<at>{_NAME}){_QUOTE})?"
    ),
    rf"^(?P<why>[^\n]{{1,300}}?{_SCHEMA}[^\n]{{0,300}}?) - {_QUOTE}(?P<path>{_NAME}){_QUOTE}[ \t]*$",
    # pydantic: the path on a line, the complaint on the next; or both on one, as others write it
    (r"^(?P<path>[A-Za-z_][\w.\-\[\]]*(?: -> [\w.\-\[\]]+)*)\n[ \t]+(?P<why>[^\n\[(]{1,300})[\[(]type="),
    (
        rf"(?<![\w./\-])(?!(?i:type|error|value|body)\b(?!\.))(?P<path>{_NAME}): (?P<why>Extra inputs are not permitted"
        r"|[Ee]xtra fields not permitted|Field required|Input should [^\n\[]*|invalid type: [^\n]*|unknown variant [^\n]*)"
    ),
    # a complaint that could not be read as a structure, being cut off
    r"['\"]loc['\"]\s?:\s?[\[(](?P<path>[^\])\n]*)[\])](?:[^\n]{0,40}?['\"]msg['\"]\s?:\s?['\"](?P<why>[^'\"\n]*))?",
)
"""Each complaint names its parameter by a path, and has words of its own; all of them count."""

_LISTS = (
    r"(?P<names>(?i:tools) and tool_choice) are not supported",
    r"Extra parameters \[(?P<names>[^\]]*)\] are not allowed",
    (
        r"(?i:unsupported|unknown|unrecognized|unexpected|invalid|missing required|disallowed|extra)(?: request)?"
        rf" {_THING}(?:s|\(s\))?(?: supplied| provided)?\s*:\s*{_LIST}"
    ),
    rf"(?i:un(?:supported|known|recognized|expected)|invalid) {_THING} (?P<names>{_QUOTE}{_NAME}{_QUOTE})",
    rf"{_THING} (?P<names>{_QUOTE}{_NAME}{_QUOTE}) (?i:{_REFUSED}|is not a)",
    rf"(?:Unsupported|Unknown) value: (?P<names>{_QUOTE}{_NAME}{_QUOTE}) ",
    rf"(?i:(?:do|does|did) not (?:support|accept|allow|take)) (?:the )?{_THING}s?:? {_LIST}",
    rf"(?i:{_THING}s? (?:is |are )?not (?:supported|allowed|permitted|accepted))[^:\n.]{{0,60}}: {_LIST}",
    r"Function tools with (?P<names>\w+) are not supported",
    rf"{_QUOTE}\$\.(?P<names>{_NAME}){_QUOTE} is invalid",
)
"""Made for naming: believed whatever the names."""

_SENTENCES = (
    rf"(?i:invalid|unsupported|unknown) (?:value|type|schema)s? (?:for|of|in) (?:the )?(?:{_THING} )?{_MEANT}",
    rf"(?i:invalid) (?P<names>{_QUOTE}{_KNOWN_NAME}){_QUOTE}",
    rf"{_MEANT}(?: {_THING}| value| type)?(?:(?: as)? (?:{_QUOTE})?\w+(?:{_QUOTE})?)? (?i:{_REFUSED})",
    (
        r"(?i:(?:do|does|can)(?: not|n't|not) (?:support|accept|take|be used with)) "
        rf"(?:(?:the|this|an?|setting|specifying|using|custom|sending|both) )*{_MEANT}"
    ),
    rf"(?:^|[:.] ){_MEANT} (?:must|should|cannot|can only|has to) ",
)
"""Only what is known to be a parameter is one here, and a common word only in quotes."""

_PHRASES = (
    (r"tool choice requires --enable-auto-tool-choice", ("tool_choice",)),
    (
        r"(?i)not support (?:json|structured)|(?:json mode|json_schema|json_object|structured outputs?)\W{0,2} (?:is|are) not supported",
        ("response_format",),
    ),
    (r"(?i)streaming (?:responses )?(?:is|are) not (?:currently )?supported|not support stream", ("stream",)),
    (
        (
            r"(?i)not support (?:function[ -]call|tool[ -](?:use|call)|tools\b)"
            r"|\b(?:function[ -]calling|tool[ -](?:use|calling)|tools) (?:is|are) not (?:supported|available|enabled)"
        ),
        ("tools",),
    ),
)
"""What is refused without its name."""


def refused_in(text: str) -> list[RefusedParameter]:
    """The parameters that a text refuses, with what it says of each where it says something."""
    if option := re.search(r"Unexpected EXTRA_PARAMETERS option ([^,]*),", text):
        return [RefusedParameter("extra-parameters", option[1], "")]
    complaints = [match for row in _PATHS for match in re.finditer(row, text, re.MULTILINE)]
    found = {name: why for match in complaints for name, why in _complaints_of(match)}
    if found:
        return [RefusedParameter(name, None, why) for name, why in found.items()]
    for row in _LISTS:
        if (match := re.search(row, text, re.MULTILINE)) and (listed := _names_in(match["names"])):
            return [RefusedParameter(name, None, "") for name in listed]
    for row in _SENTENCES:
        meant = (match["names"] for match in re.finditer(row, text, re.MULTILINE))
        if names := dict.fromkeys(path_of(name.strip("\\'\"`")) for name in meant if name not in _WORDS):
            return [RefusedParameter(name, None, "") for name in names]
    for phrase, fixed in _PHRASES:
        if re.search(phrase, text):
            return [RefusedParameter(name, None, "") for name in fixed]
    return []


def path_of(named: str) -> str:
    """A name as this package writes it: ``#/a/0/b``, ``$.a``, ``body.a`` and ``topP`` are ``a.0.b``, ``a``, ``a``, ``top_p``."""
    if named.startswith(("#/", "/")):
        parts = unquote(named).lstrip("#/").rstrip("/").split("/")
        named = ".".join(part.replace("~1", "/").replace("~0", "~") for part in parts)
    named = named.strip().removeprefix("$.").removeprefix("body.").rstrip(".-:")
    return _SPELLINGS.get(named) or (named.lower() if named.lower() in _KNOWN else named)


def is_parameter(named: str) -> bool:
    """Whether a name, or the first key of a path, is a parameter's that is known."""
    return re.split(r"[.\[]", path_of(named))[0] in _KNOWN


def _complaints_of(match: re.Match[str]) -> Iterator[tuple[str, str]]:
    groups = match.groupdict()
    why = (groups.get("why") or "").strip()
    if groups.get("names"):
        at = f"{groups['at']}." if groups.get("at") else ""
        for name in re.findall(r"'([^']+)'", groups["names"]):
            yield f"{at}{name}", why
    elif path := groups.get("path"):
        if "'" in path or '"' in path:  # the inside of a list
            path = ".".join(re.findall(r"[\w\-]+", path))
        if name := path_of(path.replace(" -> ", ".")):
            yield name, why


def _names_in(listed: str) -> list[str]:
    if listed.startswith("{"):
        return [path_of(name) for name in re.findall(rf"['\"]({_NAME})['\"]\s*:", listed)]
    names = dict.fromkeys(path_of(name) for name in re.findall(_NAME, listed))
    return [name for name in names if name not in ("and", "or")]
