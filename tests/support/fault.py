"""One row of the fault matrix, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from azure_inference_core.errors import InferenceError
from tests.support.stages import Play

__all__ = ["ALL", "EMBED", "STREAM", "UNARY", "WHOLE", "Fault", "Mode", "slow"]

Mode = Literal["unary", "stream", "embed"]
ALL: tuple[Mode, ...] = ("unary", "stream", "embed")
WHOLE: tuple[Mode, ...] = ("unary", "embed")
UNARY: tuple[Mode, ...] = ("unary",)
STREAM: tuple[Mode, ...] = ("stream",)
EMBED: tuple[Mode, ...] = ("embed",)


@dataclass(frozen=True)
class Fault:
    """One row of the matrix.

    Attributes:
        id: The row's id.
        name: What happens, in words.
        play: The stage it happens on.
        outcome: The class of the error, or ``None`` when the caller gets a good answer.
        requests: How many requests the endpoint must see; ``None``: not the point.
        modes: Where the row makes sense.
        details: Attributes the error must have.
        says: Pieces its text must hold (lower case).
        hides: Pieces its text must not hold.
        seconds: The call ends within so many seconds, waits between attempts taken out.
        options: Keywords for the connection.
        asynchronous: ``True``: only async clients promise this; ``None``: both kinds.
    """

    id: str
    name: str
    play: Play
    outcome: type[InferenceError] | None
    requests: int | None = None
    modes: tuple[Mode, ...] = ALL
    details: Mapping[str, Any] = field(default_factory=dict)
    says: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    seconds: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    asynchronous: bool | None = None

    def __str__(self) -> str:
        return f"{self.id}-{self.name.replace(' ', '_')}"


def slow(**seconds: float) -> dict[str, Any]:
    """Connection options with short timeouts; made when used, for the core may not be imported by every user."""
    return {"timeout": seconds}
