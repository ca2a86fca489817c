"""What stands inside a text: JSON, or a Python ``repr``, amid prose, escaped once more, or cut off.

Gateways quote the answer of the server behind them in their own message, in whatever form their language writes it.
"""

from __future__ import annotations

import ast
import json
import re
from typing import Any

__all__ = ["message_cut_off", "parse_json", "unpack"]

_DEPTH = 32  # deeper JSON is nobody's error report, and would not pickle
_LITERAL_LIMIT = 16 * 1024
_MOST = 8  # structures, or what begins like one, in one text
_START = re.compile(r"[\[{]\s*\\*['\"{\[]")
# A string to its end, which may be missing; or a bracket.
_TOKEN = re.compile(r"\"(?:\\.|[^\"\\])*(\"?)|'(?:\\.|[^'\\])*('?)|[\[\](){}]", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
# The escapes that ``repr`` writes; the compiler warns about any other.
_ODD_ESCAPE = re.compile(r"\\[^'\"nrtxuU]")
# An object in a ``repr``, such as pydantic's ``ValueError('...')``: its argument is what it says.
_MADE = re.compile(r"\b[A-Za-z_][\w.]{0,60}\((\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')?,?\)")
_CUT_OFF = re.compile(
    r"['\"]error\\*['\"]\s*:\s*\{[^{}]*?['\"]message\\*['\"]\s*:\s*\\*(?P<quote>['\"])"
    r"(?P<said>(?:\\.|(?!(?P=quote))[^\\])*)",
    re.DOTALL,
)


def unpack(text: str) -> tuple[str, list[Any]]:
    """Split a text into its words and the structures inside it.

    Returns:
        What stands before the first structure, or the whole text where there is none; and the structures, decoded.
    """
    found: list[Any] = []
    words, place = text, 0
    for _ in range(_MOST):
        start = _START.search(text, place)
        if start is None:
            break
        first = start.start()
        if "\\" in start[0]:
            text = text[:first] + _ESCAPED.sub(_unescaped, text[first:])
        end = _end_of(text, first)
        value = None if end is None else _parsed(text[first:end])
        if end is None or not isinstance(value, (dict, list, tuple)):
            place = first + 1
            continue
        if not found:
            words = text[:first]
        found.append(value)
        place = end
    return words.strip(), found


def message_cut_off(text: str) -> str:
    """The message of an ``error`` object whose end is missing; empty where there is none."""
    match = _CUT_OFF.search(text)
    return _ESCAPED.sub(_unescaped, match["said"]) if match else ""


def parse_json(text: str) -> Any:
    """The value of a text that is JSON and not too deep; ``None`` for any other."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return None if _too_deep(value) else value


def _unescaped(match: re.Match[str]) -> str:
    return " " if match[1] in "nrt" else match[1]


def _end_of(text: str, start: int) -> int | None:
    depth = 0
    for token in _TOKEN.finditer(text, start):
        if token[0][0] in "\"'":
            if not (token[1] or token[2]):
                return None
        elif token[0] in "[{(":
            depth += 1
        else:
            depth -= 1
            if not depth:
                return token.end()
    return None


def _parsed(text: str) -> Any:
    value = parse_json(text)
    if value is None:
        value = _parse_literal(text)
    if value is None and "\\'" in text:  # JSON in the ``repr`` of a string
        value = parse_json(text.replace("\\'", "'"))
    return value


def _parse_literal(text: str) -> Any:
    """Read a Python ``repr``; only what is short, shallow and plain is tried."""
    nesting = max(text.count("["), text.count("{"), text.count("("))
    if len(text) > _LITERAL_LIMIT or nesting > 200 or _ODD_ESCAPE.search(text.replace("\\\\", "")):
        return None
    try:
        value = ast.literal_eval(_MADE.sub(lambda made: made[1] or "None", text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return None if _too_deep(value) else value


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEPTH):
        held = (v.values() if isinstance(v, dict) else v for v in level if isinstance(v, (dict, list, tuple)))
        level = [item for items in held for item in items]
        if not level:
            return False
    return True
