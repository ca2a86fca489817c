"""What an answer holds besides itself: given where it is what it should be, left out where it is odd. Pure.

``raw`` keeps what is left out.
"""

from __future__ import annotations

from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any, NamedTuple

from pybase64 import b64decode, b64encode

ADDED = frozenset(("annotations", "context", "audio"))
"""What services add to a message: citations, what "On Your Data" found, a spoken answer."""

PROMPT_FILTERS = frozenset(("prompt_filter_results", "prompt_annotations"))
_GROWING = ("data", "transcript")
_MOST = 2**53
"""Up to here every whole number of JSON is exact; no count of tokens comes near."""


def optional(raw: dict[str, Any], name: str, kind: type) -> Any:
    """A field that may be missing or null; one of another type counts as missing, and ``true`` is no number."""
    value = raw.get(name)
    return value if type(value) is kind else None


def usage_of(raw: dict[str, Any]) -> dict[str, Any] | None:
    """The token counts of an answer: ``..._tokens`` whole numbers, ``..._details`` more counts, the rest as sent.

    Some services write them into a choice.
    """
    usage = optional(raw, "usage", dict)
    choices = () if usage else optional(raw, "choices", list) or ()
    inner = (optional(choice, "usage", dict) for choice in choices if isinstance(choice, dict))
    usage = next(filter(None, inner), usage)
    return None if usage is None else _counts(usage)


def _counts(usage: dict[str, Any]) -> dict[str, Any]:
    counts: dict[str, Any] = {}
    for name, value in usage.items():
        if value is not None and name.endswith("_tokens"):
            if type(value) in (int, float) and 0 <= value <= _MOST and value % 1 == 0:
                counts[name] = int(value)
        elif value is not None and name.endswith("_details"):
            if type(value) is dict:
                counts[name] = _counts(value)
        else:
            counts[name] = value
    return counts


def prompt_filters_of(raw: dict[str, Any]) -> list[Any] | None:
    """What content safety says of the prompt, under either name in use."""
    if PROMPT_FILTERS.isdisjoint(raw):
        return None
    return next(
        filter(None, (optional(raw, name, list) for name in sorted(PROMPT_FILTERS, reverse=True))), None
    )


def logprobs_of(choice: dict[str, Any]) -> dict[str, Any] | None:
    """The log probabilities of a choice: lists by name, which is all that either route's form has."""
    logprobs = optional(choice, "logprobs", dict)
    if logprobs is None:
        return None
    return {name: value for name, value in logprobs.items() if value is None or type(value) is list}


def added_to(message: dict[str, Any], others: list[dict[str, Any]]) -> dict[str, Any] | None:
    """What a service adds to a message: ``annotations`` (with parts of no known kind), ``context`` and ``audio``."""
    annotations = [one for one in optional(message, "annotations", list) or () if isinstance(one, dict)]
    added = {
        "annotations": annotations + others,
        "context": optional(message, "context", dict),
        "audio": optional(message, "audio", dict),
    }
    return {name: value for name, value in added.items() if value} or None


def spoken(audio: Any) -> str:
    """The words of a spoken answer."""
    return optional(audio, "transcript", str) or "" if isinstance(audio, dict) else ""


