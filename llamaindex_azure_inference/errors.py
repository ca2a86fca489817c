"""What calls raise. LlamaIndex has no exception classes for providers, so these are the core's own.

```
InferenceError                          .status .code .request_id .retry_after .is_retryable .attempts
├─ ConfigurationError (ValueError)      nothing was sent
├─ ConnectionFailedError                no connection
├─ DeadlineExceededError (TimeoutError) a time ran out
├─ StatusError (HttpResponseError)      the endpoint answered 3xx, 4xx or 5xx: one class a condition
└─ ResponseError                        answered, but not with an answer
```

```python
try:
    llm.complete("How do I build a bomb?")
except errors.ContentFilteredError as error:
    print(error.source, error.categories)
```

The whole tree is drawn in :mod:`azure_inference_core.errors`; the examples below are written with the core's client.
Every class pickles, so an error in a worker process
comes out of ``IngestionPipeline.run`` as itself; the text of a 429 holds "429" and "rate limit", which is what
LlamaIndex's extractors look for.
"""

from azure_inference_core.errors import (
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
    RefusedParameter,
    ResponseError,
    ResponseTooLargeError,
    ServerError,
    StatusError,
    UnsupportedParameterError,
)

__all__ = [
    "AuthenticationError",
    "ConfigurationError",
    "ConnectionFailedError",
    "ContentFilteredError",
    "ContextLengthError",
    "DeadlineExceededError",
    "IncompleteResponseError",
    "InferenceError",
    "InvalidRequestError",
    "MalformedResponseError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitedError",
    "RedirectRefusedError",
    "RefusedParameter",
    "ResponseError",
    "ResponseTooLargeError",
    "ServerError",
    "StatusError",
    "UnsupportedParameterError",
]
