"""One endpoint with every family, in front of the tiny engine of these tests."""

import httpx
import pytest

from azure_inference_local import serve
from tests.local.fake_engines import EchoChat, engines

VERSION = "2024-05-01-preview"


@pytest.fixture(scope="session")
def echo():
    """The chat engine behind `endpoint`; it remembers the bodies it got."""
    return EchoChat()


@pytest.fixture(scope="session")
def endpoint(echo):
    """A server with every family that obeys the fault header."""
    with serve(families="all", engines=engines(echo), fault_header=True) as running:
        yield running


@pytest.fixture(scope="session")
def client(endpoint):
    """A plain HTTP client with the key and the version of the API."""
    with httpx.Client(
        base_url=endpoint.url,
        headers={"api-key": endpoint.key},
        params={"api-version": VERSION},
        trust_env=False,
        timeout=30,
    ) as http:
        yield http
