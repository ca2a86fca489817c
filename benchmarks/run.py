"""Compare this package with raw clients, the frameworks' floors and the other integrations, in one run.

    python benchmarks/run.py              everything, about five minutes
    python benchmarks/run.py --quick      fewer rounds, and the slow peers with a tenth of the texts
    python benchmarks/run.py --only call --only stream

An instant server runs in its own process, and so does each contender. Contenders take turns (A B C, A B C), so that
a busy neighbour slows all of them; numbers are medians over the rounds, ratios are taken within a round. CPU is user
and system time of the contender's process, all its threads. Contenders that are not installed are listed as missing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from contenders import CONTENDERS, TITLES
from measures import MEASURES, RETIRED, Measure, Results, verdicts

HERE = Path(__file__).parent
_LABEL = 48
_COLUMN = 10
_QUICK_TEXTS = 10  # a quick run gives the slow peers this fraction of the texts


def clean_environment() -> dict[str, str]:
    """Nothing that would change what a client does: no proxy, no endpoint, no tracing."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONWARNINGS": "ignore", "PYTHONPATH": str(HERE), "TOKENIZERS_PARALLELISM": "false"}


def warn_if_busy() -> None:
    """Say so when neighbours would be measured too: wall times then tell little, and even CPU times rise."""
    if hasattr(os, "getloadavg"):
        load, cores = os.getloadavg()[0], os.cpu_count() or 1
        if load > cores / 2:
            print(
                f"This machine is busy (load {load:.1f} on {cores} cores): wall times and cold starts will be too long."
            )


class Process:
    """A worker or the server, spoken to by lines."""

    def __init__(self, *args: str, verbose: bool = False) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if verbose else subprocess.DEVNULL,
            env=clean_environment(),
            text=True,
        )

    def read(self) -> str:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args[1:3]} ended with {self.process.wait()}; try --verbose")
        return line

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return json.loads(self.read())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(10)


class Bench:
    """One run."""

    def __init__(self, *, quick: bool, verbose: bool) -> None:
        self.quick = quick
        self.verbose = verbose
        self.server = Process(str(HERE / "server.py"), verbose=verbose)
        port, self.control = self.server.read().split()
        self.base = f"http://127.0.0.1:{port}"
        self.workers: dict[str, Process] = {}
        self.missing: dict[str, str] = {}
        self.failed: dict[tuple[str, str], str] = {}
        self.scaled: set[tuple[str, str]] = set()
        self.results: Results = {}

    def worker(self, name: str) -> Process | None:
        """The contender's process, or ``None`` if it is not installed."""
        if name not in self.workers and name not in self.missing:
            process = Process(str(HERE / "worker.py"), name, self.base, self.control, verbose=self.verbose)
            ready = json.loads(process.read())
            if "missing" in ready:
                self.missing[name] = ready["missing"]
                process.close()
            else:
                self.workers[name] = process
        return self.workers.get(name)

    def run(self, measure: Measure) -> None:
        """All rounds of one measure."""
        rounds = measure.rounds[1] if self.quick else measure.rounds[0]
        found = self.results.setdefault(measure.name, {})
        for number in range(rounds):
            for who in measure.who:
                if self.worker(who) is None or (measure.name, who) in self.failed:
                    continue
                if number and who in measure.once:
                    continue
                reply = self.cold(measure, who) if "how" in measure.ask else self.ask(measure, who)
                if "failed" in reply or "absent" in reply:
                    self.failed[measure.name, who] = reply.get("failed", "")
                else:
                    found.setdefault(who, []).append(reply)

    def ask(self, measure: Measure, who: str) -> dict[str, Any]:
        """One round of one contender."""
        question = dict(measure.ask)
        scale = 1
        if question["measure"] in ("embed", "stall"):
            slow = who in RETIRED
            if slow and self.quick:
                scale = _QUICK_TEXTS
                question["count"] //= scale
                self.scaled.add((measure.name, who))
            # A full warm-up opens every connection that the measured call will use.
            question["warm_up"] = 16 if slow else question["count"]
        reply = self.workers[who].ask(question)
        for number in ("wall", "cpu"):
            if number in reply:
                reply[number] *= scale
        return reply

    def cold(self, measure: Measure, who: str) -> dict[str, Any]:
        """A process from nothing to its first answer."""
        process = Process(
            str(HERE / "worker.py"), "--cold", who, self.base, measure.ask["how"], verbose=self.verbose
        )
        try:
            return json.loads(process.read())
        except RuntimeError as error:
            return {"failed": str(error)}
        finally:
            process.close()

    def close(self) -> None:
        """End every process."""
        for process in (*self.workers.values(), self.server):
            process.close()


