"""What the source may not do: run text, read pickles, parse XML, switch verification off."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "azure_inference_core",
    "azure_inference_local",
    "langchain_azure_inference",
    "llamaindex_azure_inference",
)
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
CALLS = {
    "eval", "exec", "compile", "__import__", "pickle.loads", "pickle.load", "marshal.loads", "marshal.load", "shelve.open",
    "yaml.load", "yaml.unsafe_load", "yaml.full_load", "os.system", "os.popen", "ssl._create_unverified_context",
    "tempfile.mktemp", "dill.loads", "jsonpickle.decode", "torch.load",
}  # fmt: skip
MODULES = {"xml", "lxml", "telnetlib", "ftplib", "xmlrpc", "shelve", "dill", "cloudpickle"}
KEYWORDS = {
    ("shell", True),
    ("verify", False),
    ("allow_pickle", True),
    ("trust_remote_code", True),
    ("check_hostname", False),
}
NAMES = {"CERT_NONE"}


def dotted(node: ast.expr) -> str:
    """The name of a call's function, ``""`` when it has none."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def faults_of(tree: ast.AST) -> list[str]:
    """Forbidden calls, imports, keywords and names of a module."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            found += [name] if name in CALLS else []
            given = {(k.arg, k.value.value) for k in node.keywords if isinstance(k.value, ast.Constant)}
            found += [f"{name}({key}={value})" for key, value in sorted(given & KEYWORDS, key=str)]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom):
            found += [str(node.module)] if str(node.module).split(".")[0] in MODULES else []
            found += [alias.name for alias in node.names if f"{node.module}.{alias.name}" in CALLS]
        elif isinstance(node, ast.Attribute) and node.attr in NAMES:
            found.append(node.attr)
        elif (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Constant)
            and node.value.value is False
        ):
            found += [dotted(target) for target in node.targets if dotted(target).endswith(".check_hostname")]
    return found


def test_no_module_does_what_is_unsafe() -> None:
    """Every module of the four packages is free of it."""
    found = [
        f"{path.relative_to(ROOT)}: {fault}"
        for path in FILES
        for fault in faults_of(ast.parse(path.read_text()))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "code",
    [
        "eval('1')",
        "import pickle\npickle.loads(b'')",
        "from pickle import loads",
        "import xml.sax",
        "f(verify=False)",
        "ssl.CERT_NONE",
        "c.check_hostname = False",
    ],
)
def test_the_check_has_teeth(code: str) -> None:
    """Each kind of fault is found."""
    assert faults_of(ast.parse(code))
