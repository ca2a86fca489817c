"""A CLIP pair in ONNX, made for the test."""

import io

import numpy as np
import pytest
from PIL import Image

from azure_inference_local.engines import ClipEngine, EngineError
from tests.support.clip import save_clip_pair


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A tiny pair."""
    folder = tmp_path_factory.mktemp("tiny-clip")
    save_clip_pair(folder)
    return ClipEngine(folder / "image.onnx", folder / "text.onnx")


def test_a_clip_pair_puts_images_and_texts_into_one_space(pair):
    """A red image is closest to the word red, and a text beside an image draws it to itself."""
    file = io.BytesIO()
    Image.new("RGB", (20, 10), "red").save(file, "PNG")
    image = file.getvalue()
    texts, tokens = pair.texts.embed(["red", "green", "blue"], None)
    [alone, beside] = np.array(pair.embed([(image, None), (image, "blue")]))
    likeness = np.array(texts) @ alone
    assert likeness.argmax() == 0
    assert float(np.dot(texts[2], beside)) > float(likeness[2])
    assert np.linalg.norm(beside) == pytest.approx(1.0)
    assert tokens == 3
    assert pair.joint_text is True
    assert pair.dimensions == pair.texts.dimensions == 3
    assert pair.name.startswith("tiny-clip")


def test_a_clip_pair_that_is_none_is_refused(pair, tmp_path):
    """Missing files and files of another kind are a 503 that names them."""
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not onnx")
    for path, code in ((tmp_path / "none.onnx", "weights_missing"), (broken, "weights_unusable")):
        with pytest.raises(EngineError, match=path.name) as caught:
            ClipEngine(path, path)
        assert (caught.value.status, caught.value.code) == (503, code)