def shown(measure: Measure, rounds: list[dict[str, float]]) -> str:
    """A number as the table shows it."""
    number = median(r[measure.number] for r in rounds) * measure.scale
    return (
        f"{number:.0f}"
        if number >= 100 or not measure.unit
        else f"{number:.1f}"
        if number >= 10
        else f"{number:.2f}"
    )


def print_row(label: str, cells: list[str]) -> None:
    """A line of the table of medians."""
    print(f"{label:<{_LABEL}}" + "".join(f"{cell:>{_COLUMN}}" for cell in cells))


def print_numbers(bench: Bench, measures: list[Measure]) -> None:
    """The table of medians: a row a measure, a column a contender."""
    columns = [name for name in CONTENDERS if name in bench.workers]
    print("\n" + " " * _LABEL + "".join(f"{name:>{_COLUMN}}" for name in columns))
    for measure in measures:
        found = bench.results[measure.name]
        cells = []
        for who in columns:
            mark = "~" if (measure.name, who) in bench.scaled else ""
            failed = bench.failed.get((measure.name, who))
            cells.append(mark + shown(measure, found[who]) if who in found else "failed" if failed else "-")
        basis = "CPU" if measure.number == "cpu" else measure.number
        print_row(measure.title + (f", {basis} {measure.unit}" if measure.unit else ""), cells)
        if measure.number == "cpu":
            walls = {who: median(r["wall"] for r in found[who]) * measure.scale for who in found}
            print_row(
                f"{'':>8}wall {measure.unit}",
                [f"{walls[who]:.1f}" if who in walls else "-" for who in columns],
            )
    if bench.scaled:
        print(
            f"\n~ measured with a tenth of the texts and multiplied by {_QUICK_TEXTS}; a full run measures all of them."
        )


def print_verdicts(bench: Bench) -> bool:
    """The targets, each with what was reached; whether all were met."""
    found = verdicts(bench.results)
    if found:
        print(f"\n{'target':<72}{'of':<9}{'reached':>10}{'target':>12}")
    for verdict in sorted(found, key=lambda v: v.who):
        mark = "PASS" if verdict.passed else "FAIL"
        print(f"{verdict.title:<72}{verdict.who:<9}{verdict.got:>10}{verdict.target:>12}  {mark}")
    return all(verdict.passed for verdict in found)


def main() -> int:
    """Run the benchmarks; 0 if every target that could be checked was met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a short run")
    parser.add_argument("--only", action="append", metavar="NAME", choices=[m.name for m in MEASURES])
    parser.add_argument(
        "--verbose", action="store_true", help="show what the contenders write to standard error"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every round's numbers here")
    options = parser.parse_args()
    chosen = [measure for measure in MEASURES if not options.only or measure.name in options.only]
    started = time.monotonic()
    warn_if_busy()
    bench = Bench(quick=options.quick, verbose=options.verbose)
    try:
        for measure in chosen:
            print(f"{time.monotonic() - started:6.1f} s  {measure.title} ...", flush=True)
            bench.run(measure)
    finally:
        bench.close()
    print_numbers(bench, chosen)
    for name, title in TITLES.items():
        print(
            f"{name:>10}  {title}" + (f": MISSING ({bench.missing[name]})" if name in bench.missing else "")
        )
    for (measure, who), reason in bench.failed.items():
        if reason:
            print(f"\n{measure} failed for {who}:\n{reason.rstrip()}")
    met = print_verdicts(bench)
    print(f"\n{'All targets met' if met else 'Targets missed'}; {time.monotonic() - started:.0f} s in all.")
    if options.json:
        options.json.write_text(json.dumps(bench.results))
    return 0 if met and not any(bench.failed.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
