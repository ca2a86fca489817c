"""Examples in docstrings run against the local endpoint, and every public name has one.

An example goes on from those of its package's own docstring, which stands at the top of the reference's page.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

from azure_inference_local import Endpoint, serve
from docs.pages import MODULES as MORE_MODULES
from docs.pages import PACKAGES
from tests.support.clip import save_clip_pair
from tests.support.documents import blocks_of, run

ROOT = Path(__file__).parents[1]
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
ENDPOINT = re.compile(r'endpoint="https://[^"]*"')
CREDENTIAL = re.compile(r'credential="[^"]*"')


class Example(NamedTuple):
    path: Path
    owner: str
    code: str

    @property
    def package(self) -> str:
        """The package whose public names the example may use."""
        return self.path.relative_to(ROOT).parts[0]


def docstrings(tree: ast.Module, name: str) -> Iterator[tuple[str, str]]:
    """Every docstring of a module with the name of what it describes; a string after an assignment is one, too."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield getattr(node, "name", name), ast.get_docstring(node) or ""
    for before, after in pairwise(tree.body):
        if isinstance(before, (ast.Assign, ast.AnnAssign)) and isinstance(after, ast.Expr):
            target = before.target if isinstance(before, ast.AnnAssign) else before.targets[0]
            yield ast.unparse(target), str(ast.literal_eval(after.value))


DOCSTRINGS = [
    (path, owner, text)
    for path in MODULES
    for owner, text in docstrings(ast.parse(path.read_text()), path.stem)
]
EXAMPLES = [
    Example(path, owner, block.code)
    for path, owner, text in DOCSTRINGS
    for block in blocks_of(text)
    if block.language == "python"
]
FIRST_LINES = {
    example.package: example.code
    for example in EXAMPLES
    if example.path == ROOT / example.package / "__init__.py"
}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """The local endpoint with the smallest model."""
    with serve(model="smollm2-135m", fault_header=True) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("examples")
    Image.new("RGB", (64, 64), "orange").save(made / "photo.png")
    (made / "clip").mkdir()
    save_clip_pair(made / "clip")
    return made


def strict(code: str) -> str:
    """The code, with an error where a `try` that shows an exception meets none."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and node.handlers and not node.orelse:
            node.orelse = ast.parse('raise AssertionError("nothing was raised")').body
    return ast.unparse(tree)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("example", EXAMPLES, ids=[f"{e.package}.{e.owner}" for e in EXAMPLES])
def test_the_example_runs(
    example: Example, endpoint: Endpoint, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An example does what it says, with the local endpoint in the place of the reader's."""
    monkeypatch.chdir(folder)
    package = importlib.import_module(example.package)
    names = {name: getattr(package, name) for name in dir(package) if name[0] != "_"}
    first = FIRST_LINES.get(example.package, "")
    for code in dict.fromkeys((first, example.code)):
        here = ENDPOINT.sub(f'endpoint="{endpoint.url}"', code)
        run(strict(CREDENTIAL.sub(f'credential="{endpoint.key}"', here)), example.path, 1, names)


def public_names() -> Iterator[tuple[str, str]]:
    """Every name on a page of the reference: its package or module, and itself."""
    for name in (*PACKAGES, *MORE_MODULES):
        module = importlib.import_module(name)
        own = [key for key, value in vars(module).items() if getattr(value, "__module__", "") == name]
        for public in getattr(module, "__all__", own):
            if public[0] != "_" and not inspect.ismodule(getattr(module, public)):
                yield name, public


SHOWN = {example.owner for example in EXAMPLES} | {owner for _, owner, text in DOCSTRINGS if ">>>" in text}
TYPES = {"OnChunk", "Progress", "CATALOGUE"}
HOOKS = {"cache_scope", "class_name", "is_lc_serializable", "lc_attributes", "lc_secrets", "model_post_init"}


def test_every_public_name_has_an_example() -> None:
    """Whoever looks a name up in the reference sees it in use."""
    missing = [f"{module}.{name}" for module, name in public_names() if name not in SHOWN | TYPES]
    assert not missing, "\n".join(missing)


def unseen_methods(value: type) -> Iterator[str]:
    """The public methods of a class that none of its docstrings calls."""
    ours = [cls for cls in value.__mro__ if cls.__module__.partition(".")[0] in PACKAGES]
    members = {key: member for cls in ours for key, member in vars(cls).items() if key[0] != "_"}
    texts = [inspect.getdoc(member) or "" for member in (*ours, *members.values())]
    for key, member in members.items():
        is_method = isinstance(member, (property, classmethod, staticmethod)) or inspect.isfunction(member)
        is_the_framework_s = (
            inspect.isfunction(member) and member.__module__.partition(".")[0] not in PACKAGES
        )
        if (
            is_method
            and not is_the_framework_s
            and key not in HOOKS
            and not any(f".{key}" in text for text in texts)
        ):
            yield key


def test_every_public_method_is_in_an_example() -> None:
    """So does whoever looks up a method; the hooks that only the frameworks call are described in words."""
    values = {
        (module, name): getattr(importlib.import_module(module), name) for module, name in public_names()
    }
    missing = [
        f"{module}.{name}.{method}"
        for (module, name), value in values.items()
        if inspect.isclass(value)
        for method in unseen_methods(value)
    ]
    assert not missing, "\n".join(missing)


def test_sessions_in_docstrings_are_true() -> None:
    """What follows ``>>>`` in a docstring gives what stands below it."""
    failed = []
    for path in [path for path in MODULES if ">>>" in path.read_text()]:
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        if doctest.testmod(module).failed:
            failed.append(module.__name__)
    assert not failed, "\n".join(failed)
