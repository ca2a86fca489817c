"""For tests of programs that use these clients: the waits between attempts, made short.

A fixture that holds for every test:

```python
import pytest

from azure_inference_core.testing import quick_retries


@pytest.fixture(autouse=True)
def quick():
    with quick_retries():
        yield
```
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from azure_inference_core._client.retry import Pace, at_pace
from azure_inference_core.connection import check_count

__all__ = ["quick_retries"]

_LONGEST_WAIT = 0.01


def quick_retries(*, attempts: int | None = None) -> AbstractContextManager[None]:
    """Let no wait between two attempts last longer than 10 ms, as long as the block runs.

    Whether a call is sent again is decided as ever: a service that asks for more time than the call has left
    still makes it fail at once. It holds for all calls of this process, of every client, thread and event loop,
    and is over with the block; where two blocks overlap, the later one holds. Worker processes are not reached.

    ```python
    from azure_inference_core.testing import quick_retries

    with quick_retries(attempts=2):
        try:
            client.complete(messages, headers={"x-fault": "status=503"})
        except ServerError as error:
            print(f"sent {error.attempts} times")
    ```

    Args:
        attempts: How often a call is sent at most, the first time included; a smaller ``max_retries`` still
            counts. ``None`` leaves it to ``max_retries`` alone.

    Raises:
        ConfigurationError: ``attempts`` is not a whole number of at least 1.
    """
    if attempts is not None:
        check_count("attempts", attempts)
    return at_pace(
        Pace(
            first_backoff=_LONGEST_WAIT,
            largest_backoff=_LONGEST_WAIT,
            longest_wait=_LONGEST_WAIT,
            **({} if attempts is None else {"most_attempts": attempts}),
        )
    )
