"""Content safety by a plainly named rule set, in the shape of Azure's filter.

**This is a rule set, not a classifier.** It knows the words and phrases below and nothing else, which is enough to
develop and test what an application does when the service blocks a prompt or an answer, and not enough to protect
anybody. A real classifier can be plugged in: any callable from a text to severities by category.

Severities are Azure's: 0 safe, 2 low, 4 medium, 6 high. A category blocks from its threshold upwards; the default
threshold is 4 (medium), as on the service. With threshold 2 (low) the documentation's own sentence about chopping
tomatoes with a knife is blocked, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SEVERITIES = {"safe": 0, "low": 2, "medium": 4, "high": 6}
"""Names of the severities; a threshold may be given by name or number."""

CATEGORIES = ("hate", "self_harm", "sexual", "violence")
"""The categories with a severity; `jailbreak` is only found or not."""

Classifier = Callable[[str], Mapping[str, int]]
"""Returns the severity of a text by category; categories left out are safe."""

_WHO = r"(?:him|her|them|someone|somebody|people|a (?:man|woman|person|child)|my \w+|your \w+|the (?:neighbou?r|teacher|boss)s?|everyone|everybody|you|yourself|children|\w+ to death)"
_GROUP = (
    r"(?:immigrants|foreigners|jews|muslims|christians|blacks|whites|gays|women|men|disabled people|refugees)"
)

RULES: tuple[tuple[str, int, str], ...] = (
    ("violence", 2, r"\b(?:kni(?:fe|ves)|gun|rifle|sword|axe|blood|fight(?:ing)?|punch(?:ed|ing)?|shoot(?:ing)?|weapons?|cutting)\b"),
    ("violence", 4, rf"\b(?:kill|killing|stab|stabbing|shoot|shooting|strangle|poison|behead|beat|hurt|attack|torture|torturing) {_WHO}\b"),
    ("violence", 4, r"\b(?:murder(?:ed|ing)?|massacre|mass shooting|school shooting|slit \w+ throats?)\b"),
    ("violence", 6, r"\b(?:build|make|making|building|construct|assemble)\b.{0,30}\b(?:bombs?|pipe bomb|explosives?|nerve gas|molotov)\b"),
    ("violence", 6, rf"\bhow (?:to|do i|can i|would i) (?:kill|murder|stab|behead|poison|torture) {_WHO}\b"),
    ("hate", 2, r"\b(?:stupid|inferior|disgusting) (?:race|people)\b"),
    ("hate", 4, rf"\b(?:hate|despise|loathe) (?:all )?(?:the )?{_GROUP}\b"),
    ("hate", 6, rf"\b(?:exterminate|eradicate|wipe out|gas|get rid of) (?:all )?(?:the )?{_GROUP}\b"),
    ("self_harm", 2, r"\b(?:self[- ]harm|suicid(?:e|al))\b"),
    ("self_harm", 4, r"\b(?:kill(?:ing)? myself|end(?:ing)? my (?:own )?life|cut(?:ting)? myself|hurt(?:ing)? myself|want to die)\b"),
    ("self_harm", 6, r"\b(?:how (?:to|do i|can i)|best way to) (?:commit suicide|kill myself|end my (?:own )?life|hang myself|overdose)\b"),
    ("sexual", 2, r"\b(?:naked|nude|erotic|lingerie)\b"),
    ("sexual", 4, r"\b(?:porn(?:ography|ographic)?|explicit sex|sex scene|hardcore sex)\b"),
    ("sexual", 6, r"\b(?:child porn(?:ography)?|sex with (?:a )?(?:child|children|minors?)|rape fantas(?:y|ies))\b"),
    ("jailbreak", 6, r"\b(?:ignore|disregard|forget) (?:all |any )?(?:of )?(?:your |the )?(?:previous|prior|above|earlier) (?:instructions|rules|prompts?)\b"),
    ("jailbreak", 6, r"\b(?:you are now dan|do anything now|developer mode enabled|pretend (?:that )?you have no (?:rules|restrictions))\b"),
)  # fmt: skip
"""The rule set: category, severity, pattern (upper and lower case alike)."""

_COMPILED = tuple(
    (category, severity, re.compile(pattern, re.IGNORECASE)) for category, severity, pattern in RULES
)


def rule_severities(text: str) -> dict[str, int]:
    """Return the highest severity of a rule that matches, by category."""
    found: dict[str, int] = {}
    for category, severity, pattern in _COMPILED:
        if severity > found.get(category, 0) and pattern.search(text):
            found[category] = severity
    return found


@dataclass(frozen=True, slots=True)
class ContentSafety:
    """What a deployment blocks.

    ```python
    strict = ContentSafety(threshold="low")
    found = strict.check(["Chop the tomatoes with a knife."], prompt=True)
    print(found["violence"])  # {'filtered': True, 'severity': 'low'}


    def classifier(text: str) -> dict[str, int]:
        return {"violence": 6 if "dragon" in text else 0}


    with serve(content_safety=ContentSafety(classifier=classifier)) as endpoint:
        print(endpoint.url)
    ```

    Attributes:
        threshold: Severity from which a category blocks: a number, a name of `SEVERITIES`, or a mapping by
            category (categories left out use medium).
        classifier: Severities of a text; the default is the rule set of this module. It runs in a worker thread.
        prompts: Whether prompts are checked.
        answers: Whether answers are checked.
    """

    threshold: int | str | Mapping[str, int | str] = 4
    classifier: Classifier = rule_severities
    prompts: bool = True
    answers: bool = True

    def __post_init__(self) -> None:
        """Refuse a threshold that does not exist."""
        for category in (*CATEGORIES, "jailbreak"):
            self._limit(category)

    def _limit(self, category: str) -> int:
        value = self.threshold
        if isinstance(value, Mapping):
            value = value.get(category, 4)
        if isinstance(value, str):
            if value not in SEVERITIES:
                raise ValueError(f"a threshold is a number or one of {', '.join(SEVERITIES)}, not {value!r}")
            value = SEVERITIES[value]
        return max(1, value)

    def check(self, texts: Iterable[str], *, prompt: bool) -> dict[str, dict[str, Any]]:
        """Return the findings by category in the form of Azure OpenAI's annotations."""
        severities: dict[str, int] = {}
        for text in texts:
            for category, severity in self.classifier(text).items():
                severities[category] = max(severities.get(category, 0), severity)
        results: dict[str, dict[str, Any]] = {}
        for category in CATEGORIES:
            severity = severities.get(category, 0)
            results[category] = {"filtered": severity >= self._limit(category), "severity": _name(severity)}
        if prompt:
            detected = severities.get("jailbreak", 0) >= self._limit("jailbreak")
            results["jailbreak"] = {"filtered": detected, "detected": detected}
        return results


