"""Tool calls: one call in any of its spellings, and which call a streamed piece belongs to. Pure."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from azure_inference_core._request.tools import read_arguments
from azure_inference_core._response.optional import optional
from azure_inference_core.errors import MalformedResponseError
from azure_inference_core.values import ToolCallDelta

_NO_IDS = frozenset(("", "null", "None", "none", "undefined"))
_NEXT_OBJECT = re.compile(r"(?<=\})\s*(?=\{)")
_SPEAKS = frozenset(("name", "arguments", "input"))
_BARE = frozenset(("id", "index", "type"))
_FREE_TEXT = ('{"input": "', '"}')
"""What makes JSON of the free text that a custom tool takes."""


class RawCall(NamedTuple):
    """A call, or a piece of one, as a service sent it.

    Attributes:
        id: Its id, if that is one.
        name: The tool's name.
        arguments: JSON text, or a custom tool's free text.
        is_free: Whether it is free text.
    """

    id: str | None
    name: str | None
    arguments: str
    is_free: bool = False

    def as_json(self) -> str:
        """The arguments as JSON text; of a custom tool, an object with its ``input``."""
        return json.dumps({"input": self.arguments}, ensure_ascii=False) if self.is_free else self.arguments


def read_call(call: Any) -> RawCall | None:
    """Read a call of any type, or a piece of one; ``None`` for what names no tool and has no arguments.

    Functions stand under ``function``, custom tools under ``custom``, others under the name of their type, and some
    servers write name and arguments into the call itself.

    Raises:
        MalformedResponseError: It is no object.
    """
    if not isinstance(call, dict):
        raise MalformedResponseError("a tool call is not an object")
    kind = call.get("type")
    holder = call.get("function")
    if "function" in call:
        if not isinstance(holder, dict | None):
            raise MalformedResponseError("a tool call's function is not an object")
    else:
        own = (call.get("custom"), call.get(kind) if isinstance(kind, str) else None, call)
        holder = next((one for one in own if isinstance(one, dict) and not _SPEAKS.isdisjoint(one)), None)
        if holder is None and (kind not in (None, "function") or not _BARE.issuperset(call)):
            return None
    holder = holder or {}
    call_id = optional(call, "id", str)
    arguments = holder.get("arguments", holder.get("input"))
    return RawCall(
        None if call_id is None or call_id.strip() in _NO_IDS else call_id,
        optional(holder, "name", str) or None,
        arguments_text(arguments),
        is_free=isinstance(arguments, str) and "arguments" not in holder,
    )


def calls_of(message: dict[str, Any]) -> list[Any]:
    """The calls of a message or a piece of one, the single call of the API's first form among them.

    Raises:
        MalformedResponseError: They are no list.
    """
    calls = message.get("tool_calls")
    if not calls:
        legacy = message.get("function_call")
        return [{"function": legacy}] if isinstance(legacy, dict) and legacy else []
    if isinstance(calls, dict):
        return [calls]
    if not isinstance(calls, list):
        raise MalformedResponseError("tool_calls is not a list")
    return [call for call in calls if call is not None]


def arguments_text(arguments: Any) -> str:
    """A tool call's arguments as JSON text; managed endpoints send objects."""
    if isinstance(arguments, str):
        return arguments
    try:
        return "" if arguments is None else json.dumps(arguments, ensure_ascii=False)
    except RecursionError:
        raise MalformedResponseError("a tool call's arguments are nested too deeply") from None


class _Call:
    __slots__ = ("_pieces", "id", "index", "is_free", "name", "number", "own_id", "tail")

    def __init__(self, number: int, call_id: str | None, index: int | None) -> None:
        self.number = number
        self.id = call_id  # as sent
        self.own_id: str | None = None  # as given out
        self.index = index
        self.name: str | None = None
        self.is_free = False
        self.tail = ""  # the last character of its arguments that is no space
        self._pieces: list[str] = []

    def add(self, arguments: str) -> None:
        self._pieces.append(arguments)
        self.tail = arguments.rstrip()[-1:] or self.tail

    def text(self) -> str:
        return "".join(self._pieces)


