"""The house's own rules: how large things are, where knowledge stands, what is public, what the wheel holds.

Who may import whom stands in pyproject.toml, for import-linter and ruff.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hatchling.builders.wheel import WheelBuilder

from azure_inference_core import Connection
from azure_inference_core._request.keywords import WORDS
from azure_inference_core._request.parameters import (
    CHAT_PARAMETERS,
    COMPLETION_PARAMETERS,
    CONTROLS,
    EMBEDDING_PARAMETERS,
)

ROOT = Path(__file__).parents[1]
CORE = "azure_inference_core"
ADAPTERS = ("langchain_azure_inference", "llamaindex_azure_inference")
PACKAGES = (CORE, "azure_inference_local", *ADAPTERS)
CONTRACTS = 8
"""At least so many, for a lost contract breaks nothing."""

MOST_LINES = 300
LONGEST_FUNCTION = 45
MOST_AT_FIRST_LEVEL = 20
MOST_IN_A_FOLDER = 10
MODELS = re.compile(
    r"gpt|llama-?\d|mi(?:ni)?stral|magistral|mixtral|codestral|deepseek|\bcohere\b|command-|phi-|claude|gemini|gemma|grok|qwen"
    r"|jais|kimi|text-embedding|\bo[134]\b",
    re.IGNORECASE,
)
LARGEST_LIST = 2
"""Keywords that one literal outside the core may list; more are a table."""

MOST_PLACES = 3
"""The core's table and a field in either adapter."""

INTERPRETED = {"model", "stop", "max_tokens"}
"""Sampling parameters that mean something on the way: in an address, in a framework's own signature, to a family."""


