"""Code blocks of documents: found, put in their lines, and run."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Block", "blocks_of", "run"]

_FENCE = re.compile(
    r"^(?P<indent>[ ]*)```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=indent)```", re.DOTALL | re.MULTILINE
)
NOT_RUN = re.compile(r"<!-- not run: [^\n]+ -->\s*\Z")


class Block(NamedTuple):
    """A fenced block: its language, its code, the line it begins in, and whether its document wants it run."""

    language: str
    code: str
    line: int
    runs: bool


def blocks_of(text: str) -> Iterator[Block]:
    """Every fenced block of a Markdown text; ``<!-- not run: why -->`` before one says that it is only read."""
    for found in _FENCE.finditer(text):
        indent = found["indent"]
        code = re.sub(rf"^{indent}", "", found["code"], flags=re.MULTILINE)
        line = text.count("\n", 0, found.start("code")) + 1
        yield Block(found["language"], code, line, not NOT_RUN.search(text[: found.start()]))


def run(code: str, path: Path, line: int, names: dict[str, Any]) -> None:
    """Run a block, ``await`` included, with tracebacks that point into the document."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    compiled = compile("\n" * (line - 1) + code, str(path), "exec", flags=flags, dont_inherit=True)
    if compiled.co_flags & inspect.CO_COROUTINE:
        asyncio.run(eval(compiled, names))
    else:
        exec(compiled, names)
