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

from azure_inference_core import errors
from azure_inference_core.errors import *  # noqa: F403 - all of the tree

__all__: list[str] = []
__all__ += errors.__all__
