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

from azure_inference_core._endpoint import Dialect
from azure_inference_core._request.media import image_from_path
from azure_inference_core._request.parameters import merge_params
from azure_inference_core.chat import AsyncChatStream, ChatClient, ChatStream
from azure_inference_core.completions import AsyncCompletionStream, CompletionsClient, CompletionStream
from azure_inference_core.connection import Connection, Timeouts
from azure_inference_core.embeddings import EmbeddingsClient
from azure_inference_core.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    ContentFilteredError,
    ContextLengthError,
    DeadlineExceededError,
    ErrorResponse,
    IncompleteResponseError,
    InferenceError,
    InvalidRequestError,
    MalformedResponseError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RedirectRefusedError,
    RefusedParameter,
    ResponseError,
    ResponseTooLargeError,
    ServerError,
    StatusError,
    UnsupportedParameterError,
)
from azure_inference_core.values import (
    ChatChoice,
    ChatDelta,
    ChatResult,
    CompletionChoice,
    CompletionDelta,
    CompletionResult,
    EmbeddingsResult,
    ModelInfo,
    ToolCall,
    ToolCallDelta,
)

__all__ = [
    "AsyncChatStream",
    "AsyncCompletionStream",
    "AuthenticationError",
    "ChatChoice",
    "ChatClient",
    "ChatDelta",
    "ChatResult",
    "ChatStream",
    "CompletionChoice",
    "CompletionDelta",
    "CompletionResult",
    "CompletionStream",
    "CompletionsClient",
    "ConfigurationError",
    "Connection",
    "ConnectionFailedError",
    "ContentFilteredError",
    "ContextLengthError",
    "DeadlineExceededError",
    "Dialect",
    "EmbeddingsClient",
    "EmbeddingsResult",
    "ErrorResponse",
    "IncompleteResponseError",
    "InferenceError",
    "InvalidRequestError",
    "MalformedResponseError",
    "ModelInfo",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitedError",
    "RedirectRefusedError",
    "RefusedParameter",
    "ResponseError",
    "ResponseTooLargeError",
    "ServerError",
    "StatusError",
    "Timeouts",
    "ToolCall",
    "ToolCallDelta",
    "UnsupportedParameterError",
    "image_from_path",
    "merge_params",
]
