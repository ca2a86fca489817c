"""LlamaIndex classes for Azure AI inference endpoints.

- :class:`AzureInference`: chat models, with tools, structured output and images (``/chat/completions``).
- :class:`AzureInferenceCompletion`: completion models (``/completions``).
- :class:`AzureInferenceEmbedding`: text and image embeddings (``/embeddings``, ``/images/embeddings``).

What calls raise is in :mod:`llamaindex_azure_inference.errors`.

The examples below go on from these lines (endpoint and credential may also come from ``AZURE_INFERENCE_ENDPOINT`` and
``AZURE_INFERENCE_CREDENTIAL``):

```python
llm = AzureInference(
    endpoint="https://<name>.<region>.models.ai.azure.com", credential="<key>", max_tokens=64
)
embedding = AzureInferenceEmbedding(
    endpoint="https://<name>.<region>.models.ai.azure.com", credential="<key>"
)
```
"""

from azure_inference_core import Timeouts
from llamaindex_azure_inference import errors
from llamaindex_azure_inference.chat import AzureInference
from llamaindex_azure_inference.completion import AzureInferenceCompletion
from llamaindex_azure_inference.embedding import AzureInferenceEmbedding

__all__ = ["AzureInference", "AzureInferenceCompletion", "AzureInferenceEmbedding", "Timeouts", "errors"]
