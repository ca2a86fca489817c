"""Examples in docstrings run against the local endpoint."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from azure_inference_local import Endpoint, serve
from tests.support.documents import blocks_of, run

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "azure_inference_core",
    "azure_inference_local",
    "langchain_azure_inference",
    "llamaindex_azure_inference",
)
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
ENDPOINT = re.compile(r'endpoint="https://[^"]*"')
CREDENTIAL = re.compile(r'credential="[^"]*"')


class Example(NamedTuple):
    """A block of code in a docstring."""

    path: Path
    owner: str
    code: str

    @property
    def package(self) -> str:
        """The package whose public names the example may use."""
        return self.path.relative_to(ROOT).parts[0]


def examples() -> Iterator[Example]:
    """Every fenced block of Python in a docstring."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                name = getattr(node, "name", path.stem)
                for block in blocks_of(ast.get_docstring(node) or ""):
                    if block.language == "python":
                        yield Example(path, name, block.code)


EXAMPLES = list(examples())


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """The local endpoint with the smallest model."""
    with serve(model="smollm2-135m") as running:
        yield running


@pytest.mark.timeout(300)
@pytest.mark.parametrize("example", EXAMPLES, ids=[f"{e.package}.{e.owner}" for e in EXAMPLES])
def test_the_example_runs(example: Example, endpoint: Endpoint) -> None:
    """An example does what it says, with the local endpoint in the place of the reader's."""
    names = {
        name: value
        for name, value in vars(importlib.import_module(example.package)).items()
        if name[0] != "_"
    }
    code = ENDPOINT.sub(f'endpoint="{endpoint.url}"', example.code)
    run(CREDENTIAL.sub(f'credential="{endpoint.key}"', code), example.path, 1, names)


@pytest.mark.parametrize("name", ["ChatAzureInference", "AzureInferenceLLM", "AzureInferenceEmbeddings"])
def test_each_langchain_class_has_an_example(name: str) -> None:
    """The classes that LangChain's users type show how."""
    assert name in {example.owner for example in EXAMPLES}


@pytest.mark.parametrize("name", ["AzureInference", "AzureInferenceCompletion", "AzureInferenceEmbedding"])
def test_each_llamaindex_class_has_an_example(name: str) -> None:
    """The classes that LlamaIndex's users type show how."""
    assert name in {example.owner for example in EXAMPLES}


@pytest.mark.parametrize("path", MODULES, ids=[str(path.relative_to(ROOT)) for path in MODULES])
def test_sessions_in_docstrings_are_true(path: Path) -> None:
    """What follows ``>>>`` in a docstring gives what stands below it."""
    if ">>>" not in path.read_text():
        return
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    assert doctest.testmod(module).failed == 0
