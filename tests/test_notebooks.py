"""The notebooks as they are saved: run, in order, and with nothing in them that a reader should not meet."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NAMES = [path.name for path in NOTEBOOKS]
GUARD = 'if "AZURE_INFERENCE_ENDPOINT" not in os.environ:'

_spec = importlib.util.spec_from_file_location("execute", ROOT / "notebooks" / "execute.py")
execute = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(execute)


def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def source_of(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in load(path)["cells"] if cell["cell_type"] == "code"]


def output(text: str, **more: Any) -> dict[str, Any]:
    stream = {"output_type": "stream", "name": "stdout", "text": text, **more}
    return {"cells": [{"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [stream]}]}


def test_there_are_six() -> None:
    """The six notebooks are there, numbered from 1 to 6."""
    assert [name[:2] for name in NAMES] == [f"{number}-" for number in range(1, 7)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_saved_outputs_are_fit_to_read(path: Path) -> None:
    """No key, no path, no random port, no warning, no traceback, nothing on stderr, no times of a run."""
    assert list(execute.problems(load(path))) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_cells_were_run_in_order(path: Path) -> None:
    """The saved outputs are those of one run from top to bottom."""
    counts = [cell["execution_count"] for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_no_key_and_no_address_is_written_in_the_code(path: Path) -> None:
    """Notebooks take endpoint and key from the environment or from the endpoint they start."""
    for cell in code_cells(path):
        for node in ast.walk(ast.parse(source_of(cell))):
            if (
                isinstance(node, ast.keyword)
                and node.arg == "credential"
                and isinstance(node.value, ast.Constant)
            ):
                assert node.value.value in ("key", "wrong")
        assert not re.search(r"https://(?!docs\.)[^<\"']*azure", source_of(cell))


@pytest.mark.parametrize("path", NOTEBOOKS[:4], ids=NAMES[:4])
def test_the_endpoint_of_the_environment_is_used_if_there_is_one(path: Path) -> None:
    """The first cell starts a local endpoint only where none is set."""
    assert GUARD in source_of(code_cells(path)[0])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_links_between_notebooks_lead_somewhere(path: Path) -> None:
    """A reader can walk from one notebook to the next."""
    for cell in load(path)["cells"]:
        for target in (
            re.findall(r"\]\(([^)#\s]+)\)", source_of(cell)) if cell["cell_type"] == "markdown" else ()
        ):
            assert target.startswith("https:") or (path.parent / target).exists(), target


@pytest.mark.parametrize(
    "text",
    [
        "key " + "aB3_" * 10 + "xyz",
        "Authorization: Bearer abc",
        "saved in /home/me/x",
        "File /tmp/x.py",
        "at http://127.0.0.1:41737/x",
        "DeprecationWarning: no",
        "Traceback (most recent call last):",
    ],
)
def test_the_check_finds_what_it_looks_for(text: str) -> None:
    """Each kind of leak is found where there is one."""
    assert len(list(execute.problems(output(text)))) == 1
    assert len(list(execute.problems(output("fine", name="stderr")))) == 1
    assert list(execute.problems(output("fine"))) == []
