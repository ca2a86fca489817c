"""Tools: names and ids that the API and the models take, the way back, and the arguments of a call. Pure."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import secrets
import string
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from azure_inference_core._request.strict_json import kind_of
from azure_inference_core.errors import ConfigurationError

CHOICES = ("auto", "none", "required")
_LONGEST_NAME = 64
ALPHABET = string.digits + string.ascii_letters
_SINGLE_QUOTES = re.compile(r"\{\s*'")
_FENCE = re.compile(r"```[a-zA-Z]*\s*(.*?)\s*(?:```[^`]*)?", re.DOTALL)
_STRING = re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)
_OBJECT = re.compile(r"([^{]*)(\{.*\})[^{}]*", re.DOTALL)
_OPENINGS = ("{", "[", '"', "`")
# Templates of R1 open the thought themselves; a line's end beside the mark is what no JSON has.
_THOUGHT = re.compile(r"(?:(?:<think>.*?</think>\s*)+|.*?(?:\n\s*</think>|</think>\s*\n)\s*)", re.DOTALL)


def legal_name(name: str) -> str:
    """A name as the API wants it: 1 to 64 letters, digits, ``_`` and ``-``; the same for the same name, always.

    What is too long keeps its beginning and gets a mark of the whole, so that two long names stay two.
    """
    legal = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    if len(legal) <= _LONGEST_NAME:
        return legal
    return f"{legal[:55]}_{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"


def new_call_id() -> str:
    """An id for a tool call that came without one: nine letters and digits, which every model takes."""
    return "".join(secrets.choice(ALPHABET) for _ in range(9))


def read_arguments(text: str, *, may_be_empty: bool = True) -> dict[str, Any]:
    """The arguments of a tool call as a model wrote them; none is ``{}``, if that may be.

    Read are JSON, JSON with raw line ends in its strings, Python's single quotes (Cohere's models on this API), each
    in a code fence too, and an object that was encoded twice. Nothing is completed or guessed: what was cut off is not
    read.

    Raises:
        ValueError: They are no object in any of these forms; the text says what they are.
    """
    if not text.strip():
        if may_be_empty:
            return {}
        raise ValueError("the arguments are not a JSON object: nothing was written")
    try:
        value = _value(text)
        if isinstance(value, str):
            value = _value(value)
    except ValueError as error:
        raise ValueError(f"the arguments are not JSON: {error}") from None
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise ValueError("the arguments are JSON, but not an object")
    return value


class ImpliedChoice(str):
    """A choice that a framework's method implies and nobody asked for, so that a model's habits may change it."""

    __slots__ = ()


IMPLIED = ImpliedChoice("required")


def read_answer(text: str, finish_reason: str | None = None) -> Any:
    """The JSON of an answer's text, be it after ``<think>...</think>``, in a code fence or among words.

    Forms are those of :func:`read_arguments`. Among words, it is the object from the first brace to the last. In an
    answer that was cut off for its length, words may be those of a thought, and a plain value the beginning of another.

    Raises:
        ValueError: There is no whole JSON in it; the text says what it is.
    """
    is_cut = finish_reason == "length"
    answer = text.strip()
    if answer[:1] not in _OPENINGS and (thought := _THOUGHT.match(answer)):
        answer = answer[thought.end() :]
    try:
        value = _value(answer)
        value = _value(value) if isinstance(value, str) and value.lstrip()[:1] in ("{", "[") else value
    except ValueError as error:
        try:
            return _value("" if is_cut else _among_words(answer))
        except ValueError:
            raise ValueError(f"the answer is not JSON: {error}") from None
    if is_cut and not isinstance(value, (dict, list)):
        raise ValueError("a plain value may be the beginning of another")
    return value


def _among_words(text: str) -> str:
    """The one object among words; an object in an array, a text or a thought that was cut off is not the answer."""
    found = _OBJECT.fullmatch(text)
    if not found or text.startswith("<think>"):
        return ""
    words = _STRING.sub("", found[1])
    return "" if words.count("[") > words.count("]") or '"' in words else found[2]


def _value(text: str) -> Any:
    text = text.strip()
    if fence := _FENCE.fullmatch(text):
        text = fence.group(1).strip()
    try:
        value = ast.literal_eval(text) if _SINGLE_QUOTES.match(text) else json.loads(text, strict=False)
        # What JSON cannot carry cannot go back.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(str(error)[:200]) from None
    return value


def forced_tools(tools: Sequence[Any], choice: Any) -> frozenset[str]:
    """The tools with parameters one of which has to be called: a call without arguments answers nothing."""
    if choice in (None, "auto", "none"):
        return frozenset()
    functions = [tool.get("function") for tool in tools if isinstance(tool, Mapping)]
    return frozenset(
        str(function.get("name"))
        for function in functions
        if isinstance(function, Mapping)
        and isinstance(parameters := function.get("parameters"), Mapping)
        and parameters.get("properties")
    )


def may_be_empty(name: str | None, forced: frozenset[str], finish_reason: str | None) -> bool:
    """Whether a call whose arguments are no text at all can be one without arguments, and not one that was cut off."""
    return name not in forced and finish_reason not in ("length", "content_filter")


class Tools(NamedTuple):
    """The tools of one call, as they are sent.

    Attributes:
        tools: Their definitions.
        choice: The choice among them.
        given: The caller's names by those that are sent, where they differ.
    """

    tools: list[dict[str, Any]]
    choice: str | dict[str, Any] | None
    given: dict[str, str]


def legal_tools(tools: Any, choice: Any) -> Tools:
    """Check tools and the choice among them, and put them as the API takes them.

    Raises:
        ConfigurationError: A tool or the choice cannot be sent; the text names it.
    """
    if isinstance(tools, (str, bytes, Mapping)) or not isinstance(tools, Sequence):
        raise ConfigurationError(f"tools must be a list, not {kind_of(tools)}")
    given: dict[str, str] = {}
    legal = [_legal_tool(tool, f"tools[{position}]", given) for position, tool in enumerate(tools)]
    choice = _legal_choice(choice, given)
    return Tools(legal, choice, {sent: name for sent, name in given.items() if sent != name})


def _legal_tool(tool: Any, where: str, given: dict[str, str]) -> dict[str, Any]:
    function = tool.get("function") if isinstance(tool, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(name, str) or not name:
        raise ConfigurationError(f"{where} has no function name")
    sent = legal_name(name)
    if sent in given:
        other = given[sent]
        if other == name:
            raise ConfigurationError(f"{where}: two tools are named {name!r}")
        raise ConfigurationError(
            f"the tools {other!r} and {name!r} have the same name for the model: {sent!r}"
        )
    given[sent] = name
    parameters = function.get("parameters")
    if parameters is not None and not isinstance(parameters, Mapping):
        raise ConfigurationError(f"{where}.function.parameters must be a JSON schema object")
    return {**tool, "function": {**function, "name": sent}} if sent != name else dict(tool)


def _legal_choice(choice: Any, given: Mapping[str, str]) -> str | dict[str, Any] | None:
    if choice is None:
        return None
    named = None
    if isinstance(choice, Mapping):
        function = choice.get("function")
        named = function.get("name") if isinstance(function, Mapping) else None
        if choice.get("type") != "function" or not isinstance(named, str):
            raise ConfigurationError(
                "tool_choice as a dict must be {'type': 'function', 'function': {'name': ...}}"
            )
    elif choice not in CHOICES:
        raise ConfigurationError(f"tool_choice must be one of {', '.join(CHOICES)} or a named function")
    if not given:
        if named or choice == "required":
            raise ConfigurationError("tool_choice asks for a tool call, but there are no tools")
        return None
    if named is None:
        return choice if isinstance(choice, ImpliedChoice) else str(choice)
    sent = legal_name(named)
    if sent not in given:
        raise ConfigurationError(
            f"tool_choice names {named!r}, which is not among the tools: {sorted(given.values())}"
        )
    return {**choice, "function": {**choice["function"], "name": sent}}
