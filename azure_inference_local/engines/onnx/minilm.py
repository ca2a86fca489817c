"""The embedded text embedding engine: all-MiniLM-L6-v2 with int8 weights on onnxruntime."""

import threading
from pathlib import Path
from typing import Any

from azure_inference_local.engines.base import EngineError, missing_extra
from azure_inference_local.engines.onnx.session import onnx_session

_VOCABULARY = Path(__file__).parent / "data" / "bert-base-uncased-vocab.txt"
_TOKENS_AT_ONCE = 2048
"""Tokens, padding included, that one run of the model takes: bounds its memory."""


class MiniLMEngine:
    """English sentence vectors of 384 dimensions. Safe to use from many threads.

    The model knows no difference between queries and documents, so ``input_type`` changes nothing.

    ```python
    from azure_inference_local import weights
    from azure_inference_local.engines import MiniLMEngine

    engine = MiniLMEngine(weights.pull("minilm-l6-v2-int8"), threads=1)
    vectors, tokens = engine.embed(["one text", "another"])
    print(engine.count_tokens("one text"))
    engine.close()
    ```

    Args:
        path: The ONNX file.
        threads: Processor threads; all that this process may use, at most 8, by default.

    Raises:
        EngineError: The file is missing or no model, or an optional dependency is not installed (503).
    """

    name = "all-MiniLM-L6-v2-int8"
    dimensions = 384
    max_tokens = 256

    def __init__(self, path: str | Path, *, threads: int | None = None) -> None:
        self._tokenizer = bert_tokenizer(_VOCABULARY, self.max_tokens)
        self._session: Any = onnx_session(Path(path).expanduser(), threads)
        self._inputs = {tensor.name for tensor in self._session.get_inputs()}
        self._closed = threading.Event()

    def embed(self, texts: list[str], input_type: str | None = None) -> tuple[list[list[float]], int]:
        """The vectors of the texts, in order, and how many tokens they have after cutting."""
        del input_type
        if not texts:
            return [], 0
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(texts)]
        vectors: list[list[float]] = [[] for _ in texts]
        for batch in _batches(tokens):
            for position, vector in zip(batch, self._run([tokens[index] for index in batch]), strict=True):
                vectors[position] = vector
        return vectors, sum(map(len, tokens))

    def _run(self, batch: list[list[int]]) -> list[list[float]]:
        """Vectors of texts of about the same length: the mean over their tokens, scaled to length one."""
        import numpy as np  # noqa: PLC0415 - optional dependency

        if self._closed.is_set():
            raise EngineError(503, "engine_closed", "The engine is closed.")
        ids = np.zeros((len(batch), max(map(len, batch))), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        output = self._session.run(None, {name: feed[name] for name in self._inputs})[0]
        if output.ndim == 3:
            output = (output * mask[:, :, None]).sum(axis=1)
        lengths = np.linalg.norm(output, axis=1, keepdims=True)
        unit: list[list[float]] = (output / np.maximum(lengths, 1e-12)).tolist()
        return unit

    def count_tokens(self, text: str) -> int:
        """The number of tokens of a text as it is embedded, two special ones included."""
        return len(self._tokenizer.encode(text).ids)

    def close(self) -> None:
        """Refuse further calls; the memory goes with the last reference."""
        self._closed.set()


def _batches(tokens: list[list[int]]) -> list[list[int]]:
    """Positions of the texts in batches of similar length, so that little is padding."""
    batches: list[list[int]] = []
    for position in sorted(range(len(tokens)), key=lambda index: len(tokens[index])):
        width = len(tokens[position])
        if batches and (len(batches[-1]) + 1) * width <= _TOKENS_AT_ONCE:
            batches[-1].append(position)
        else:
            batches.append([position])
    return batches


def bert_tokenizer(vocabulary: Path, max_tokens: int) -> Any:
    """BERT's uncased WordPiece tokenizer, cutting at ``max_tokens``.

    Raises:
        EngineError: The optional dependency is not installed (503).
    """
    try:
        import tokenizers  # noqa: PLC0415 - optional dependency, loaded when first used
    except ImportError as error:
        raise missing_extra("tokenizers") from error
    words = vocabulary.read_text(encoding="utf-8").splitlines()
    numbers = {word: number for number, word in enumerate(words)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(numbers, unk_token="[UNK]"))  # noqa: S106 - a token of text
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(word, numbers[word]) for word in ("[CLS]", "[SEP]")]
    )
    tokenizer.enable_truncation(max_tokens)
    return tokenizer
