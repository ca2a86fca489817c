"""LangChain provider for Azure AI inference endpoints.

``ChatAzureInference`` is a chat model, ``AzureInferenceLLM`` a text-completion model, and
``AzureInferenceEmbeddings`` embeds texts and images. Everything raised on purpose is an ``InferenceError``
of :mod:`langchain_azure_inference.errors` and LangChain's own class for the same condition.

The examples below go on from this line (endpoint and credential may also come from ``AZURE_INFERENCE_ENDPOINT`` and
``AZURE_INFERENCE_CREDENTIAL``):

```python
model = ChatAzureInference(
    endpoint="https://<name>.<region>.models.ai.azure.com", credential="<key>", max_tokens=64
)
```

Where one asks for a failure with the header ``x-fault``, it talks to the local endpoint, as started by
``python -m azure_inference_local serve --fault-header``.
"""

try:
    # By name, to say how to get it; and this module before all others, because on glibc it takes a quarter longer
    # to import on a heap that others have filled.
    import langchain_core.language_models.chat_models as _langchain_core  # noqa: F401
except ImportError as error:
    raise ImportError(
        "langchain_azure_inference needs LangChain: pip install 'azure-inference-integrations[langchain]'"
    ) from error

from importlib import import_module
from typing import TYPE_CHECKING, Any

from azure_inference_core import ModelInfo, Timeouts
from langchain_azure_inference import errors
from langchain_azure_inference._endpoint import __version__
from langchain_azure_inference.chat_models import ChatAzureInference
from langchain_azure_inference.errors import *  # noqa: F403 - all of the tree

if TYPE_CHECKING:
    from langchain_azure_inference.embeddings import AzureInferenceEmbeddings
    from langchain_azure_inference.llms import AzureInferenceLLM

__all__ = [
    "AzureInferenceEmbeddings",
    "AzureInferenceLLM",
    "ChatAzureInference",
    "ModelInfo",
    "Timeouts",
    "__version__",
]
__all__ += errors.__all__

_MODULES = {"AzureInferenceEmbeddings": "embeddings", "AzureInferenceLLM": "llms"}


def __getattr__(name: str) -> Any:
    # Imported when first asked for: most programs need one of the classes, and LangChain's base of the LLM takes
    # longer to import than the rest of this package.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
