"""Rules about the messages of a conversation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from azure_inference_core._client.habits.learning import GIVEN, LEFT_OUT, Rule, Said
from azure_inference_core._request.history import with_reasoning, without_reasoning
from azure_inference_core._request.parameters import Draft

_NO_SYSTEM = re.compile(
    r"(?:not support|unsupported|invalid|unknown|not allowed)\W[^.]{0,60}\bsystem\b"
    r"|\bsystem\b[^.,]{0,40}\bnot (?:be )?(?:support|allow|permit)",
    re.IGNORECASE,
)
_INSTRUCTIONS = frozenset(("system", "developer"))


class InstructionsRole(Rule):
    """Under which role instructions stand."""

    name = "messages"
    what = "the role developer, or system"
    instead = "instructions go under the other"
    known = "by family; where both stand in one request, as system"
    others: ClassVar[Mapping[str, str]] = {"developer": "system", "system": "developer"}

    def first(self, draft: Draft) -> str | None:
        roles = _INSTRUCTIONS.intersection([message["role"] for message in draft.content])
        if not roles:
            return None
        if draft.family.system_role == "user":
            return "user"
        keeps = draft.family.system_role == "developer" and "system" not in roles
        return "developer" if keeps else "system"

    def write(self, draft: Draft, form: str) -> None:
        others = _INSTRUCTIONS - {form}
        if not others.isdisjoint([message["role"] for message in draft.content]):
            draft.content = [{**m, "role": form} if m["role"] in others else m for m in draft.content]

    def refuses(self, form: str, said: Said) -> bool:
        if form == "developer":
            return "developer" in said.text or ("role" in said.text and "system" in said.text)
        return form == "system" and bool(_NO_SYSTEM.search(said.text))


class Reasoning(Rule):
    """Whether the reasoning of earlier answers goes back."""

    name = "reasoning_content"
    what = "a history with the model's reasoning, or without"
    instead = "reasoning goes back with every answer from the first tool call on, or stays here"
    known = "by family (Kimi, and DeepSeek from V3.2 on, want it); send_reasoning is never changed"
    others: ClassVar[Mapping[str, str]] = {"sent": LEFT_OUT, LEFT_OUT: "sent"}
    refusal = re.compile(r"reasoning[_ ]content", re.IGNORECASE)
    _missed = re.compile(r"missing|must|required|passed back|(?<!not )(?<!n't )expect|need", re.IGNORECASE)

    def first(self, draft: Draft) -> str | None:
        if not any(message.get("tool_calls") or self.name in message for message in draft.content):
            return None
        if draft.params.get("send_reasoning") is not None:
            return GIVEN
        return "sent" if draft.family.reasoning_back == "required" else LEFT_OUT

    def write(self, draft: Draft, form: str) -> None:
        sends = draft.params["send_reasoning"] if form == GIVEN else form == "sent"
        draft.content = (with_reasoning if sends else without_reasoning)(draft.content)

    def refuses(self, form: str, said: Said) -> bool:
        missed = bool(self._missed.search(said.text))
        return bool(self.refusal.search(said.text)) and missed is (form == LEFT_OUT)
