"""Every place of an answer with every odd value in it, read by the pure parsers.

What is beside the answer never changes the answer; what is the answer itself is read, or refused by an error of the tree.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from azure_inference_core import InferenceError
from azure_inference_core._response.vectors import parse_vectors
from azure_inference_core._response.whole import parse_chat, parse_completion
from tests.support import wire
from tests.support.odd_answers import (
    CALLS,
    CHAT,
    CHAT_CHUNKS,
    COMPLETION,
    COMPLETION_CHUNKS,
    EMBEDDINGS,
    INPUTS,
    chat_deltas,
    completion_deltas,
    odd_answers,
    received,
)

Call = tuple[str, str]


def chat(body: Any) -> tuple[str, list[Call]]:
    """The text and the calls of a whole chat answer."""
    (choice,) = parse_chat(received(body)).choices
    return choice.content, [(call.name, call.arguments) for call in choice.tool_calls]


def streamed_chat(chunks: Any) -> tuple[str, list[Call]]:
    """The text and the calls of a streamed chat answer."""
    deltas = chat_deltas(chunks)
    calls: dict[int, Call] = {}
    for piece in (piece for delta in deltas for piece in delta.tool_calls):
        name, arguments = calls.get(piece.index, ("", ""))
        calls[piece.index] = (name + (piece.name or ""), arguments + piece.arguments)
    return "".join(delta.content for delta in deltas if delta.index == 0), list(calls.values())


def completion(body: Any) -> str:
    """The text of a whole completion."""
    return parse_completion(received(body)).choices[0].text


def streamed_completion(chunks: Any) -> str:
    """The text of a streamed completion."""
    return "".join(delta.text for delta in completion_deltas(chunks) if delta.index == 0)


def vectors(body: Any) -> list[list[float]]:
    """The vectors of an embeddings answer."""
    return parse_vectors(received(body), len(INPUTS), encoding_format=None, dimensions=None)


class Kind(NamedTuple):
    """A kind of answer, how it is read, and what a good one says."""

    body: Any
    read: Callable[[Any], Any]
    says: Any


KINDS = {
    "chat": Kind(CHAT, chat, (wire.ANSWER, CALLS)),
    "streamed-chat": Kind(CHAT_CHUNKS, streamed_chat, (wire.ANSWER, CALLS)),
    "completion": Kind(COMPLETION, completion, wire.ANSWER),
    "streamed-completion": Kind(COMPLETION_CHUNKS, streamed_completion, wire.ANSWER),
    "embeddings": Kind(EMBEDDINGS, vectors, [wire.vector_of(text) for text in INPUTS]),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_is_odd_beside_an_answer_does_not_change_it(kind: Kind) -> None:
    """Usage, log probabilities, filter results, ids, indexes, times: each may be anything."""
    assert kind.read(kind.body) == kind.says
    for where, answer in odd_answers(kind.body, optional=True):
        assert kind.read(answer) == kind.says, where


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_an_odd_answer_is_read_or_refused(kind: Kind) -> None:
    """Choices, messages, texts, calls and vectors: a value or an error of the tree, and nothing else."""
    for _, answer in odd_answers(kind.body, optional=False):
        with contextlib.suppress(InferenceError):
            kind.read(answer)


@pytest.mark.parametrize("kind", [KINDS["chat"], KINDS["streamed-chat"]], ids=["whole", "streamed"])
def test_what_is_read_of_the_odd_is_of_its_type(kind: Kind) -> None:
    """What is optional is of the type it is documented with, or left out."""
    for where, answer in odd_answers(kind.body, optional=True):
        found: list[Any] = (
            chat_deltas(answer) if kind.read is streamed_chat else [parse_chat(received(answer))]
        )
        for part in [*found, *(c for result in found for c in getattr(result, "choices", ()))]:
            check_types(part, where)


TEXTS = ("id", "model", "role", "reasoning", "refusal", "finish_reason", "system_fingerprint")
DICTS = ("usage", "logprobs", "content_filter_results")


def check_types(part: Any, where: str) -> None:
    """The types of a result's, choice's or delta's fields."""
    for names, kind in ((TEXTS, str), (DICTS, dict), (("created",), int), (("prompt_filter_results",), list)):
        for name in names:
            value = getattr(part, name, None)
            assert value is None or type(value) is kind, (name, where)
    assert getattr(part, "finish_reason", None) != "", where
    for name, value in (getattr(part, "usage", None) or {}).items():
        counts = value if name.endswith("_details") else {name: value}
        for count in (counts or {}).values():
            assert count is None or (type(count) is int and 0 <= count < 10**16), (name, where)
