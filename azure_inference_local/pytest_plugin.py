"""A pytest fixture for tests of applications: a local endpoint for the whole test run.

Enable it in a `conftest.py`:

```python
pytest_plugins = ["azure_inference_local.pytest_plugin"]
```

and use it:

```python
from langchain_azure_inference import ChatAzureInference


def test_my_chain(azure_inference_endpoint):
    model = ChatAzureInference(endpoint=azure_inference_endpoint.url, credential=azure_inference_endpoint.key)
    assert model.invoke("Say hello.", max_tokens=10).text
```

Override `azure_inference_options` with keywords of `serve` to choose families, engines or faults, and use
`azure_inference_environment` for code that takes its endpoint and credential from the environment.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from azure_inference_local import Endpoint, serve


@pytest.fixture(scope="session")
def azure_inference_options() -> dict[str, Any]:
    """Keywords of `serve` for the run's endpoint; override this fixture to change them.

    ```python
    import pytest


    @pytest.fixture(scope="session")
    def azure_inference_options():
        return {"families": ["mistral-large"], "fault_header": True}
    ```
    """
    return {}


@pytest.fixture(scope="session")
def azure_inference_endpoint(azure_inference_options: dict[str, Any]) -> Iterator[Endpoint]:
    """A running endpoint, shared by all tests of the run and stopped after the last.

    ```python
    def test_the_endpoint_answers(azure_inference_endpoint):
        assert azure_inference_endpoint.url.startswith("http://127.0.0.1")
    ```
    """
    with serve(**azure_inference_options) as endpoint:
        yield endpoint


@pytest.fixture
def azure_inference_environment(
    azure_inference_endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> Endpoint:
    """The run's endpoint, with the environment variables of its URL and key set for one test.

    ```python
    from langchain_azure_inference import ChatAzureInference


    def test_my_settings(azure_inference_environment):
        assert ChatAzureInference().invoke("Say hello.", max_tokens=10).text
    ```
    """
    monkeypatch.setenv("AZURE_INFERENCE_ENDPOINT", azure_inference_endpoint.url)
    monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", azure_inference_endpoint.key)
    return azure_inference_endpoint