def modules_of(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def is_docstring(node: ast.AST) -> bool:
    """Whether a statement is a string that stands by itself."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def code_of(path: Path) -> str:
    """A module without its comments and docstrings."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not is_docstring(part)] or [ast.Pass()]
    return ast.unparse(tree)


def test_the_import_contracts_hold() -> None:
    """The contracts of pyproject.toml, all of them, checked by import-linter."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kept = re.search(r"Contracts: (\d+) kept, 0 broken", done.stdout)
    assert kept
    assert int(kept.group(1)) >= CONTRACTS


def lines_of_docstrings(node: ast.AST) -> int:
    return sum(
        (part.end_lineno or 0) - part.lineno + 1
        for part in ast.walk(node)
        if isinstance(part, ast.Expr) and is_docstring(part)
    )


def test_modules_are_short() -> None:
    """A module's code is read in one sitting; what its docstrings explain and show comes on top."""
    long = []
    for path in modules_of(*PACKAGES):
        text = path.read_text()
        lines = len(text.splitlines()) - lines_of_docstrings(ast.parse(text))
        if lines > MOST_LINES:
            long.append(f"{name_of(path)}: {lines} lines")
    assert not long, "\n".join(long)


def functions_in(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_functions_are_short() -> None:
    """A function fits on a screen; a constructor that is a list of parameters may have as many lines as parameters."""
    long = []
    for path in modules_of(*PACKAGES):
        for function in functions_in(path):
            length = (function.end_lineno or 0) - function.lineno + 1 - lines_of_docstrings(function)
            given = len(function.args.args) + len(function.args.kwonlyargs)
            if length > LONGEST_FUNCTION + (given if function.name == "__init__" else 0):
                long.append(f"{name_of(path)}: {function.name} has {length} lines")
    assert not long, "\n".join(long)


def test_every_test_states_its_claim() -> None:
    """A test has one sentence that says what holds."""
    silent = [
        f"{name_of(path)}: {function.name}"
        for path in modules_of("tests")
        if path.name.startswith("test_")
        for function in functions_in(path)
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]
    assert not silent, "\n".join(silent)


def test_the_core_is_seen_at_a_glance() -> None:
    """Its first level fits on a screen, and so does each of its folders."""
    entries = [path.name for path in (ROOT / CORE).iterdir() if path.name != "__pycache__"]
    assert len(entries) <= MOST_AT_FIRST_LEVEL
    folders = {path.parent for path in modules_of(CORE)} - {ROOT / CORE}
    full = [name_of(folder) for folder in folders if len(list(folder.glob("*.py"))) > MOST_IN_A_FOLDER]
    assert not full, "\n".join(full)


def test_adapters_know_no_model() -> None:
    """What a model can do is a fact of the core's families; no framework's package names one."""
    found = {name_of(path): {*MODELS.findall(code_of(path))} for path in modules_of(*ADAPTERS)}
    named = [f"{name}: {', '.join(sorted(models))}" for name, models in found.items() if models]
    assert not named, "\n".join(named)


def strings_in(node: ast.AST) -> set[str]:
    """The strings that a literal collection lists, a dict's keys."""
    listed: list[ast.expr | None] = []
    if isinstance(node, ast.Dict):
        listed = list(node.keys)
    elif isinstance(node, ast.Set | ast.List | ast.Tuple):
        listed = list(node.elts)
    return {str(item.value) for item in listed if isinstance(item, ast.Constant)}


def test_adapters_have_no_table_of_keywords() -> None:
    """What a keyword means is decided once, in the core: no list and no dict of keywords in a framework's package."""
    meant = {name for name, word in WORDS.items() if word.way not in ("refused", "without effect")}
    keywords = {
        *CHAT_PARAMETERS, *COMPLETION_PARAMETERS, *EMBEDDING_PARAMETERS, *CONTROLS, *meant,
        *inspect.signature(Connection).parameters,
    }  # fmt: skip
    tables = [
        f"{name_of(path)}:{node.lineno}: {', '.join(sorted(listed))}"
        for path in modules_of(*ADAPTERS)
        for node in ast.walk(ast.parse(path.read_text()))
        if len(listed := strings_in(node) & keywords) > LARGEST_LIST
    ]
    assert not tables, "\n".join(tables)


def test_a_parameter_stands_in_few_places() -> None:
    """One that only passes through is in the core's table and a field of each adapter; what families refuse aside."""
    texts = {
        name_of(path): code_of(path)
        for path in modules_of(CORE, *ADAPTERS)
        if path != ROOT / CORE / "families.py"
    }
    places = {
        name: [place for place, text in texts.items() if re.search(rf"\b{name}\b", text)]
        for name in sorted(COMPLETION_PARAMETERS - INTERPRETED)
    }
    many = [f"{name}: {', '.join(found)}" for name, found in places.items() if len(found) > MOST_PLACES]
    assert not many, "\n".join(many)


def public_modules() -> list[str]:
    """The packages, and the modules that users import from; of the local endpoint only the package."""
    names = [*PACKAGES, "azure_inference_local.engines"]
    for package in (CORE, *ADAPTERS):
        found = pkgutil.iter_modules([str(ROOT / package)], f"{package}.")
        names += [module.name for module in found if not module.name.rpartition(".")[2].startswith("_")]
    return sorted(names)


def test_what_is_public_is_named() -> None:
    """``__all__`` is there, without doubles, and every name in it exists; ruff keeps it in order."""
    wrong = []
    for name in public_modules():
        module = importlib.import_module(name)
        names = list(getattr(module, "__all__", ()))
        wrong += [f"{name} has no {missing}" for missing in names if not hasattr(module, missing)]
        wrong += [f"{name} names {double} twice" for double in set(names) if names.count(double) > 1]
        if not names:
            wrong.append(f"{name} has no __all__")
    assert not wrong, "\n".join(wrong)


def visible(module: ModuleType, package: str) -> set[str]:
    """Public names of a package that are its own or the core's, modules left out."""
    own = (package, CORE)
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not isinstance(value, ModuleType)
        and str(getattr(value, "__module__", "")).startswith(own)
    }


def test_nothing_public_is_forgotten() -> None:
    """What a package's ``__init__`` imports from its own modules without an underscore is in ``__all__``."""
    modules = {name: importlib.import_module(name) for name in PACKAGES}
    forgotten = [
        f"{package}.{name}"
        for package, module in modules.items()
        for name in sorted(visible(module, package) - set(module.__all__))
    ]
    assert not forgotten, "\n".join(forgotten)


def test_star_imports_work() -> None:
    """``from package import *`` gives exactly what is public."""
    for name in PACKAGES:
        namespace: dict[str, object] = {}
        exec(f"from {name} import *", namespace)
        assert set(namespace) - {"__builtins__"} == set(importlib.import_module(name).__all__), name


@pytest.mark.slow
def test_the_wheel_is_complete(tmp_path: Path) -> None:
    """The built wheel holds every module and the type marker of the four packages, and nothing else of the tree."""
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for package in PACKAGES:
        assert f"{package}/py.typed" in names
    assert {name_of(path) for path in modules_of(*PACKAGES)} <= names
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert any(name.endswith("/licenses/LICENSE") for name in names)
