"""What an error body says, whatever its shape.

The services behind this API answer errors in about twenty shapes: FastAPI's ``detail``, Azure's and OpenAI's
``error`` object, a string ``error``, JSON inside a message, a Python ``repr`` inside a message, HTML from a
gateway. This module reads all of them into one `ErrorFacts`. It is pure, never raises, and decides nothing:
which class an error becomes is the business of ``judging``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from azure_inference_core._refusal.embedded import message_cut_off, parse_json, unpack
from azure_inference_core._refusal.naming import is_parameter, path_of, refused_in
from azure_inference_core.errors import RefusedParameter

__all__ = ["ErrorFacts", "failure_in", "read_error_body", "read_error_value"]

_NESTING = 12  # a gateway wraps a server's error, which wraps the engine's list of complaints
_MESSAGE_LIMIT = 4096
# fmt: off
_MESSAGE_KEYS = (
    "message", "Message", "errorMessage", "msg", "error", "detail",
    "details", "error_description", "description", "title", "status",
)
# fmt: on
_STATUS_KEYS = ("status", "statusCode", "status_code")
_CONTENT_KEYS = ("choices", "data", "usage", "prompt_filter_results", "model_name", "model_type")
_FILTER_KEYS = ("content_filter_result", "content_filter_results")
# Code names that only repeat the status; anything more exact is preferred.
_GENERIC_CODES = frozenset(
    """bad request|unauthorized|forbidden|not found|method not allowed|conflict|invalid input|internal server error
    |bad gateway|service unavailable|gateway timeout|unknown status code""".replace("\n    ", "").split("|")
)


@dataclass
class ErrorFacts:
    """What was found in an error body.

    Attributes:
        message: The service's words, as it wrote them; empty when there were none worth quoting.
        said: All its words, those that only repeat or surround the message too.
        codes: Every code found, outermost first.
        kinds: Every ``type`` found (OpenAI's and pydantic's), outermost first.
        status: The status the body itself names.
        param: OpenAI's ``param``.
        refused: The parameters the service complained about.
        filters: Content safety's verdict by category.
        headers: What stands in the body and belongs into headers: waits, by the headers' names.
        form: What the body is when it is not a report at all, e.g. ``"an HTML page"``.
    """

    message: str = ""
    said: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    status: int | None = None
    param: str | None = None
    refused: list[RefusedParameter] = field(default_factory=list)
    filters: dict[str, dict[str, Any]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    form: str = ""

    @property
    def code(self) -> str | None:
        """The most telling code: the first that does not just repeat the status."""
        telling = (c for c in self.codes if not c.isdigit() and c.lower() not in _GENERIC_CODES)
        kinds = (kind for kind in self.kinds if "://" not in kind)
        return next(telling, None) or next(iter(self.codes), None) or next(kinds, None)

    @property
    def words(self) -> set[str]:
        """Every code and type, in lower case."""
        return {word.lower() for word in (*self.codes, *self.kinds)}

    @property
    def told(self) -> str:
        """Everything in one text, to look for words in."""
        complaints = (refused.message for refused in self.refused)
        return "\n".join((*self.codes, *self.kinds, *self.said, *complaints))[: 2 * _MESSAGE_LIMIT]


def read_error_body(body: bytes) -> ErrorFacts:
    """Read the body of a status error.

    Args:
        body: The bytes, of any kind. The content type is ignored: services mislabel errors.
    """
    text = body.decode("utf-8", "replace").lstrip("\ufeff").strip()
    if text.startswith("<"):
        return ErrorFacts(form="an XML document" if text.startswith("<?xml") else "an HTML page")
    value = parse_json(text)
    if value is not None:
        return read_error_value(value)
    if _looks_binary(text):
        return ErrorFacts(form="binary data")
    return read_error_value(text)


def read_error_value(value: Any) -> ErrorFacts:
    """Read an error that is decoded already, e.g. the event of a stream.

    Args:
        value: Decoded JSON or plain text.
    """
    facts = ErrorFacts()
    _read(facts, value, _NESTING)
    _read_refusals(facts)
    return facts


def failure_in(answer: dict[str, Any]) -> dict[str, Any] | None:
    """What reports a failure in an answer, or an event of a stream, that came with a success; ``None``: nothing.

    Beside content (or in a choice) an error has to say something: gateways write ``"error": null``, ``{}`` or
    ``{"code": null}`` into every answer. Without content ``{"error": {}}`` is what JavaScript makes of an exception.
    """
    if _tells_error(answer) or "error" in (answer.get("object"), answer.get("type")):
        return answer
    choices = answer.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and _tells_error(choice):
            return choice
    if any(answer.get(key) for key in _CONTENT_KEYS):
        return None
    facts = read_error_value(answer)
    coded = facts.codes or (facts.status or 0) >= 400 or answer.get("status") == "error"
    if isinstance(answer.get("error"), (dict, str)) or answer.get("detail") or answer.get("errors"):
        return answer
    return answer if facts.message and coded else None


def _tells_error(value: dict[str, Any]) -> bool:
    error = value.get("error")
    return any(error.values()) if isinstance(error, dict) else bool(error)


def _read(facts: ErrorFacts, value: Any, levels: int) -> None:
    if not levels:
        return
    if isinstance(value, str):
        _read_text(facts, value, levels)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _read(facts, item, levels - 1)
    elif isinstance(value, Mapping):
        if "loc" in value:
            _read_violation(facts, value)
        else:
            _read_object(facts, value, levels)


def _read_object(facts: ErrorFacts, value: Mapping[Any, Any], levels: int) -> None:
    if isinstance(value.get("error"), (Mapping, list)):
        _read(facts, value["error"], levels - 1)
    _read_labels(facts, value)
    for key in _FILTER_KEYS:
        _read_filters(facts, value.get(key))
    for key in _MESSAGE_KEYS:
        if isinstance(value.get(key), str):
            _read_text(facts, value[key], levels)
    for key in ("innererror", "inner_error", "detail", "details", "errors", "message"):
        if isinstance(value.get(key), (list, Mapping)):
            _read(facts, value[key], levels - 1)
    errors = value.get("errors")
    for name, said in errors.items() if isinstance(errors, Mapping) else ():  # ASP.NET's problem details
        if isinstance(said, list):
            facts.refused.append(
                RefusedParameter(path_of(str(name)) or "body", None, "; ".join(map(str, said)))
            )


def _read_labels(facts: ErrorFacts, value: Mapping[Any, Any]) -> None:
    _add_word(facts.codes, value.get("code"))
    _add_word(facts.kinds, value.get("type"))
    for key in _STATUS_KEYS:
        facts.status = facts.status or _status(value.get(key))
    for key in (
        "param",
        "target",
    ):  # OpenAI's name of it, and that of Azure's guidelines, which can be anything
        named = value.get(key)
        if facts.param is None and isinstance(named, str) and (key == "param" or is_parameter(named)):
            facts.param = named
    held = value.get("headers")
    for name, told in (*value.items(), *(held.items() if isinstance(held, Mapping) else ())):
        header = re.sub(r"(?<=[a-z])(?=[A-Z])|_", "-", str(name)).lower().removesuffix("-seconds")
        if "retry-after" in header and isinstance(told, (str, int, float)):
            facts.headers.setdefault(header, str(told))


def _read_text(facts: ErrorFacts, text: str, levels: int) -> None:
    before, found = unpack(text)
    if before:
        # What is quoted amid prose may be the caller's own JSON: only reports of errors are read from it.
        found = [value for value in found if _is_report(value)]
        if not found:
            before = text.strip()
    facts.said.append(before[:_MESSAGE_LIMIT])
    _read(facts, found, levels - 1)
    if not facts.message and not before.isdigit():
        facts.message = ((not found and message_cut_off(before)) or before)[:_MESSAGE_LIMIT]


def _is_report(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_is_report(item) for item in value)
    if not isinstance(value, Mapping):
        return False
    error = value.get("error")
    if isinstance(error, Mapping):
        return any(key in error for key in ("message", "code"))
    is_told = isinstance(value.get("message"), str) and any(
        key in value for key in ("code", "param", "statusCode")
    )
    return is_told or "loc" in value or value.get("object") == "error" or _is_report(value.get("detail"))


def _read_violation(facts: ErrorFacts, value: Mapping[Any, Any]) -> None:
    kind, loc = value.get("type"), value["loc"]
    _add_word(facts.kinds, kind)
    parts = [str(part) for part in loc] if isinstance(loc, (list, tuple)) else str(loc).split(".")
    # pydantic writes the branch of a union into the path: "list[function-after[...]]" is no key.
    parts = [part for part in parts if "[" not in part and "(" not in part]
    if parts[:1] == ["body"] and len(parts) > 1 and kind != "json_invalid":
        parts = parts[1:]
    elif kind == "json_invalid":
        parts = ["body"]
    # The "input" of a missing field is the object around it, not a value of its own.
    echoed = None if kind == "missing" else value.get("input", value.get("value"))
    said = value.get("msg", value.get("message"))
    name = ".".join(parts) or "body"
    facts.refused.append(RefusedParameter(name, echoed, said if isinstance(said, str) else ""))


def _read_filters(facts: ErrorFacts, verdict: Any) -> None:
    if not isinstance(verdict, Mapping):
        return
    for category, result in verdict.items():
        if isinstance(result, Mapping):
            # Azure OpenAI writes "self-harm" in some versions and "self_harm" in others.
            facts.filters[str(category).replace("-", "_")] = dict(result)


def _read_refusals(facts: ErrorFacts) -> None:
    """Name the parameters that only the text or ``param`` names, and complete the rest."""
    if not facts.refused:
        for text in dict.fromkeys((facts.message, *facts.said)):
            facts.refused = [
                r if r.message else r._replace(message=text) for r in refused_in(text[:_MESSAGE_LIMIT])
            ]
            if facts.refused:
                break
        param = path_of(facts.param or "")
        if param and not any(re.match(rf"{re.escape(param)}(?![\w-])", r.name) for r in facts.refused):
            facts.refused = [RefusedParameter(param, None, "")]
    facts.refused = [r if r.message else r._replace(message=facts.message) for r in facts.refused]


def _looks_binary(text: str) -> bool:
    odd = sum(1 for c in text[:2000] if c == "\ufffd" or (c < " " and c not in "\t\r\n"))
    return odd * 20 > len(text[:2000])


def _add_word(words: list[str], value: Any) -> None:
    if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "":
        words.append(str(value)[:100])


def _status(value: Any) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[1-5][0-9]{2}", value):
        value = int(value)
    return value if type(value) is int and 100 <= value <= 599 else None