class CallPieces:
    """Sorts the pieces of the tool calls of one choice.

    A server's index tells calls apart, or the id where there is no index. Where neither does, because every call has
    index 0, or the same id, or none, a new name begins a call, and so does the next object after complete arguments;
    the same name with more of the arguments does not.
    """

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}

    @property
    def is_nameless(self) -> bool:
        """Whether there is a call whose tool was never named."""
        return any(call.name is None for call in self._calls)

    def add(self, piece: Any) -> list[ToolCallDelta]:
        """Take a piece as sent; ids and names are given once a call.

        Raises:
            MalformedResponseError: It is no object.
        """
        if (more := self._more(piece)) is not None:
            return [more]
        raw = read_call(piece)
        if raw is None:
            return []
        index = piece.get("index")
        index = index if type(index) is int and index >= 0 else None
        call = self._known(index, raw)
        if call is None or self._begins(call, raw):
            call = self._new(index, raw.id)
        elif (
            raw.id
            and raw.id == call.id
            and raw.name
            and raw.arguments == call.text()
            and _is_object(raw.arguments)
        ):
            return []  # the whole call once more
        parts = _objects(call, raw.arguments) if "{" in raw.arguments and not raw.is_free else [raw.arguments]
        # What is no more than blank belongs to the complete call; an empty piece says nothing.
        deltas = [self._delta(call, raw, parts[0])] if parts[0] or len(parts) == 1 else []
        for part in parts[1:]:
            raw = raw._replace(name=call.name)
            call = self._new(index, raw.id)
            deltas.append(self._delta(call, raw, part))
        return deltas

    def _more(self, piece: Any) -> ToolCallDelta | None:
        """The piece of a call that is known by its index, if it is as most are: the next characters and nothing else."""
        function = piece.get("function") if type(piece) is dict else None
        if type(function) is not dict or piece.get("id") or function.get("name"):
            return None
        arguments, index = function.get("arguments"), piece.get("index")
        call = self._by_index.get(index) if type(index) is int else None
        if (
            call is None
            or type(arguments) is not str
            or ("{" in arguments and (call.tail == "}" or "}" in arguments))
        ):
            return None
        call.add(arguments)
        return ToolCallDelta(call.number, None, None, arguments)

    def add_all(self, pieces: list[Any]) -> tuple[ToolCallDelta, ...]:
        """Take the pieces of one chunk; gives one delta a call."""
        if len(pieces) == 1:
            return tuple(self.add(pieces[0]))
        joined: dict[int, ToolCallDelta] = {}
        for delta in (delta for piece in pieces for delta in self.add(piece)):
            known = joined.setdefault(delta.index, delta)
            if known is not delta:
                known.id, known.name = known.id or delta.id, known.name or delta.name
                known.arguments += delta.arguments
        return tuple(joined.values())

    def end(self) -> list[ToolCallDelta]:
        """What completes the arguments of the calls of custom tools."""
        is_open = [call for call in self._calls if call.is_free]
        for call in is_open:
            call.is_free = False
        return [ToolCallDelta(call.number, None, None, _FREE_TEXT[1]) for call in is_open]

    def _known(self, index: int | None, raw: RawCall) -> _Call | None:
        """The call that a piece may continue."""
        latest = self._calls[-1] if self._calls else None
        by_id = (call for call in reversed(self._calls) if raw.id and call.id == raw.id)
        if index is None:
            # A call begins with its name, so what has none is more of one.
            return next(by_id, None if raw.id and raw.name else latest)
        known = self._by_index.get(index)
        if known is None:
            # A call may have begun without its index.
            known = next(by_id, None if raw.id or raw.name else latest)
            if known is None or (raw.id and known.index is not None):
                return None
            known.index = index
            self._by_index[index] = known
        return known

    @staticmethod
    def _begins(call: _Call, raw: RawCall) -> bool:
        """Whether a piece is the first of another call, and not more of the one with its index or id."""
        if raw.name is None or call.name is None:
            return False
        if raw.name != call.name:
            return True
        # Some servers make up an id for every piece.
        is_middle = call.tail and not _is_object(call.text()) and raw.arguments.lstrip()[:1] != "{"
        return bool(raw.id and call.id and raw.id != call.id and not is_middle)

    def _new(self, index: int | None, call_id: str | None) -> _Call:
        call = _Call(len(self._calls), call_id, index)
        self._calls.append(call)
        if index is not None:
            self._by_index[index] = call
        return call

    def _delta(self, call: _Call, raw: RawCall, arguments: str) -> ToolCallDelta:
        call.id = call.id or raw.id
        own_id = None
        # Two calls under one id would get one answer.
        if call.own_id is None and call.id and all(one.own_id != call.id for one in self._calls):
            own_id = call.own_id = call.id
        name = raw.name if call.name is None else None
        call.name = call.name or name
        if raw.is_free:
            arguments = json.dumps(arguments, ensure_ascii=False)[1:-1]
            arguments = arguments if call.is_free else _FREE_TEXT[0] + arguments
            call.is_free = True
        call.add(arguments)
        return ToolCallDelta(call.number, own_id, name, arguments)


def _objects(call: _Call, arguments: str) -> list[str]:
    """A piece of arguments, cut where a complete object is followed by the next."""
    objects: list[str] = []
    begin = 0
    if call.tail == "}":
        arguments, begin = "}" + arguments, 1
    for place in _NEXT_OBJECT.finditer(arguments):
        end = place.end()
        known = "" if objects else call.text()
        if _is_object(known + arguments[begin:end]):
            objects.append(arguments[begin:end])
            begin = end
    return [*objects, arguments[begin:]]


def _is_object(text: str) -> bool:
    """Whether arguments are complete."""
    try:
        read_arguments(text)
    except ValueError:
        return False
    return bool(text.strip())
