"""Reading images, and the image descriptor on real photographs."""

import importlib.util
import io
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from azure_inference_local.engines import EngineError, default_image_engine

# Photographs and scans that scikit-image (BSD-3-Clause) carries; its data/README lists their authors and licences,
# most of them CC0 or public domain.
WHOLE = (
    "chelsea",
    "clock_motion",
    "coins",
    "color",
    "horse",
    "microaneurysms",
    "page",
    "phantom",
    "text",
    "moon",
)
QUARTERED = (
    "astronaut",
    "brick",
    "camera",
    "cell",
    "coffee",
    "grass",
    "gravel",
    "hubble_deep_field",
    "ihc",
    "motorcycle_left",
)


def photographs():
    """Fifty different images: ten whole ones and the quarters of ten large ones."""
    [package] = importlib.util.find_spec("skimage").submodule_search_locations
    folder = Path(package) / "data"
    images = []
    for name in WHOLE + QUARTERED:
        [path] = [path for path in folder.glob(name + ".*") if path.suffix in (".png", ".jpg")]
        image = Image.open(path).convert("RGB")
        across, down = image.width // 2, image.height // 2
        corners = [(x, y) for x in (0, across) for y in (0, down)] if name in QUARTERED else [None]
        images.extend(
            image if corner is None else image.crop((*corner, corner[0] + across, corner[1] + down))
            for corner in corners
        )
    return images


def encoded(image, kind="PNG", **options):
    """The image as a file of that kind."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def cropped(image, share, chance):
    """The file of a copy without a share of its width and height, somewhere."""
    left, top = (int(side * chance.uniform(0, share)) for side in image.size)
    width, height = (int(side * (1 - share)) for side in image.size)
    return encoded(image.crop((left, top, left + width, top + height)))


CHANGES = {
    "cropped by 15 %": lambda image, chance: cropped(image, 0.15, chance),
    "resized to a third": lambda image, _: encoded(
        image.resize((image.width // 3 + 1, image.height // 3 + 1))
    ),
    "squeezed": lambda image, _: encoded(image.resize((image.width, image.height // 2 + 1))),
    "recompressed": lambda image, _: encoded(image, "JPEG", quality=20),
}


@pytest.fixture(scope="module")
def engine():
    """The default image engine."""
    return default_image_engine()


@pytest.fixture(scope="module")
def collection(engine):
    """Fifty images and their vectors."""
    images = photographs()
    assert len(images) == 50
    return images, np.array(engine.embed([(encoded(image), None) for image in images]))


@pytest.mark.parametrize("change", CHANGES)
def test_finds_the_original_of_a_changed_copy(engine, collection, change):
    """At least 45 of 50 copies are closest to their original."""
    images, vectors = collection
    chance = random.Random(5)
    copies = np.array(engine.embed([(CHANGES[change](image, chance), None) for image in images]))
    found = (copies @ vectors.T).argmax(axis=1)
    assert (found == np.arange(50)).sum() >= 45


def test_vectors_have_length_one_and_the_promised_size(engine, collection):
    """So has the vector of a plain white image, which has no edges."""
    _, vectors = collection
    white = engine.embed([(encoded(Image.new("RGB", (3, 3), "white")), None)])[0]
    assert vectors.shape == (50, engine.dimensions)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0)
    assert np.linalg.norm(white) == pytest.approx(1.0)
    assert len(white) == engine.dimensions


def test_it_is_named_as_what_it_is_and_takes_no_text(engine):
    """The descriptor has no space shared with texts, and says so with a 422."""
    assert engine.name == "colour-hog-descriptor"
    assert engine.joint_text is False
    with pytest.raises(EngineError, match="texts share") as caught:
        engine.embed([(encoded(Image.new("RGB", (9, 9))), "a black square")])
    assert caught.value.status == 422


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_every_common_format_is_read(engine, collection, kind):
    """The same picture has nearly the same vector in every format."""
    images, vectors = collection
    [vector] = engine.embed([(encoded(images[0], kind), None)])
    assert float(np.dot(vector, vectors[0])) > 0.9


def test_rotation_notes_transparency_and_palettes_are_honoured(engine, collection):
    """An image that only its EXIF data turns upright, and one with an alpha channel, match the original."""
    images, vectors = collection
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(images[0].transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)
    opaque = encoded(images[0].convert("RGBA"))
    palette = encoded(images[0].convert("P", palette=Image.Palette.ADAPTIVE), transparency=255)
    for vector in engine.embed([(turned, None), (opaque, None), (palette, None)]):
        assert float(np.dot(vector, vectors[0])) > 0.9


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"<svg/>", b"%PDF-1.4"])
def test_what_is_no_image_is_refused(engine, data):
    """Text, cut files and other formats are a 400."""
    with pytest.raises(EngineError) as caught:
        engine.embed([(data, None)])
    assert (caught.value.status, caught.value.code) == (400, "invalid_image")


def test_a_cut_image_is_refused(engine, collection):
    """Half of a file is no image."""
    data = encoded(collection[0][0], "JPEG")
    with pytest.raises(EngineError) as caught:
        engine.embed([(data[: len(data) // 2], None)])
    assert caught.value.status == 400


@pytest.mark.parametrize("side", [8_000, 11_000, 14_000])
def test_a_small_file_with_a_huge_picture_is_refused(engine, side):
    """A decompression bomb is refused by its header, before a pixel is decoded."""
    bomb = encoded(Image.new("1", (side, side)))
    with pytest.raises(EngineError) as caught:
        engine.embed([(bomb, None)])
    assert (caught.value.status, caught.value.code) == (413, "image_too_large")
