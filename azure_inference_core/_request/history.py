"""The conversation as the API and the model's family take it, whoever wrote it. Pure.

What a model once wrote is never refused: it is made legal, or carried in another form. What is legal goes out as it
is, and nothing that is made depends on what follows it: services remember a prompt by its beginning.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from azure_inference_core._request.tools import ALPHABET, legal_name, read_arguments
from azure_inference_core.families import Family

Message = Mapping[str, Any]

_NINE = re.compile(r"[A-Za-z0-9]{9}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST_ID = 40
"""What OpenAI's models take; to the others an id is only a name."""
_NO_RESULT = "There is no result: this call was not carried out."
_NO_ANSWER = "(no answer)"
_NO_THOUGHT = " "
"""Kimi's service refuses a missing thought and an empty one."""
_OPENING = {"role": "user", "content": "Hello."}
_BETWEEN = {"role": "assistant", "content": "OK."}
_KINDS = {"image_url": "image", "input_audio": "audio", "audio_url": "audio", "file": "file"}
"""Parts that only users may send, and what they are called in a note."""


def legal_history(messages: Sequence[Message], family: Family) -> list[Message]:
    """The messages as the API and the model's family take them.

    - Calls have an id, a name and arguments that are an object, and one result each, right after them. A result
      without its call becomes a text of the user's; a call without result (of an interrupted run) gets one that says
      so, unless it is in the last message.
    - What assistants and tools sent beside text follows in a message of the user, after the last result of the turn.
    - Ids, names, the order of messages and the form of contents are the family's.

    Args:
        messages: Dicts of the API; those of assistants and tools may hold images, audio and files as a user's do.
        family: What is known of the model.
    """
    if messages[-1]["role"] == "tool" and not any(message["role"] == "assistant" for message in messages):
        return list(messages)  # no history: the caller's own result of a call that he does not show
    history = _History(family)
    sent = history.sent
    for message in messages:
        role = message["role"]
        if role == "tool":
            history.add_result(message)
            continue
        if history.calls or history.shown:
            history.end_turn()
        if role == "assistant":
            message = history.answer(message)  # noqa: PLW2901 - the caller's stays as it is
        if "name" in message:
            message = _named(message, family)  # noqa: PLW2901
        sent.append(message)
    if history.shown or sent[-1]["role"] == "tool":
        history.end_turn()
    if not family.content_parts:
        sent = [_joined_texts(one) if isinstance(one.get("content"), list) else one for one in sent]
    return sent if family.turns == "free" else _in_turn(sent, family)


def with_reasoning(messages: Sequence[Message]) -> list[Message]:
    """The messages with the reasoning of answers; from the first call on each has some, even if it is made up.

    Kimi and DeepSeek refuse a conversation in which a call, or an answer after one, has none, and other models' history
    has none.
    """
    sent: list[Message] = []
    calls = False
    for message in messages:
        if message["role"] == "assistant":
            calls = calls or bool(message.get("tool_calls"))
            if calls and not message.get("reasoning_content"):
                message = {**message, "reasoning_content": _NO_THOUGHT}  # noqa: PLW2901 - the caller's stays as it is
        sent.append(message)
    return sent


def without_reasoning(messages: Sequence[Message]) -> list[Message]:
    """The messages without the reasoning of answers."""
    return [
        {name: value for name, value in message.items() if name != "reasoning_content"}
        if "reasoning_content" in message
        else message
        for message in messages
    ]


class _Call(NamedTuple):
    """A call that has no result yet: its id as it was given and as it is sent, and what it calls."""

    given: Any
    sent: Any
    name: Any


class _History:
    """A conversation on its way to the API."""

    def __init__(self, family: Family) -> None:
        self.sent: list[Message] = []
        self.calls: list[_Call] = []
        self.shown: list[Message] = []
        self._family = family
        self._count = 0

    def answer(self, message: Message) -> Message:
        """An assistant's message; its calls wait for their results from now on."""
        content, calls = message.get("content"), message.get("tool_calls")
        text = self._text(content, "made by the assistant")
        if text is not content:
            message = {**message, "content": text or (None if calls else "")}
        if calls:
            legal = [self._legal_call(call) for call in calls]
            if legal != calls:
                message = {**message, "tool_calls": legal}
        elif "tool_calls" in message:  # services write none as null or [], and refuse both
            message = {name: value for name, value in message.items() if name != "tool_calls"}
        return message

    def add_result(self, message: Message) -> None:
        """A tool's message; it answers the call with its id or name; where one of them has no id, the first."""
        given, content = message.get("tool_call_id"), message.get("content")
        call = self._call_of(given)
        place = len(self.shown)
        text = self._text(content, f"returned by {call.name if call else 'a tool'}")
        if isinstance(text, list) and not self._family.content_parts:
            text = _joined_texts({"content": text})["content"]
        if call is None:
            told = f"The result of a tool call that is not in this conversation:\n{text or ''}"
            self.shown.insert(place, {"type": "text", "text": told})
            return
        self.calls.remove(call)
        if self._family.tool_results == "json" and not _is_object(text):
            text = json.dumps({"result": text}, ensure_ascii=False)
        if text is not content or call.sent != given:
            message = {**message, "tool_call_id": call.sent, "content": text}
        self.sent.append(message)

    def _call_of(self, given: Any) -> _Call | None:
        for call in self.calls:
            if given in (call.given, call.sent):
                return call
        named = [call for call in self.calls if given and call.name == given]
        return next(iter(named or [call for call in self.calls if not (given and call.given)]), None)

    def end_turn(self) -> None:
        """Answer the calls that nobody answered, and show what came beside text."""
        for call in self.calls:
            self.sent.append({"role": "tool", "tool_call_id": call.sent, "content": _NO_RESULT})
        self.calls.clear()
        if self.shown:
            self.sent.append(_joined_texts({"role": "user", "content": self.shown}))
            self.shown = []

    def _text(self, content: Any, whence: str) -> Any:
        """The content as text, if there is more than text in it: that is shown after the turn."""
        if isinstance(content, str):
            return _unicode(content)
        if not isinstance(content, list) or not any(_kind(part) for part in content):
            return content
        texts = []
        for part in content:
            if kind := _kind(part):
                what = f"{kind} {sum(_kind(one) is not None for one in self.shown) + 1}"
                texts.append(f"({what}: see below)")
                self.shown += ({"type": "text", "text": f"{what}, {whence}:"}, part)
            else:
                texts.append(_unicode(part if isinstance(part, str) else str(part.get("text") or "")))
        return "\n".join(filter(None, texts))

    def _legal_call(self, call: Any) -> Any:
        self._count += 1
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping):
            return call
        given, name, arguments = call.get("id"), function.get("name"), function.get("arguments")
        sent = wanted = _legal_id(given or f"call{self._count - 1:05d}", self._family)
        while self.calls and sent in [other.sent for other in self.calls]:
            sent = wanted = _legal_id(f"{wanted}_", self._family)
        legal_text = arguments_text(arguments)
        legal = (
            name if isinstance(name, str) and _NAME.fullmatch(name) else legal_name(str(name or "unnamed"))
        )
        self.calls.append(_Call(given, sent, legal))
        if sent == given and legal is name and legal_text is arguments:
            return call
        return {**call, "id": sent, "function": {**function, "name": legal, "arguments": legal_text}}


