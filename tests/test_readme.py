"""Every code block of the README and the guides runs against the local endpoint, and every link leads somewhere."""

from __future__ import annotations

import re
import shlex
import struct
import tomllib
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from azure_inference_local import Endpoint, cli, serve
from tests.support.documents import Block, blocks_of, run

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
NAMES = [path.name for path in DOCUMENTS]
MODEL = "smollm2-135m"
VARIABLES = re.compile(r"AZURE[A-Z_]*_[A-Z_]*[A-Z]")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """One local endpoint with every family and the smallest model: what counts is that the blocks run."""
    with serve(families="all", model=MODEL) as running:
        yield running


@pytest.fixture
def reader(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Endpoint:
    """A reader's shell: the two variables are set, and a picture lies in the folder."""
    monkeypatch.setenv("AZURE_INFERENCE_ENDPOINT", endpoint.url)
    monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", endpoint.key)
    monkeypatch.setenv("AZURE_INFERENCE_LOCAL_MODEL", MODEL)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cat.png").write_bytes(picture())
    return endpoint


def picture() -> bytes:
    """A red square as PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\xff\0\0" * 16) * 16
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def blocks(path: Path, *languages: str) -> list[Block]:
    return [block for block in blocks_of(path.read_text()) if block.language in languages]


# LlamaIndex's agents read attributes that pydantic has deprecated.
@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_every_block_of_python_runs(path: Path, reader: Endpoint) -> None:
    """A document's blocks run in their order, in one set of names, without a warning."""
    names = {"__name__": "__main__"}
    for block in blocks(path, "python", "py"):
        if block.runs:
            run(block.code, path, block.line, names)
        else:
            compile(block.code, str(path), "exec")


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_every_block_names_its_language(path: Path) -> None:
    """A block without a language would be a block that no test looks at."""
    assert {block.language for block in blocks_of(path.read_text())} <= {
        "python",
        "shell",
        "text",
        "json",
        "toml",
    }


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_every_command_exists(path: Path) -> None:
    """Targets of make, extras of pip, commands of the local endpoint and variables are those there are."""
    for block in blocks(path, "shell"):
        for line in block.code.splitlines():
            words = shlex.split(line, comments=True)
            if words:
                check_command(words)


def check_command(words: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text()
        assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in words[1:]), words
    elif words[:2] == ["pip", "install"]:
        for wanted in words[2:]:
            own = re.fullmatch(rf"(?:\.|{project['name']})(?:\[([\w,]+)\])?", wanted)
            extras = set((own[1] or "").split(",")) - {""} if own else set()
            assert extras <= set(project["optional-dependencies"]), wanted
    elif words[:3] == ["python", "-m", "azure_inference_local"]:
        cli.parser().parse_args(words[3:])
    else:
        assert words[0] in ("export", "git", "cd", "python"), words


def test_variables_are_those_of_the_code() -> None:
    """Every variable that the README names is read somewhere."""
    code = "".join(path.read_text() for path in ROOT.glob("azure_inference_*/**/*.py"))
    named = set(VARIABLES.findall((ROOT / "README.md").read_text()))
    assert {name for name in named if name not in code} == set()


def test_classes_of_errors_are_all_in_the_table() -> None:
    """The README's table of errors names every class that is raised, and none that is not."""
    from azure_inference_core import errors

    text = (ROOT / "README.md").read_text().partition("## Errors")[2].partition("## Compared")[0]
    families = {"InferenceError", "StatusError", "ResponseError"}
    raised = {name for name in errors.__all__ if name.endswith("Error")} - families
    assert raised == set(re.findall(r"`(\w+Error)`", text)) & {*raised, *errors.__all__} - families


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES)
def test_every_link_leads_somewhere(path: Path) -> None:
    """Links to files lead to files, links to headings to headings."""
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if not target.startswith(("http:", "https:")):
            file, _, heading = target.partition("#")
            linked = (path.parent / file) if file else path
            assert linked.exists(), target
            if heading:
                headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
                anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings}
                assert heading in anchors, target
