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
    import langchain_core as _langchain_core  # noqa: F401 - asked for by name to say how to get it
except ImportError as error:
    raise ImportError(
        "langchain_azure_inference needs LangChain: pip install 'azure-inference-integrations[langchain]'"
    ) from error

from azure_inference_core import ModelInfo, Timeouts
from langchain_azure_inference._version import __version__
from langchain_azure_inference.chat_models import ChatAzureInference
from langchain_azure_inference.embeddings import AzureInferenceEmbeddings
from langchain_azure_inference.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    ContentFilteredError,
    ContextLengthError,
    DeadlineExceededError,
    IncompleteResponseError,
    InferenceError,
    InvalidRequestError,
    MalformedResponseError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RedirectRefusedError,
    RefusalError,
    ResponseError,
    ResponseTooLargeError,
    ServerError,
    StatusError,
    UnsupportedParameterError,
)
from langchain_azure_inference.llms import AzureInferenceLLM

__all__ = [
    "AuthenticationError",
    "AzureInferenceEmbeddings",
    "AzureInferenceLLM",
    "ChatAzureInference",
    "ConfigurationError",
    "ConnectionFailedError",
    "ContentFilteredError",
    "ContextLengthError",
    "DeadlineExceededError",
    "IncompleteResponseError",
    "InferenceError",
    "InvalidRequestError",
    "MalformedResponseError",
    "ModelInfo",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitedError",
    "RedirectRefusedError",
    "RefusalError",
    "ResponseError",
    "ResponseTooLargeError",
    "ServerError",
    "StatusError",
    "Timeouts",
    "UnsupportedParameterError",
    "__version__",
]