def arguments_text(arguments: Any) -> str:
    """A call's arguments as the JSON text of an object, which services want of every call in a history.

    The text of an object stays as it is; arguments that :func:`read_arguments` reads become one; what nobody can read
    is shown to the model as a text in one.

    >>> arguments_text({"city": "Zürich"}), arguments_text("{'city': 'Oslo'}"), arguments_text("[1")
    ('{"city": "Zürich"}', '{"city": "Oslo"}', '{"INVALID_JSON": "[1"}')
    """
    if isinstance(arguments, str):
        if _is_object(arguments):
            return arguments
        try:
            arguments = read_arguments(arguments)
        except ValueError:
            arguments = {"INVALID_JSON": arguments}
    try:
        text = _strict({} if arguments is None else arguments)
    except (TypeError, ValueError, RecursionError):
        text = ""
    return _unicode(text) if text[:1] == "{" else arguments_text(str(arguments))


_strict = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=str).encode


def _unicode(text: str) -> str:
    """The text without halves of characters, which models and file names can bring and JSON cannot carry."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def _kind(part: Any) -> str | None:
    return _KINDS.get(str(part.get("type"))) if isinstance(part, Mapping) else None


def _is_object(text: Any) -> bool:
    try:
        return isinstance(text, str) and isinstance(orjson.loads(text), dict)
    except ValueError:
        return False


def _legal_id(call_id: Any, family: Family) -> Any:
    if not isinstance(call_id, str):
        return call_id
    if _NINE.fullmatch(call_id) or (family.call_ids != "nine" and len(call_id) <= _LONGEST_ID):
        return call_id
    number = int.from_bytes(hashlib.sha256(call_id.encode("utf-8", "replace")).digest()[:8], "big")
    return "".join(ALPHABET[number // 62**place % 62] for place in range(9))


def _named(message: Message, family: Family) -> Message:
    """The message with a name as the API wants it, or without, where the family takes none."""
    name = message["name"]
    if family.message_names and isinstance(name, str) and _NAME.fullmatch(name):
        return message
    rest = {key: value for key, value in message.items() if key != "name"}
    legal = legal_name(name) if family.message_names and isinstance(name, str) else ""
    return {**rest, "name": legal} if legal.strip("_-") else rest


def _joined_texts(message: Message) -> Message:
    """The message with one text, if its parts are all text."""
    parts = message["content"]
    texts = [part.get("text") for part in parts if isinstance(part, Mapping) and part.get("type") == "text"]
    return {**message, "content": "\n".join(map(str, texts))} if len(texts) == len(parts) else message


def _in_turn(messages: Sequence[Message], family: Family) -> list[Message]:
    """The messages in the family's order: none of the user's after a tool's, or each side in turn."""
    sent: list[Message] = []
    last = "system"
    for message in messages:
        role = message["role"]
        if family.turns == "alternate":
            if role in ("system", "developer"):
                role = "system" if last == "system" else "user"
                message = {**message, "role": role}  # noqa: PLW2901 - the caller's stays as it is
            if last == "system" and role == "assistant":
                sent.append(_OPENING)
            if sent and role == last != "tool" and not sent[-1].get("tool_calls"):
                sent[-1] = {**sent[-1], **message, "content": _both(sent[-1], message)}
                continue
        if role == "assistant" and not (message.get("content") or message.get("tool_calls")):
            message = {**message, "content": _NO_ANSWER}  # noqa: PLW2901
        if last == "tool" and role not in ("assistant", "tool"):
            sent.append(_BETWEEN)
        sent.append(message)
        last = role
    return sent


def _both(first: Message, second: Message) -> Any:
    contents = [content for content in (first.get("content"), second.get("content")) if content]
    if all(isinstance(content, str) for content in contents):
        return "\n\n".join(contents)
    return [
        part
        for content in contents
        for part in ([{"type": "text", "text": content}] if isinstance(content, str) else content)
    ]