def join(known: dict[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Add a piece of what a service adds to what was there, which is changed and given back."""
    for name, value in new.items():
        here = known.get(name)
        if isinstance(value, list):
            known[name] = [*(here or ()), *value]
        elif isinstance(value, dict):
            known[name] = join(dict(here or {}), value)
        else:
            known[name] = f"{here or ''}{value}" if name in _GROWING else value
    return known


class Additions:
    """Gives out what is new in each piece of one choice's additions.

    What a service repeats is given once, for joining adds text to text and list to list; and the audio's base64 is cut
    where it can be joined, though every piece of it is complete for itself.
    """

    def __init__(self) -> None:
        self._told: dict[str, Any] = {}
        self._sound = b""

    def add(self, piece: dict[str, Any] | None) -> dict[str, Any] | None:
        """Take a piece as sent."""
        if piece is None:
            return None
        piece = dict(piece)
        audio = piece.pop("audio", {})
        new = self._new(self._told, piece)
        sound = {name: value for name, value in audio.items() if name not in _GROWING}
        sound = self._new(self._told.setdefault("", {}), sound)
        sound.update({name: audio[name] for name in _GROWING if isinstance(audio.get(name), str)})
        if "data" in sound:
            sound["data"] = self._joinable(sound["data"])
        sound = {name: value for name, value in sound.items() if value}
        return {**new, "audio": sound} if sound else new or None

    def end(self) -> dict[str, Any] | None:
        """What was held back."""
        return {"audio": {"data": b64encode(self._sound).decode()}} if self._sound else None

    def _new(self, told: dict[str, Any], piece: dict[str, Any]) -> dict[str, Any]:
        """What was not told before; of lists the items, of objects the fields."""
        new: dict[str, Any] = {}
        for name, value in piece.items():
            if isinstance(value, list):
                known = told.setdefault(name, [])
                fresh = [item for item in value if item not in known] if isinstance(known, list) else []
                if fresh:
                    known += fresh
                    new[name] = fresh
            elif isinstance(value, dict):
                known = told.setdefault(name, {})
                if isinstance(known, dict) and (inner := self._new(known, value)):
                    new[name] = inner
            elif value is not None and name not in told:
                new[name] = told[name] = value
        return new

    def _joinable(self, data: str) -> str:
        """The base64 of whole threes of bytes; the rest waits for the next piece."""
        try:
            sound = self._sound + b64decode(data, validate=True)
        except (Base64Error, ValueError):
            return data  # cut anywhere, so it can be joined as it is
        cut = len(sound) - len(sound) % 3
        self._sound = sound[cut:]
        return b64encode(sound[:cut]).decode()


class Citation(NamedTuple):
    """Where something in an answer comes from; what the service does not say is ``None``.

    Attributes:
        url: Where the source is.
        title: What the source is called.
        text: The words of the source.
        start: Where in the answer's text it is cited: the first character.
        end: The character after the last.
        extras: What else the service says.
    """

    url: str | None
    title: str | None
    text: str | None
    start: int | None
    end: int | None
    extras: dict[str, Any]

    @property
    def source(self) -> str:
        """The best name of the source."""
        known = (self.url, *(self.extras.get(name) for name in _SOURCES), self.title)
        return next((name for name in known if isinstance(name, str) and name), "")


_FIELDS = {"url": "url", "title": "title", "cited_text": "text", "quote": "text", "content": "text"}
_PLACES = {"start_index": "start", "end_index": "end"}
_SOURCES = ("filepath", "filename", "file_id", "id")


def citations_of(additions: Mapping[str, Any] | None) -> list[Citation]:
    """The citations of an answer: its annotations of that kind, then what "On Your Data" found for it."""
    if not additions:
        return []
    cited = [one for one in additions.get("annotations") or () if is_citation(one)]
    context = additions.get("context")
    listed = optional(context, "citations", list) if isinstance(context, dict) else None
    found = [one for one in listed or () if isinstance(one, dict) and one]
    return [_citation(one) for one in cited + found]


def is_citation(annotation: Any) -> bool:
    """Whether an annotation says where something comes from, as ``url_citation`` and ``file_citation`` do."""
    kind = annotation.get("type") if isinstance(annotation, dict) else None
    return isinstance(kind, str) and kind.endswith("citation")


def _citation(sent: Mapping[str, Any]) -> Citation:
    kind = sent.get("type")
    inner = sent.get(kind) if isinstance(kind, str) else None
    said = {**sent, **(inner if isinstance(inner, dict) else {})}
    known: dict[str, Any] = dict.fromkeys(Citation._fields)
    for names, wanted in ((_FIELDS, str), (_PLACES, int)):
        for name, field in names.items():
            if known[field] is None and type(said.get(name)) is wanted and said[name] != "":
                known[field] = said.pop(name)
    extras = {name: value for name, value in said.items() if name not in ("type", kind) and value is not None}
    return Citation(**{**known, "extras": extras})
