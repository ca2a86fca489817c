"""Engines of the local endpoint: embedded small models by default, any OpenAI-compatible server by URL.

Importing this package loads no model and no optional dependency.
"""

from azure_inference_local.engines.base import ChatEngine, EmbeddingEngine, EngineError, ImageEngine, OnChunk
from azure_inference_local.engines.defaults import (
    default_chat_engine,
    default_chat_name,
    default_embedding_engine,
    default_image_engine,
)
from azure_inference_local.engines.images import DescriptorEngine
from azure_inference_local.engines.llama_cpp.engine import LocalChatEngine
from azure_inference_local.engines.onnx.clip import ClipEngine, ClipTextEngine
from azure_inference_local.engines.onnx.minilm import MiniLMEngine
from azure_inference_local.engines.url import UrlEngine, url_engine

__all__ = [
    "ChatEngine",
    "ClipEngine",
    "ClipTextEngine",
    "DescriptorEngine",
    "EmbeddingEngine",
    "EngineError",
    "ImageEngine",
    "LocalChatEngine",
    "MiniLMEngine",
    "OnChunk",
    "UrlEngine",
    "default_chat_engine",
    "default_chat_name",
    "default_embedding_engine",
    "default_image_engine",
    "url_engine",
]
