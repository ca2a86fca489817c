"""Write the table of habits into `habits.md`, from the rules: `python docs/habits.py`."""

from __future__ import annotations

from pathlib import Path

from azure_inference_core._client.habits.rules import RULES

PAGE = Path(__file__).with_name("habits.md")
BEGIN, END = "<!-- habits: begin -->\n", "<!-- habits: end -->\n"


def table() -> str:
    """The table, as Markdown."""
    rules = dict.fromkeys(rule for route in RULES.values() for rule in route)
    rows = "".join(f"| {rule.what} | {rule.instead} | {rule.known} |\n" for rule in rules)
    return f"| where this is refused | this is done instead | what a request begins with |\n|---|---|---|\n{rows}"


def written(page: str) -> str:
    """A page with the table as it is now."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
