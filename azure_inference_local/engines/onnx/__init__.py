"""Embeddings of texts and images by onnxruntime."""