def blocks(results: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether a finding is filtered."""
    return any(result["filtered"] for result in results.values())


def _name(severity: int) -> str:
    return next(name for name, least in reversed(SEVERITIES.items()) if severity >= least)


_WINDOW = 160
"""Characters of an answer before the newest that the rules see again: longer than any phrase they know."""

_WIDE_WINDOW = 2000
"""The same for a classifier of the user's own, which may need more of the text."""


class AnswerFilter:
    """Looks at an answer as it is written, in the worker thread, and ends it at the first finding that blocks.

    Args:
        safety: The rules; `None` lets everything through.
    """

    def __init__(self, safety: ContentSafety | None) -> None:
        self._safety = safety if safety is not None and safety.answers else None
        own = safety is not None and safety.classifier is not rule_severities
        self._window = _WIDE_WINDOW if own else _WINDOW
        self._tails: dict[int, str] = {}
        self.results: dict[int, dict[str, dict[str, Any]]] = {}

    def __call__(self, chunk: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """Return the chunk to send and whether the answer ends here.

        The text that completes a finding is not sent: its chunk is replaced by one with the finish reason
        `content_filter` and nothing else.
        """
        if self._safety is None:
            return chunk, False
        for choice in chunk.get("choices") or ():
            index = choice.get("index") or 0
            text = choice.get("text") or (choice.get("delta") or {}).get("content") or ""
            if not text:
                continue
            tail = self._tails[index] = (self._tails.get(index, "") + text)[-(self._window + len(text)) :]
            results = self._safety.check((tail,), prompt=False)
            self.results[index] = _worse(self.results.get(index), results)
            if blocks(results):
                blocked: dict[str, Any] = {
                    "index": index,
                    "delta": {},
                    "text": "",
                    "finish_reason": "content_filter",
                }
                return {**chunk, "choices": [blocked], "blocked": True}, True
        return chunk, False


def _worse(
    old: dict[str, dict[str, Any]] | None, new: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return the findings of the whole answer: the worse of what was found before and now."""
    if old is None:
        return new
    return {
        category: max(old[category], new[category], key=lambda result: SEVERITIES[result["severity"]])
        for category in new
    }
