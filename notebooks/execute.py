"""Run every notebook of this folder and save its outputs in it; fail on an error, a warning or a leak.

    python notebooks/execute.py [a-notebook.ipynb ...]

A notebook uses the endpoint of `AZURE_INFERENCE_ENDPOINT` if that is set, and a local one if not.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LEAKS = {
    "a key": r"\b[A-Za-z0-9_-]{43}\b|(?i:\bbearer [a-z0-9])",
    "a path of one machine": r"(?<![\w.])/(?:home|root|tmp|Users|usr|var|private|work|opt)/|\b[A-Z]:\\|site-packages",
    "a random port": r"(?:127\.0\.0\.1|localhost|\[::1\]):\d{4,5}",
    "a warning": r"[A-Za-z]*Warning\b(?!s? is raised)",
    "a traceback": r"Traceback \(most recent call last\)",
}
_BAR = re.compile(r"\d+%\|")


def texts(output: dict[str, Any]) -> Iterator[str]:
    """Every text of an output that a reader sees."""
    if "text" in output:
        yield "".join(output["text"])
    for kind, value in output.get("data", {}).items():
        if kind.startswith("text/") or kind.endswith("svg+xml"):
            yield "".join(value)
    if output["output_type"] == "error":
        yield "Traceback (most recent call last)"


def problems(notebook: dict[str, Any]) -> Iterator[str]:
    """What a reader of the saved notebook should not meet."""
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] != "code":
            continue
        if cell["execution_count"] is None:
            yield f"cell {number} was not run"
        if "execution" in cell["metadata"]:
            yield f"cell {number} holds times that change with each run"
        for output in cell["outputs"]:
            if output.get("name") == "stderr":
                yield f"cell {number} wrote to stderr: {''.join(output['text'])[:300]}"
            for text in texts(output):
                for what, pattern in LEAKS.items():
                    if found := re.search(pattern, text):
                        yield f"cell {number} shows {what}: {found[0]!r}"


def tidy(notebook: dict[str, Any]) -> None:
    """Keep what a reader needs: no times, no machine, no half-drawn progress bars."""
    notebook["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"cell-{number}"
        cell["metadata"] = {}
        for output in cell.get("outputs", []):
            if output["output_type"] != "stream":
                continue
            lines = [line.split("\r")[-1].rstrip() for line in output["text"].split("\n")]
            if output["name"] == "stderr" and all(_BAR.search(line) for line in lines if line):
                output["name"] = "stdout"
            output["text"] = "\n".join(lines)


def execute(path: Path) -> list[str]:
    """Run one notebook and return what is wrong with it; saved is only what ran to its end."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(path, as_version=4)
    found: list[str] = []
    try:
        NotebookClient(
            notebook,
            timeout=300,
            coalesce_streams=True,
            kernel_name="python3",
            extra_arguments=["--log-level=ERROR"],
        ).execute()
    except CellExecutionError as error:
        last = max(cell.get("execution_count") or 0 for cell in notebook.cells)
        return [f"In [{last}]: {error.ename}: {error.evalue}"]
    tidy(notebook)
    found += problems(json.loads(nbformat.writes(notebook)))
    nbformat.write(notebook, path)
    return found


def main() -> int:
    """Run the notebooks that are named, or all."""
    # Bars are drawn as text, which a saved page can show; tqdm would rather have ipywidgets and says so.
    os.environ["PYTHONWARNINGS"] = "default,ignore:IProgress not found"
    failed = False
    for path in [Path(name) for name in sys.argv[1:]] or sorted(HERE.glob("*.ipynb")):
        start = time.monotonic()
        found = execute(path)
        failed = failed or bool(found)
        print(
            f"{path.name:45} {time.monotonic() - start:5.1f} s  {'FAILED' if found else 'ok'}",
            flush=True,
        )
        for problem in found:
            print(f"    {problem}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
