"""What both framework packages are built on: one connection, one client a route, one tree of errors.

Knows no framework. Users of the framework packages need it only to catch its errors.

The examples below go on from these lines:

```python
connection = Connection(
    endpoint="https://<name>.<region>.models.ai.azure.com", credential="<key>"
)
client = ChatClient(connection)
messages = [{"role": "user", "content": "Say hello."}]
```

Where one asks for a failure with the header ``x-fault``, it talks to the local endpoint, as started by
``python -m azure_inference_local serve --fault-header``.
"""

import sys

from azure_inference_core import errors, values
from azure_inference_core._endpoint import Dialect
from azure_inference_core._request.keywords import merge_params
from azure_inference_core._request.media import image_from_path
from azure_inference_core._request.parameters import Parameters
from azure_inference_core.chat import AsyncChatStream, ChatClient, ChatStream
from azure_inference_core.completions import AsyncCompletionStream, CompletionsClient, CompletionStream
from azure_inference_core.connection import Connection
from azure_inference_core.embeddings import EmbeddingBatch, EmbeddingsClient
from azure_inference_core.errors import *  # noqa: F403 - all of the tree
from azure_inference_core.families import UNKNOWN, Family, family_of
from azure_inference_core.timeouts import Timeouts
from azure_inference_core.values import *  # noqa: F403 - all that the clients give

__all__ = [
    "UNKNOWN",
    "AsyncChatStream",
    "AsyncCompletionStream",
    "ChatClient",
    "ChatStream",
    "CompletionStream",
    "CompletionsClient",
    "Connection",
    "Dialect",
    "EmbeddingBatch",
    "EmbeddingsClient",
    "Family",
    "Parameters",
    "Timeouts",
    "family_of",
    "image_from_path",
    "merge_params",
]
__all__ += errors.__all__
__all__ += values.__all__

sys.modules[f"{__name__}._values"] = values  # where pickles of the first release look for its classes
