"""What is measured, on whom, how often; and the targets the numbers are held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

OURS = ("lc-ours", "li-ours")
RETIRED = ("lc-azure", "li-azure")
CHAT = ("raw", "core", "lc-floor", "lc-ours", "lc-azure", "lc-openai", "li-floor", "li-ours", "li-azure")
NO_FLOOR = ("raw", "core", "lc-ours", "lc-azure", "lc-openai", "li-ours", "li-azure")
COLD = ("core", "lc-floor", "lc-ours", "lc-azure", "lc-openai", "li-floor", "li-ours", "li-azure")


@dataclass(frozen=True)
class Measure:
    """One thing that is measured.

    Attributes:
        name: What ``--only`` takes, and the key of the results.
        title: What the table says.
        ask: The worker's method and its arguments; ``None`` for a process started cold.
        who: The contenders that are asked.
        unit: Of the number shown.
        scale: From seconds to ``unit``.
        number: ``"cpu"`` (user and system time of the process, all threads) or ``"wall"``.
        rounds: How many rounds in a full run, and in a quick one.
        once: Contenders that take part in the first round only: they are slow, or nothing is compared with them.
    """

    name: str
    title: str
    ask: dict[str, Any]
    who: tuple[str, ...]
    unit: str
    scale: float
    number: str = "cpu"
    rounds: tuple[int, int] = (15, 5)
    once: tuple[str, ...] = ()
    quick: dict[str, Any] = field(default_factory=dict)


MEASURES = (
    Measure("call", "sync call", {"measure": "call", "count": 60}, CHAT, "µs", 1e6),
    Measure("acall", "async call", {"measure": "acall", "count": 60}, CHAT, "µs", 1e6),
    Measure(
        "stream", "streamed chunk, sync", {"measure": "stream", "count": 1}, CHAT, "µs", 1e6, rounds=(31, 5)
    ),
    Measure(
        "astream",
        "streamed chunk, async",
        {"measure": "astream", "count": 1},
        CHAT,
        "µs",
        1e6,
        rounds=(31, 5),
    ),
    Measure(
        "gather",
        "200 calls at once, 50 ms each",
        {"measure": "gather", "count": 200},
        NO_FLOOR,
        "ms",
        1e3,
        number="wall",
        rounds=(5, 3),
    ),
    Measure(
        "ttft", "first token, sync", {"measure": "ttft", "count": 10}, NO_FLOOR, "ms", 1e3, "wall", (5, 3)
    ),
    Measure(
        "attft", "first token, async", {"measure": "attft", "count": 10}, NO_FLOOR, "ms", 1e3, "wall", (5, 3)
    ),
    Measure(
        "embed",
        "2,000 texts x 1536, base64",
        {"measure": "embed", "count": 2000, "floats": False},
        ("core", "lc-ours", "lc-openai", "li-ours"),
        "s",
        1,
        "wall",
        (5, 3),
    ),
    Measure(
        "embed-floats",
        "2,000 texts x 1536, floats",
        {"measure": "embed", "count": 2000, "floats": True},
        ("raw", "core", "lc-ours", "lc-azure", "li-ours", "li-azure"),
        "s",
        1,
        "wall",
        (5, 3),
        once=RETIRED,
    ),
    Measure(
        "stall",
        "longest stall of the event loop, 500 texts",
        {"measure": "stall", "count": 500},
        NO_FLOOR,
        "ms",
        1e3,
        "wall",
        (5, 3),
        once=RETIRED,
    ),
    *(
        Measure(
            name,
            f"cold start to first answer, {kind}",
            {"how": how},
            COLD,
            "s",
            1,
            "wall",
            (10, 3),
            once=("core", "lc-openai", *RETIRED),
        )
        for name, kind, how in (("cold", "sync", "call"), ("acold", "async", "acall"))
    ),
    Measure(
        "construct",
        "requests made by constructors",
        {"measure": "construct"},
        NO_FLOOR[1:],
        "",
        1,
        "requests",
        (1, 1),
    ),
)

Rounds = dict[str, list[dict[str, float]]]
Results = dict[str, Rounds]


@dataclass
class Verdict:
    """One target, and how it went."""

    title: str
    who: str
    got: str
    target: str
    passed: bool


def value(results: Results, measure: str, who: str, number: str) -> float | None:
    """The median over the rounds."""
    rounds = results.get(measure, {}).get(who)
    return median(r[number] for r in rounds) if rounds else None


def paired(
    results: Results, measure: str, who: str, number: str, against: Callable[[int], float | None]
) -> float | None:
    """The median over the rounds of ours divided by what it is compared with in the same round."""
    ratios = []
    for index, mine in enumerate(results.get(measure, {}).get(who, [])):
        theirs = against(index)
        if theirs:
            ratios.append(mine[number] / theirs)
    return median(ratios) if ratios else None


def _of(results: Results, measure: str, who: str, number: str) -> Callable[[int], float | None]:
    """A contender's number in a round; its only round stands for all."""
    rounds = results.get(measure, {}).get(who, [])
    return lambda index: (rounds[index] if index < len(rounds) else rounds[-1])[number] if rounds else None


