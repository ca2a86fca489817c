"""Write the tables of keywords into `coming.md`, from the tables that the code reads: `python docs/coming.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from azure_inference_core._request.keywords.sdk_client import CLIENT_KWARGS, FIELDS_OF_CLIENT
from azure_inference_core._request.keywords.table import WORDS
from azure_inference_core._request.keywords.ways import Word

PAGE = Path(__file__).with_name("coming.md")
MARK = "<!-- {}: {} -->\n"
GROUPS = ("alias", "translated", "without effect", "refused", "extra")


def tables() -> dict[str, str]:
    """The tables of the page by name, as Markdown."""
    fields = {name: Word("alias", to) for name, to in FIELDS_OF_CLIENT.items()}
    return {"keywords": table(WORDS), "client_kwargs": table({**fields, **CLIENT_KWARGS})}


def table(words: Mapping[str, Word]) -> str:
    """Rows, those that read alike together, in the order of what happens to them."""
    rows: dict[tuple[int, str], list[str]] = {}
    for name, word in words.items():
        rows.setdefault((GROUPS.index(word.way), here(word)), []).append(name)
    body = "".join(f"| {listed(names)} | {text} |\n" for (_, text), names in sorted(rows.items()))
    return f"| keyword | here |\n|---|---|\n{body}"


def here(word: Word) -> str:
    """What a row says of a word."""
    if word.way == "alias":
        return f"another word for {listed(word.to, ' or ')}"
    if word.way == "extra":
        return f"goes to the model{f'; {word.why}' if word.why else ''}"
    if word.way == "translated":
        return f"understood: {word.why}"
    if word.way == "without effect":
        return f"accepted, without effect: {word.why}"
    asks_nothing = f" (but {listed(map(repr, word.honoured))})" if word.honoured else ""
    return f"refused{asks_nothing}: {word.why}"


def listed(names: Iterable[str], between: str = ", ") -> str:
    """Names as code."""
    return between.join(f"`{name}`" for name in names)


def written(page: str) -> str:
    """A page with the tables as they are now."""
    for name, text in tables().items():
        begin, end = MARK.format(name, "begin"), MARK.format(name, "end")
        before, rest = page.split(begin)
        page = f"{before}{begin}{text}{end}{rest.split(end)[1]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
