"""The words of an error: one line, bounded, and nothing of the caller's in it.

A service's answer can quote the prompt, carry terminal escapes or be a whole HTML page, and ends up in logs. So
its words are cut short, made printable, and echoed values are shown by type wherever they may be the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from azure_inference_core._refusal.advising import Envelope, advice_for, is_about_roles
from azure_inference_core._refusal.reading import ErrorFacts
from azure_inference_core.errors import (
    AuthenticationError,
    ContentFilteredError,
    ContextLengthError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RedirectRefusedError,
    RefusedParameter,
    ServerError,
    StatusError,
    UnsupportedParameterError,
)

__all__ = ["clean", "text_of"]

IN_STREAM = "In the stream, "
_WORDS = 250
_PARAMETERS = 150
_VALUE = 60
# Values under these names are the conversation, or a secret someone passed as an extra.
_PRIVATE = re.compile(
    r"^(?:messages|input|prompt|documents|body)\b|(?:^|\.)(?:content|text|image|url|arguments)(?:\.|$)"
    r"|api[-_]?key|secret|password|credential|authorization|access[-_]?token",
    re.IGNORECASE,
)
# From here on a text quotes the request rather than talks about it.
_QUOTED = re.compile(r"\{\s*['\"]|\binput_value\s*=|<(?:!doctype|html|\?xml|head|body)\b", re.IGNORECASE)
_TRACEBACK = "Traceback (most recent call last)"
_STACK = r"(?s)\n[ \t]*(?:at [\w.<>$]+\(|File \").*"
_SECRET = re.compile(r"(?i)\b(bearer|key provided:|api[-_]?key[:=])\s*\S{6,}")


def clean(text: str, limit: int) -> str:
    """One printable line of at most ``limit`` characters; control and bidirectional characters are escaped."""
    line = " ".join(text[: 4 * limit].split())
    line = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in line)
    return line if len(line) <= limit else line[: limit - 3] + "..."


def words_text(message: str) -> str:
    """The service's own words, as far as they may be quoted."""
    message = re.sub(_STACK, "", _without_traceback(message))
    quoted = _QUOTED.search(message)
    if quoted:
        message = message[: quoted.start()].rstrip(" \t\r\n{[(,;:")
    return clean(_SECRET.sub(r"\1 ***", message), _WORDS)


def _without_traceback(message: str) -> str:
    """A server's frames are nobody's business; the exception at their end can be."""
    before, found, after = message.partition(_TRACEBACK)
    lines = [line.strip(" |\r\t") for line in after.splitlines()]
    raised = (line for line in reversed(lines) if re.match(r"[A-Za-z_][\w.]*(?:: |$)", line))
    return next(raised, before.strip(" |=\r\n")) if found else message


def short_form(name: str, value: Any) -> str:
    """A refused value for the text: itself if it is short and cannot be the prompt, else its type."""
    kind = type(value).__name__
    if isinstance(value, (list, tuple, Mapping, set)):
        return f" ({kind} of {len(value)})"
    if _PRIVATE.search(name):
        return f" ({kind})"
    if isinstance(value, str) and len(value) > _VALUE:
        return f" (str of {len(value)} characters)"
    if isinstance(value, int) and abs(value) > 10**18:
        return f" ({kind})"
    return "=" + clean(repr(value), _VALUE)


def parameters_text(parameters: Iterable[RefusedParameter]) -> str:
    """The refused parameters, each with its value's short form."""
    shown: list[str] = []
    for name, value, _ in parameters:
        text = clean(name, 80) + ("" if value is None else short_form(name, value))
        if text not in shown:
            shown.append(text)
    return clean(", ".join(shown[:6]) + (", ..." if len(shown) > 6 else ""), _PARAMETERS)


def filters_text(categories: Mapping[str, Mapping[str, Any]]) -> str:
    """The categories that blocked, e.g. ``violence (severity high), jailbreak``."""
    blocked = []
    for category, result in categories.items():
        if result.get("filtered") is True or result.get("detected") is True:
            severity = result.get("severity")
            blocked.append(category + (f" (severity {severity})" if isinstance(severity, str) else ""))
    return clean(", ".join(blocked), _PARAMETERS)


def host_of(location: str) -> str | None:
    """The host a ``Location`` header points to; ``None`` when it stays on the same host.

    Never its user information, path or query: those can hold a signature or a key.
    """
    try:
        return clean(urlsplit(location).hostname or "", 100) or None
    except ValueError:
        return "an unreadable address"


def text_of(kind: type[StatusError], facts: ErrorFacts, envelope: Envelope) -> str:
    """The text of an error: what was refused, the service's words, the facts to quote, what to do."""
    said = "" if issubclass(kind, RedirectRefusedError) else words_text(_message(kind, facts))
    if not said and facts.form:
        said = f"the body was {facts.form}, not quoted here"
    opening = _opening(kind, facts, envelope)
    first = f"{opening}: {said}" if said else opening
    return f"{first.rstrip(' .')} ({_facts(facts, envelope)}). {advice_for(kind, facts, envelope)}"


def _message(kind: type[StatusError], facts: ErrorFacts) -> str:
    complaints = dict.fromkeys(parameter.message for parameter in facts.refused if parameter.message)
    return (
        "; ".join(complaints) if issubclass(kind, UnsupportedParameterError) and complaints else facts.message
    )


def _opening(kind: type[StatusError], facts: ErrorFacts, envelope: Envelope) -> str:
    where = IN_STREAM if envelope.in_stream else ""
    host = clean(envelope.host, 100) if envelope.host else "the endpoint"
    if issubclass(kind, UnsupportedParameterError):
        named = parameters_text(facts.refused)
        text = f"the model refused {named}" if named else "the model refused the request's parameters"
    elif issubclass(kind, ContentFilteredError):
        blocked = filters_text(facts.filters)
        text = "content safety blocked the request" + (f" for {blocked}" if blocked else "")
    elif issubclass(kind, ContextLengthError):
        text = "the prompt does not fit the model's context"
    elif issubclass(kind, RedirectRefusedError):
        target = host_of(envelope.location)
        where_to = target if target and target != envelope.host else "another address on the same host"
        text = (
            f"{host} redirected to {where_to}, which was not followed"
            if envelope.location
            else f"{host} redirected"
        )
    elif issubclass(kind, AuthenticationError) and is_about_roles(facts):
        text = "the credential is not allowed to do this"
    else:
        text = next(
            (text for base, text in _OPENINGS if issubclass(kind, base)), "the service refused the request"
        )
    text = where + text
    # A host's name keeps its own case.
    return text if envelope.host and text.startswith(host) else text[0].upper() + text[1:]


def _facts(facts: ErrorFacts, envelope: Envelope) -> str:
    parts = ["error event" if envelope.in_stream else f"HTTP {envelope.status}"]
    if envelope.in_stream and envelope.status != 500:
        parts[0] = f"error event, status {envelope.status}"
    if envelope.model_status:
        parts.append(f"the model's own status {envelope.model_status}")
    if facts.code and facts.code != str(envelope.status):
        parts.append(f"code {clean(facts.code, 40)}")
    if envelope.request_id:
        parts.append(f"request id {clean(envelope.request_id, 60)}")
    return ", ".join(parts)


_OPENINGS: tuple[tuple[type[StatusError], str], ...] = (
    (AuthenticationError, "the credential was not accepted"),
    (PermissionDeniedError, "the credential is not allowed to do this"),
    (NotFoundError, "the endpoint has no such route, deployment or model"),
    (RateLimitedError, "too many requests, rate limit reached"),
    (ServerError, "the service failed"),
)
