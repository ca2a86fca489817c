"""A tiny CLIP pair in ONNX: an image is its mean colour, a text the mean of its words' colours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["save_clip_pair"]


def save_clip_pair(folder: Path) -> None:
    """Write `image.onnx`, `text.onnx` and `tokenizer.json`; the words are red, green and blue."""
    pixels = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, [None, 3, 8, 8])
    mean = helper.make_node("ReduceMean", ["pixel_values"], ["embeds"], axes=[2, 3], keepdims=0)
    _save_model(folder / "image.onnx", [pixels], [mean], {})
    words = {"<|endoftext|>": 0, "red": 1, "green": 2, "blue": 3, "[UNK]": 4}
    table = np.array([[0, 0, 0], [9, -9, -9], [-9, 9, -9], [-9, -9, 9], [0, 0, 0]], dtype=np.float32)
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, [None, None])
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["looked_up"]),
        helper.make_node("ReduceMean", ["looked_up"], ["embeds"], axes=[1], keepdims=0),
    ]
    _save_model(folder / "text.onnx", [ids], nodes, {"table": table})
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": words, "unk_token": "[UNK]"},
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


def _save_model(path: Path, inputs: list[Any], nodes: list[Any], weights: dict[str, Any]) -> None:
    """Write an ONNX model with one output."""
    output = helper.make_tensor_value_info("embeds", TensorProto.FLOAT, [None, 3])
    stored = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "half", inputs, [output], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