def _better(results: Results, measure: str, number: str) -> Callable[[int], float | None]:
    """The better of the two retired integrations, by its median, in a round.

    Not the lower of the two in each round: on a busy machine that is a better integration than there is.
    """
    found = {peer: got for peer in RETIRED if (got := value(results, measure, peer, number)) is not None}
    return _of(results, measure, min(found, key=found.__getitem__) if found else RETIRED[0], number)


# (measure, number, against the better of the retired, against langchain-openai); None where no target is set
_RATIOS: tuple[tuple[str, str, float | None, float | None], ...] = (
    ("call", "cpu", 0.70, 1.0),
    ("acall", "cpu", 0.50, 1.0),
    ("stream", "cpu", 0.25, 1.0),
    ("astream", "cpu", 0.25, 1.0),
    ("gather", "wall", 0.60, 1.0),
    ("ttft", "wall", 1.0, 1.0),
    ("attft", "wall", 1.0, 1.0),
    ("embed", "wall", 0.02, 1.0),
    ("embed-floats", "wall", 0.07, None),
    ("stall", "wall", None, 1.0),
)
_ABOVE_FLOOR = 1.35
_STALL_MS = 60.0
_COLD_ABOVE_FLOOR = 0.25


def verdicts(results: Results) -> list[Verdict]:
    """Every target that the results can answer."""
    found: list[Verdict] = []
    titles = {measure.name: measure.title for measure in MEASURES}
    for measure, number, retired, openai in _RATIOS:
        # The retired integrations have no base64; their floats are what a user of theirs waits for.
        peer_measure = "embed-floats" if measure == "embed" else measure
        for who in OURS:
            for label, limit, against in (
                ("the better retired one", retired, _better(results, peer_measure, number)),
                ("langchain-openai", openai, _of(results, measure, "lc-openai", number)),
            ):
                ratio = paired(results, measure, who, number, against)
                if limit is not None and ratio is not None:
                    title = f"{titles[measure]} / {label}"
                    found.append(Verdict(title, who, f"{ratio:.3f}x", f"<= {limit:.2f}x", ratio <= limit))
    return found + _floor_verdicts(results, titles) + _absolute_verdicts(results, titles)


def _floor_verdicts(results: Results, titles: dict[str, str]) -> list[Verdict]:
    found = []
    for measure in ("call", "acall", "stream", "astream"):
        for who in OURS:
            core = _of(results, measure, "core", "cpu")
            floor = _of(results, measure, who[:2] + "-floor", "cpu")

            def both(index: int, core: Any = core, floor: Any = floor) -> float | None:
                one, other = core(index), floor(index)
                return one + other if one is not None and other is not None else None

            ratio = paired(results, measure, who, "cpu", both)
            if ratio is not None:
                title = f"{titles[measure]} / (core alone + framework's floor)"
                found.append(
                    Verdict(title, who, f"{ratio:.3f}x", f"<= {_ABOVE_FLOOR}x", ratio <= _ABOVE_FLOOR)
                )
    return found


def _absolute_verdicts(results: Results, titles: dict[str, str]) -> list[Verdict]:
    found = []
    for who in ("core", *OURS):
        stall = value(results, "stall", who, "wall")
        if stall is not None:
            stall *= 1e3
            found.append(
                Verdict(titles["stall"], who, f"{stall:.0f} ms", f"<= {_STALL_MS:.0f} ms", stall <= _STALL_MS)
            )
        for measure in (
            "call",
            "acall",
            "stream",
            "astream",
            "gather",
            "ttft",
            "attft",
            "embed",
            "embed-floats",
        ):
            rounds = results.get(measure, {}).get(who)
            if rounds:
                # The last round: batches sent side by side may reach their full number only after a few rounds.
                opened = rounds[-1]["connections"]
                title = f"{titles[measure]}: new connections in steady state"
                found.append(Verdict(title, who, f"{opened:.0f}", "0", opened == 0))
        made = value(results, "construct", who, "requests")
        if made is not None:
            found.append(Verdict(titles["construct"], who, f"{made:.0f}", "0", made == 0))
        if who in OURS:
            found += _cold_verdicts(results, titles, who)
    return found


def _cold_verdicts(results: Results, titles: dict[str, str], who: str) -> list[Verdict]:
    found = []
    for measure in ("cold", "acold"):
        mine = results.get(measure, {}).get(who, [])
        floor = results.get(measure, {}).get(who[:2] + "-floor", [])
        if mine and floor:
            # A start is one long piece of work that a neighbour can only lengthen: the best of each is compared.
            above = min(m["wall"] for m in mine) - min(f["wall"] for f in floor)
            title = f"{titles[measure]}, above the framework's floor"
            limit = f"<= {_COLD_ABOVE_FLOOR} s"
            found.append(Verdict(title, who, f"{above:+.2f} s", limit, above <= _COLD_ABOVE_FLOOR))
    return found
