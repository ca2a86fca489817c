"""The picture of the architecture says what the code does: its boxes are folders, its arrows imports."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import grimp
import pytest

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "architecture.svg"
PACKAGES = (
    "azure_inference_core",
    "azure_inference_local",
    "langchain_azure_inference",
    "llamaindex_azure_inference",
)


@pytest.fixture(scope="module")
def picture() -> ET.Element:
    return ET.parse(PICTURE).getroot()


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)


class Boxes:
    """The boxes of the picture, each inside its package or inside the box that it names."""

    def __init__(self, picture: ET.Element) -> None:
        drawn = [element.attrib for element in picture.iter() if "data-box" in element.attrib]
        self.modules = {box["data-box"]: box["data-modules"].split() for box in drawn}
        self.outer = {box["data-box"]: box.get("data-in") for box in drawn}

    def inside(self, outer: str | None, module: str) -> str | None:
        """The box of a module among those that are drawn inside another."""
        return next(
            (
                box
                for box, modules in self.modules.items()
                if self._outer_of(box) == outer and any(holds(folder, module, box) for folder in modules)
            ),
            None,
        )

    def _outer_of(self, box: str) -> str | None:
        package = self.modules[box][0].partition(".")[0]
        return self.outer[box] or (package if package in PACKAGES and box != package else None)

    def chain(self, module: str) -> list[str]:
        """The boxes of a module, from the outermost."""
        found: list[str] = []
        while box := self.inside(found[-1] if found else None, module):
            found.append(box)
        return found


def holds(folder: str, module: str, box: str) -> bool:
    """Whether a folder of a box holds a module; of a package that is only a part's, its own face alone."""
    is_whole = folder not in PACKAGES or box == folder
    return module == folder or (is_whole and module.startswith(f"{folder}."))


def test_every_arrow_is_an_import_and_every_import_an_arrow(
    picture: ET.Element, graph: grimp.ImportGraph
) -> None:
    """Arrows and imports between the boxes are the same set."""
    boxes = Boxes(picture)
    drawn = {
        (element.attrib["data-from"], element.attrib["data-to"])
        for element in picture.iter()
        if "data-from" in element.attrib
    }
    found = set()
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            pairs = zip(boxes.chain(importer), boxes.chain(imported), strict=False)
            found |= set([pair for pair in pairs if pair[0] != pair[1]][:1])
    assert drawn == found


def test_every_module_of_the_core_is_in_a_part(picture: ET.Element, graph: grimp.ImportGraph) -> None:
    """No module of the core is missing from the picture."""
    boxes = Boxes(picture)
    modules = [name for name in graph.modules if name.startswith("azure_inference_core")]
    assert [name for name in modules if len(boxes.chain(name)) < 2] == []


def test_every_folder_is_drawn(picture: ET.Element) -> None:
    """The folders of the core and of the local endpoint, and no others, are named in the picture."""
    text = " ".join("".join(element.itertext()) for element in picture.iter() if element.tag.endswith("text"))
    named = {word for word in text.split() if word.endswith("/")}
    packages = (ROOT / "azure_inference_core", ROOT / "azure_inference_local")
    folders = {f"{path.parent.name}/" for package in packages for path in package.glob("*/__init__.py")}
    assert named == folders


def test_the_picture_runs_nothing_and_loads_nothing() -> None:
    """An SVG can hold scripts and links; this one is only drawn."""
    text = PICTURE.read_text().replace("http://www.w3.org/2000/svg", "")
    assert not any(
        word in text for word in ("<script", "http:", "https:", "href", "onload", "<image", "@import")
    )
