"""Raw connections to an endpoint."""

import contextlib
import socket
import time


def wait_until(condition, seconds=10):
    """Wait for a condition and say whether it came."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def raw(endpoint, data, wait=10.0):
    """Send bytes and return what comes back until the server closes or is silent."""
    host, port = endpoint.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=wait) as connection:
        connection.sendall(data)
        answer = b""
        with contextlib.suppress(TimeoutError):
            while part := connection.recv(65536):
                answer += part
        return answer
