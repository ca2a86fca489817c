"""The picture of the architecture says what the code does."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import grimp
import pytest

PICTURE = Path(__file__).parents[1] / "docs" / "architecture.svg"
PACKAGES = (
    "azure_inference_core",
    "azure_inference_local",
    "langchain_azure_inference",
    "llamaindex_azure_inference",
)


@pytest.fixture(scope="module")
def picture() -> ET.Element:
    """The SVG's root."""
    return ET.parse(PICTURE).getroot()


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Who imports whom, in the code."""
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)


def boxes_of(picture: ET.Element) -> dict[str, list[str]]:
    """The modules of each box."""
    return {
        element.attrib["data-box"]: element.attrib["data-modules"].split()
        for element in picture.iter()
        if "data-box" in element.attrib
    }


def box_of(module: str, boxes: dict[str, list[str]], *, whole: bool) -> str | None:
    """The box a module is in: its package's as a whole, or the part of the package."""
    package = module.partition(".")[0]
    if whole:
        return next(
            (box for box, modules in boxes.items() if modules == [package] or package in modules), None
        )
    parts = [box for box, modules in boxes.items() if module in modules and box not in PACKAGES]
    return parts[0] if parts else None


def test_every_arrow_is_an_import_and_every_import_an_arrow(
    picture: ET.Element, graph: grimp.ImportGraph
) -> None:
    """Arrows and imports between the boxes are the same set."""
    boxes = boxes_of(picture)
    drawn = {
        (element.attrib["data-from"], element.attrib["data-to"])
        for element in picture.iter()
        if "data-from" in element.attrib
    }
    found = set()
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            same = importer.partition(".")[0] == imported.partition(".")[0]
            start = box_of(importer, boxes, whole=not same)
            end = box_of(imported, boxes, whole=not same)
            if not same and importer.startswith("azure_inference_core"):
                start = box_of(importer, boxes, whole=False)
            if start and end and start != end:
                found.add((start, end))
    assert drawn == found


def test_every_module_of_the_core_is_in_one_part(picture: ET.Element, graph: grimp.ImportGraph) -> None:
    """No module of the core is missing from the picture, or drawn twice."""
    parts = {box: modules for box, modules in boxes_of(picture).items() if box not in PACKAGES}
    drawn = sorted(
        name for modules in parts.values() for name in modules if name.startswith("azure_inference_core")
    )
    assert drawn == sorted(name for name in graph.modules if name.startswith("azure_inference_core"))


def test_the_picture_runs_nothing_and_loads_nothing() -> None:
    """An SVG can hold scripts and links; this one is only drawn."""
    text = PICTURE.read_text().replace("http://www.w3.org/2000/svg", "")
    assert not any(
        word in text for word in ("<script", "http:", "https:", "href", "onload", "<image", "@import")
    )
