"""What stands beside an answer's text, as LlamaIndex has it: sounds, citations, log probabilities. Pure."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import AudioBlock, CitationBlock, ContentBlock, LogProb, TextBlock

from azure_inference_core._response.optional import Citation, citations_of, optional


def shown_blocks(additions: Mapping[str, Any] | None, content: str) -> list[ContentBlock]:
    """The blocks of what a service adds: a sound, and a block a citation."""
    if not additions:
        return []
    blocks: list[ContentBlock] = [_citation(citation, content) for citation in citations_of(additions)]
    try:
        sound = b64decode(additions.get("audio", {}).get("data") or b"", validate=True)
    except (Base64Error, TypeError, ValueError):
        sound = b""  # it stays in ``raw``
    return [AudioBlock(audio=sound), *blocks] if sound else blocks


def _citation(citation: Citation, content: str) -> CitationBlock:
    """A citation; where the service quotes no source, the words of the answer that rest on it."""
    places = {"start_index": citation.start, "end_index": citation.end}
    text = citation.text
    if text is None and citation.start is not None and citation.end is not None:
        text = content[citation.start : citation.end]
    return CitationBlock(
        cited_content=TextBlock(text=text or ""),
        source=citation.source,
        title=citation.title or "",
        additional_location_info={name: place for name, place in places.items() if place is not None},
    )


def told_of(additions: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a service adds, as it sent it, without the sound itself, which is a block."""
    told = dict(additions or {})
    if "audio" in told:
        told["audio"] = {name: value for name, value in told["audio"].items() if name != "data"}
    return told


def logprobs_of(logprobs: Mapping[str, Any] | None) -> list[list[LogProb]] | None:
    """Log probabilities: for each token the alternatives, or the token itself where none were asked for.

    Reads the chat route's form (``content``: a list of tokens) and the completions route's (parallel lists). What
    LlamaIndex has no place for is left out.
    """
    if not logprobs:
        return None
    if tokens := logprobs.get("content"):
        known = [(token, _log_probs([token])) for token in tokens]
        return [_log_probs(optional(token, "top_logprobs", list)) or own for token, own in known if own]
    pairs: list[Iterable[tuple[Any, Any]]]
    if any(tops := logprobs.get("top_logprobs") or ()):
        pairs = [top.items() if isinstance(top, dict) else () for top in tops]
    else:
        single = zip(logprobs.get("tokens") or (), logprobs.get("token_logprobs") or (), strict=False)
        pairs = [[(token, 0.0 if logprob is None else logprob)] for token, logprob in single]
    return [_log_probs([{"token": t, "logprob": p} for t, p in several]) for several in pairs] or None


def _log_probs(tokens: Sequence[Any] | None) -> list[LogProb]:
    return [
        LogProb(
            token=token["token"],
            logprob=token["logprob"],
            bytes=[byte for byte in optional(token, "bytes", list) or () if type(byte) is int],
        )
        for token in tokens or ()
        if isinstance(token, dict)
        and type(token.get("token")) is str
        and type(token.get("logprob")) in (int, float)
    ]
