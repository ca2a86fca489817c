"""Build the reference of every public name into `site/`: `make docs`.

pdoc shows what a class itself defines. Much of ours comes from base classes in private modules (the fields of an
endpoint, `model_info`, `close`), which a reader looks for in the public class; here it is shown there.
"""

from __future__ import annotations

import inspect
import re
import sys
import warnings
from functools import cached_property
from pathlib import Path

import pdoc
from pages import MODULES, PACKAGES
from pdoc import doc, doc_ast, render

# pydantic's way of saying "a number, but not a bool".
_CHECKED = re.compile(r"(?:typing\.)?Annotated\[(\w+), BeforeValidator\([^()]*(?:<[^>]*>)?[^()]*\)\]")


def own_members(self: doc.Class) -> list[doc.Doc]:
    """The members of a class and those that private classes of this project give it, its own first."""
    mine = (self.modulename, self.qualname)
    members = [
        member
        for origin, members in self._members_by_origin.items()
        for member in members
        if origin in (mine, self.taken_from) or is_private(origin[0])
    ]
    for member in members:
        if not member.docstring:
            member.docstring = described(self.obj, member.name)
    return [member for member in members if member.name not in ("model_config", "model_post_init")]


def is_private(module: str) -> bool:
    """Whether a module is one of this project's that readers do not import."""
    package, *parts = module.split(".")
    return package in PACKAGES and any(part.startswith("_") for part in parts)


def described(owner: type, name: str) -> str:
    """What the docstring of a class, or of a base class, says of an attribute under ``Attributes:``."""
    for base in owner.__mro__:
        text = inspect.getdoc(base) if base.__module__.partition(".")[0] in PACKAGES else None
        attributes = (text or "").partition("\nAttributes:\n")[2]
        if found := re.search(rf"^    {name}: (.+(?:\n {{8,}}.+)*)", attributes, re.MULTILINE):
            return re.sub(r"\s+", " ", found[1])
    return ""


def annotation_str(self: doc.Variable) -> str:
    """A type as a reader would write it."""
    return _CHECKED.sub(r"\1", _annotation_str(self))


def default_value_str(self: doc.Variable) -> str:
    """A default value, unless pydantic makes it anew each time."""
    text = _default_value_str(self)
    return "" if "PydanticUndefined" in text else text


def var_docstrings(self: doc.Module) -> dict[str, str]:
    """What is written below a variable, in the module itself or in the one of its package that it comes from."""
    prefix = f"{self.fullname}."
    homes = [module for name, module in sorted(sys.modules.items()) if name.startswith(prefix)]
    found: dict[str, str] = {}
    for module in (*homes, self.obj):
        found.update(doc_ast.walk_tree(module).var_docstrings)
    return {name: text for name, text in found.items() if name in vars(self.obj)}


_annotation_str = doc.Variable.annotation_str.func
_default_value_str = doc.Variable.default_value_str.func


def replace(owner: type, name: str, function: object) -> None:
    """Put another cached property in a class's place."""
    replacement = cached_property(function)
    replacement.__set_name__(owner, name)
    setattr(owner, name, replacement)


def main() -> int:
    """Build the pages."""
    replace(doc.Class, "own_members", own_members)
    replace(doc.Module, "_var_docstrings", var_docstrings)
    replace(doc.Variable, "annotation_str", annotation_str)
    replace(doc.Variable, "default_value_str", default_value_str)
    # Some signatures name types that only their own modules know; they are shown as they are written.
    warnings.filterwarnings("ignore", "Error parsing type annotation")
    render.configure(docformat="google", show_source=False, footer_text="azure-inference-integrations")
    target = Path(__file__).parents[1] / "site"
    pdoc.pdoc(*PACKAGES, *MODULES, output_directory=target)
    print(f"The reference is in {target.name}/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
