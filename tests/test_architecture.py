"""The house's own rules: who imports whom, how large things are, what is public, what the wheel holds."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "azure_inference_core",
    "azure_inference_local",
    "langchain_azure_inference",
    "llamaindex_azure_inference",
)
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
MOST_LINES = 300
LONGEST_FUNCTION = 45
CONTRACTS = 5
"""At least so many, for a lost contract breaks nothing."""
PURE = (
    "_sse",
    "_request",
    "_response",
    "_retry",
    "_translate",
    "_stream",
    "_json",
    "_body",
    "_vectors",
    "_values",
)
SDK = "azure.ai.inference"


def name_of(path: Path) -> str:
    """A module's path inside the repository."""
    return str(path.relative_to(ROOT))


def imports_of(path: Path) -> set[str]:
    """Every module that a module imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def imports(path: Path, *names: str) -> bool:
    """Whether a module imports one of these, or something inside it."""
    return any(f"{found}.".startswith(f"{name}.") for found in imports_of(path) for name in names)


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


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    """Core knows no framework, adapters know no other adapter, the endpoint is an island, one file knows the SDK."""
    package = path.relative_to(ROOT).parts[0]
    strangers = {
        "azure_inference_core": (
            "langchain",
            "langchain_core",
            "llama_index",
            "pydantic",
            *set(PACKAGES) - {package},
        ),
        "azure_inference_local": ("langchain", "langchain_core", "llama_index", *set(PACKAGES) - {package}),
        "langchain_azure_inference": ("llama_index", "llamaindex_azure_inference", "azure_inference_local"),
        "llamaindex_azure_inference": (
            "langchain",
            "langchain_core",
            "langchain_azure_inference",
            "azure_inference_local",
        ),
    }[package]
    assert not imports(path, *strangers)
    if name_of(path) != "azure_inference_core/_transport.py":
        assert not imports(path, SDK)


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_touch_no_transport(name: str) -> None:
    """Bytes and dicts in, values out: no sockets, no clocks that wait, no HTTP library."""
    path = ROOT / "azure_inference_core" / f"{name}.py"
    assert not imports(path, "asyncio", "socket", "ssl", "urllib3", "aiohttp", "requests", "azure")
    assert not imports(
        path,
        "azure_inference_core.connection",
        "azure_inference_core._transport.sdk",
        "azure_inference_core._client.client",
    )


def lines_of_docstrings(node: ast.AST) -> int:
    """How many lines of a node are docstrings: strings that stand by themselves."""
    return sum(
        (part.end_lineno or 0) - part.lineno + 1
        for part in ast.walk(node)
        if isinstance(part, ast.Expr)
        and isinstance(part.value, ast.Constant)
        and isinstance(part.value.value, str)
    )


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_are_short(path: Path) -> None:
    """A module's code is read in one sitting; what its docstrings explain and show comes on top."""
    text = path.read_text()
    assert len(text.splitlines()) - lines_of_docstrings(ast.parse(text)) <= MOST_LINES


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """A function's lines without its docstrings."""
    return (function.end_lineno or 0) - function.lineno + 1 - lines_of_docstrings(function)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_functions_are_short(path: Path) -> None:
    """A function fits on a screen; a constructor that is a list of parameters may have as many lines as parameters."""
    long = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = len(node.args.args) + len(node.args.kwonlyargs)
            if length(node) > LONGEST_FUNCTION + (given if node.name == "__init__" else 0):
                long[node.name] = length(node)
    assert long == {}


def public_modules() -> list[str]:
    """The packages, and the modules that users import from; of the local endpoint only the package."""
    names = [*PACKAGES, "azure_inference_local.engines"]
    for package in set(PACKAGES) - {"azure_inference_local"}:
        found = pkgutil.iter_modules([str(ROOT / package)], f"{package}.")
        names += [module.name for module in found if not module.name.rpartition(".")[2].startswith("_")]
    return sorted(names)


@pytest.mark.parametrize("name", public_modules())
def test_what_is_public_is_named(name: str) -> None:
    """``__all__`` is there, sorted, without doubles, and every name in it exists."""
    module = importlib.import_module(name)
    names = module.__all__
    assert list(names) == sorted(set(names), key=sort_key)
    assert [missing for missing in names if not hasattr(module, missing)] == []


def sort_key(name: str) -> tuple[int, str]:
    """The order of ruff's RUF022: constants, classes, the rest."""
    kind = 0 if name.isupper() else 1 if name[:1].isupper() else 2
    return kind, name


@pytest.mark.parametrize("name", PACKAGES)
def test_nothing_public_is_forgotten(name: str) -> None:
    """What a package's ``__init__`` imports from its own modules without an underscore is in ``__all__``."""
    module = importlib.import_module(name)
    assert visible(module, name) <= set(module.__all__)


def visible(module: ModuleType, package: str) -> set[str]:
    """Public names of a package that are its own or the core's, modules left out."""
    own = (package, "azure_inference_core")
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not isinstance(value, ModuleType)
        and str(getattr(value, "__module__", "")).startswith(own)
    }


@pytest.mark.parametrize("name", PACKAGES)
def test_star_imports_work(name: str) -> None:
    """``from package import *`` gives exactly what is public."""
    namespace: dict[str, object] = {}
    exec(f"from {name} import *", namespace)
    assert set(namespace) - {"__builtins__"} == set(importlib.import_module(name).__all__)


def test_the_wheel_is_complete(tmp_path: Path) -> None:
    """The built wheel holds every module and the type marker of the four packages, and nothing else of the tree."""
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for package in PACKAGES:
        assert f"{package}/py.typed" in names
    assert {name_of(path) for path in MODULES} <= names
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert any(name.endswith("/licenses/LICENSE") for name in names)
