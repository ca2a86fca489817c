"""Every test runs in a clean environment and may only talk to loopback."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from pytest_socket import socket_allow_hosts

LOOPBACK = ["127.0.0.1", "::1", "localhost"]
OWN_PREFIXES = ("AZURE_", "AZUREAI_", "IDENTITY_", "MSI_")
KEPT_PREFIX = "AZURE_INFERENCE_LOCAL_"
NETWORK_NAMES = {
    "ALL_PROXY",
    "CURL_CA_BUNDLE",
    "FTP_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
}


def foreign(name: str) -> bool:
    """Whether a variable of the developer's shell could change what a test sees."""
    if name.startswith(KEPT_PREFIX):
        return False
    return name.startswith(OWN_PREFIXES) or name.upper() in NETWORK_NAMES


@pytest.fixture(scope="session", autouse=True)
def clean_environment() -> Iterator[None]:
    """Hide endpoints, keys, proxies and CA files of the shell that runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if foreign(name)]:
            patch.delenv(name)
        yield


def pytest_runtest_setup() -> None:
    """Let sockets connect to loopback only."""
    socket_allow_hosts(LOOPBACK, allow_unix_socket=True)


@pytest.fixture
def quick_retries() -> Iterator[None]:
    from azure_inference_core import testing  # tests of the local endpoint do without the core

    with testing.quick_retries():
        yield
