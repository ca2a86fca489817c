"""A CLIP pair in ONNX, given by path: images and texts as vectors of one space."""

import json
import threading
from pathlib import Path
from typing import Any

from azure_inference_local.engines.base import EngineError, missing_extra
from azure_inference_local.engines.images import open_image
from azure_inference_local.engines.onnx.session import onnx_session

_MEAN = (0.48145466, 0.4578275, 0.40821073)
_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
_TEXT_TOKENS = 77


class ClipEngine:
    """Images, and images with a text beside them, in the space of a CLIP model.

    A text beside an image moves its vector half of the way to the text's. ``texts`` embeds texts alone.

    ```python
    from pathlib import Path

    from azure_inference_local.engines import ClipEngine

    engine = ClipEngine("clip/image.onnx", "clip/text.onnx")
    photo = Path("photo.png").read_bytes()
    vectors = engine.embed([(photo, None), (photo, "red")])
    vectors, tokens = engine.embed_texts(["red", "blue"])
    engine.close()
    ```

    Args:
        image_encoder: ONNX file; takes pixels (N, 3, H, W), gives (N, D).
        text_encoder: ONNX file; takes ``input_ids`` (and ``attention_mask``), gives (N, D).
        tokenizer: The model's ``tokenizer.json``; by default the one beside the text encoder.
        name: The name to report; the image encoder's folder by default.
        threads: Processor threads; all that this process may use, at most 8, by default.

    Raises:
        EngineError: A file is missing or of the wrong form, or a dependency is not installed (503).
    """

    joint_text = True

    def __init__(
        self,
        image_encoder: str | Path,
        text_encoder: str | Path,
        tokenizer: str | Path | None = None,
        *,
        name: str | None = None,
        threads: int | None = None,
    ) -> None:
        image_path, text_path = Path(image_encoder).expanduser(), Path(text_encoder).expanduser()
        self.name = name or image_path.resolve().parent.name
        self._images = onnx_session(image_path, threads)
        self._texts = onnx_session(text_path, threads)
        self._tokenizer = _tokenizer(Path(tokenizer) if tokenizer else text_path.parent / "tokenizer.json")
        self._closed = threading.Event()
        self._pixels = self._images.get_inputs()[0]
        side = self._pixels.shape[-1]
        self._side = side if isinstance(side, int) else 224
        self.dimensions = len(self._encode_texts(["a"])[0])
        self.texts = ClipTextEngine(self)

    def embed(self, images: list[tuple[bytes, str | None]]) -> list[list[float]]:
        """The vectors of the images, each with its text where it has one."""
        if self._closed.is_set():
            raise EngineError(503, "engine_closed", "The engine is closed.")
        vectors = [self._encode_image(data) for data, _ in images]
        written = [(position, text) for position, (_, text) in enumerate(images) if text]
        if written:
            directions = self._encode_texts([text for _, text in written])
            for (position, _), direction in zip(written, directions, strict=True):
                vectors[position] = _unit(vectors[position] + direction)
        return [vector.tolist() for vector in vectors]

    def embed_texts(self, texts: list[str]) -> tuple[list[list[float]], int]:
        """The vectors of texts in the same space, and their number of tokens."""
        if self._closed.is_set():
            raise EngineError(503, "engine_closed", "The engine is closed.")
        if not texts:
            return [], 0
        tokens = sum(sum(encoding.attention_mask) for encoding in self._tokenizer.encode_batch(texts))
        return [vector.tolist() for vector in self._encode_texts(texts)], tokens

    def close(self) -> None:
        """Refuse further calls; the memory goes with the last reference."""
        self._closed.set()

    def _encode_image(self, data: bytes) -> Any:
        import numpy as np  # noqa: PLC0415 - optional dependency
        from PIL import Image, ImageOps  # noqa: PLC0415 - optional dependency

        square = ImageOps.fit(open_image(data), (self._side, self._side), Image.Resampling.BICUBIC)
        scaled = (np.asarray(square, dtype=np.float32) / 255 - _MEAN) / _DEVIATION
        pixels = scaled.transpose(2, 0, 1)[None].astype(np.float32)
        return _unit(_vectors(self._images, {self._pixels.name: pixels})[0])

    def _encode_texts(self, texts: list[str]) -> list[Any]:
        import numpy as np  # noqa: PLC0415 - optional dependency

        encodings = self._tokenizer.encode_batch(texts)
        feed = {
            "input_ids": np.array([encoding.ids for encoding in encodings], dtype=np.int64),
            "attention_mask": np.array([encoding.attention_mask for encoding in encodings], dtype=np.int64),
        }
        wanted = {tensor.name: tensor.type for tensor in self._texts.get_inputs()}
        if not wanted.keys() <= feed.keys():
            raise EngineError(
                503, "weights_unusable", f"A CLIP text encoder takes input_ids, not {sorted(wanted)}."
            )
        narrow = {
            name: feed[name].astype(np.int32 if "int32" in kind else np.int64)
            for name, kind in wanted.items()
        }
        return [_unit(vector) for vector in _vectors(self._texts, narrow)]


class ClipTextEngine:
    """The text half of a CLIP pair as an engine of text embeddings: ``ClipEngine(...).texts``.

    ```python
    from azure_inference_local.engines import ClipEngine, ClipTextEngine

    engine = ClipTextEngine(ClipEngine("clip/image.onnx", "clip/text.onnx"))
    vectors, tokens = engine.embed(["red", "blue"])
    engine.close()
    ```
    """

    max_tokens = _TEXT_TOKENS

    def __init__(self, pair: ClipEngine) -> None:
        self._pair = pair
        self.name = pair.name
        self.dimensions = pair.dimensions

    def embed(self, texts: list[str], input_type: str | None = None) -> tuple[list[list[float]], int]:
        """The vectors of the texts, in order, and the number of their tokens."""
        del input_type  # the model knows no such difference
        return self._pair.embed_texts(texts)

    def close(self) -> None:
        """Close the pair."""
        self._pair.close()


def _tokenizer(path: Path) -> Any:
    """The model's tokenizer, cutting and padding as CLIP was trained."""
    try:
        import tokenizers  # noqa: PLC0415 - optional dependency, loaded when first used
    except ImportError as error:
        raise missing_extra("tokenizers") from error
    try:
        words = json.loads(path.read_text(encoding="utf-8"))
        tokenizer = tokenizers.Tokenizer.from_str(json.dumps(words))
    except Exception as error:  # the library raises bare Exception for a file of another form
        raise EngineError(503, "weights_missing", f"There is no usable tokenizer.json at {path}.") from error
    tokenizer.enable_truncation(_TEXT_TOKENS)
    end = tokenizer.token_to_id("<|endoftext|>")
    token = "<|endoftext|>" if end is not None else "[PAD]"
    tokenizer.enable_padding(length=_TEXT_TOKENS, pad_id=end or 0, pad_token=token)
    return tokenizer


def _vectors(session: Any, feed: dict[str, Any]) -> Any:
    """The output that holds one vector a row; of several, the one named as embeddings."""
    named = [tensor.name for tensor in session.get_outputs()]
    outputs = sorted(
        zip(named, session.run(None, feed), strict=True), key=lambda pair: "embed" not in pair[0]
    )
    for _, values in outputs:
        if values.ndim == 2:
            return values
    raise EngineError(
        503, "weights_unusable", "A CLIP encoder gives one vector for each input; this model does not."
    )


def _unit(vector: Any) -> Any:
    import numpy as np  # noqa: PLC0415 - optional dependency

    return vector / max(float(np.linalg.norm(vector)), 1e-12)
