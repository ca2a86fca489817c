"""The connections of the server: their time and their number."""

import socket
import time

import httpx
import pytest

from azure_inference_local import serve
from tests.local.fake_engines import engines
from tests.local.sockets import raw, wait_until

QUERY = "?api-version=2024-05-01-preview"


@pytest.mark.slow
def test_idle_connections():
    """A silent connection, one that never ends its head, and a body that does not come are closed in time."""
    with serve(engines=engines(), idle_timeout=1) as endpoint:
        start = time.monotonic()
        assert raw(endpoint, b"") == b""
        assert raw(endpoint, b"POST /chat/comp") == b""
        head = f"POST /chat/completions{QUERY} HTTP/1.1\r\nHost: localhost\r\napi-key: {endpoint.key}\r\nContent-Length: 9\r\n\r\n"
        assert raw(endpoint, head.encode()).split()[1] == b"408"
        assert time.monotonic() - start < 9


def test_connection_cap():
    """A connection beyond the cap is answered 503, and one that leaves makes room."""
    with serve(engines=engines(), max_connections=2) as endpoint:
        host, port = endpoint.url.removeprefix("http://").split(":")
        held = [socket.create_connection((host, int(port))) for _ in range(2)]
        time.sleep(0.2)
        assert httpx.get(endpoint.url, trust_env=False).status_code == 503
        held.pop().close()
        assert wait_until(lambda: httpx.get(endpoint.url, trust_env=False).status_code == 200)
        held.pop().close()
