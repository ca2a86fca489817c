"""What stands in front of the application: the Host check and the request log."""

import logging

import pytest

from tests.local.sockets import raw, wait_until


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:1", 200),
        ("localhost", 200),
        ("[::1]:80", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
    ],
)
def test_host_check(endpoint, host, status):
    """Only loopback names are answered: a page that rebinds its name to loopback gets a 403."""
    head = f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    assert raw(endpoint, head).split()[1] == str(status).encode()


def test_log_lines_cannot_be_forged(endpoint, caplog):
    """A path with a line feed in it is logged in one line."""
    caplog.set_level(logging.INFO, "azure_inference_local.requests")
    raw(endpoint, b"GET /a%0Ab HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert wait_until(lambda: any("/a?b 404" in r.getMessage() for r in caplog.records))
