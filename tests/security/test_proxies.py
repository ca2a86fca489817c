"""Proxies of the environment: every way to write one, and every way to write none."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import select
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from azure_inference_core import ChatClient, ConfigurationError
from tests.support import wire
from tests.support.drive import connect, with_variables
from tests.support.fault_server import Call, FaultServer, tls_context
from tests.support.scripted_server import answer_well
from tests.support.stages import authority_file

PASSWORD = "proxy-pass-word-77"
VARIABLES = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]


def tunnel(call: Call) -> None:
    """Do what a proxy does for CONNECT."""
    host, _, port = call.request.target.rpartition(":")
    with socket.create_connection((host, int(port))) as there:
        call.head(200)
        ways = {call.sock: there, there: call.sock}
        while not call.server.stopping.is_set():
            for source in select.select(list(ways), [], [], 0.05)[0]:
                data = source.recv(65536)
                if not data:
                    call.close()
                    return
                ways[source].sendall(data)


@contextlib.contextmanager
def endpoint_and_proxy() -> Iterator[tuple[FaultServer, FaultServer]]:
    """An https endpoint, and a proxy that leads there."""
    with FaultServer(answer_well, tls=tls_context()) as server, FaultServer(tunnel) as proxy:
        yield server, proxy


async def answers(url: str, **options: Any) -> None:
    """A sync and an async call there, both answered."""
    async with ChatClient(
        connect(url, ca_bundle=authority_file(), trust_env=True, max_retries=0, **options)
    ) as client:
        result = await asyncio.to_thread(client.complete, wire.MESSAGES)
        assert result.choices[0].content == wire.ANSWER
        assert (await client.acomplete(wire.MESSAGES)).choices[0].content == wire.ANSWER


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize(
    "form",
    [
        "{host}:{port}",
        "http://{host}:{port}",
        "http://{host}:{port}/",
        " {host}:{port} ",
        "HTTP://{host}:{port}",
    ],
)
async def test_a_proxy_is_found_however_it_is_written(
    monkeypatch: pytest.MonkeyPatch, variable: str, form: str
) -> None:
    """With and without a scheme, in each variable, sync and async."""
    with endpoint_and_proxy() as (server, proxy):
        monkeypatch.setenv(variable, form.format(host="localhost", port=proxy.port))
        await answers(server.url)
        assert [request.method for request in proxy.requests] == ["CONNECT"] * 2
        assert "proxy-authorization" not in proxy.requests[0].headers


@pytest.mark.parametrize(
    ("written", "login"),
    [
        (f"corp:{PASSWORD}", f"corp:{PASSWORD}"),
        ("corp:p%40ss%3Aw%2Frd", "corp:p@ss:w/rd"),
        ("corp", "corp:"),
        ("corp:p@ss", "corp:p@ss"),
        ("corp:p%C3%A4ss", "corp:p\u00e4ss"),
    ],
)
@pytest.mark.parametrize("scheme", ["", "http://"])
async def test_a_login_is_told_to_the_proxy_alone(
    monkeypatch: pytest.MonkeyPatch, scheme: str, written: str, login: str
) -> None:
    """The login of the variable, decoded, in the one header the proxy reads, and nowhere else."""
    with endpoint_and_proxy() as (server, proxy):
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}{written}@127.0.0.1:{proxy.port}")
        await answers(server.url)
        expected = "Basic " + base64.b64encode(login.encode()).decode()
        assert {request.headers["proxy-authorization"] for request in proxy.requests} == {expected}
        assert not any("proxy-authorization" in request.headers for request in server.requests)


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize(
    "value",
    [
        f"socks5://corp:{PASSWORD}@127.0.0.1:1080",
        f"socks5h://corp:{PASSWORD}@127.0.0.1:1080",
        f"ftp://corp:{PASSWORD}@127.0.0.1:21",
        f"corp:{PASSWORD}@127.0.0.1:port",
        f"http://corp:{PASSWORD}@127.0.0.1:0",
        f"http://corp:{PASSWORD}@127.0.0.1:99999",
        f"http://corp:{PASSWORD}@127.0.0.1:-1",
        f"http://corp:{PASSWORD}@127.0.0.1:",
        f"http://corp:{PASSWORD}@:3128",
        f"http://corp:{PASSWORD}@[::1:3128",
        f"http://corp:{PASSWORD}@my proxy:3128",
        f"http:corp:{PASSWORD}@127.0.0.1:3128",
        f"http:///corp:{PASSWORD}@127.0.0.1:3128",
        f"://corp:{PASSWORD}@127.0.0.1:3128",
        "http://",
    ],
)
async def test_what_is_no_proxy_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """Before anything is sent; the error names the variable and shows nothing of the login."""
    monkeypatch.setenv(variable, value)
    with FaultServer(answer_well, tls=tls_context()) as server:
        async with ChatClient(connect(server.url, ca_bundle=authority_file(), trust_env=True)) as client:
            with pytest.raises(ConfigurationError, match=variable) as caught:
                client.complete(wire.MESSAGES)
            with pytest.raises(ConfigurationError, match=variable) as caught_async:
                await client.acomplete(wire.MESSAGES)
        assert server.connection_count == 0
    for error in (caught.value, caught_async.value):
        assert PASSWORD not in with_variables(error)


@pytest.mark.parametrize("variable", ["no_proxy", "NO_PROXY"])
@pytest.mark.parametrize(
    "value",
    [
        "127.0.0.1",
        "*",
        "example.com, 127.0.0.1",
        "127.0.0.1:{port}",
        "127.0.0.0/8",
        "10.0.0.0/8,127.0.0.1/32",
    ],
)
async def test_no_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    """By address, by address and port, by network, for all."""
    with endpoint_and_proxy() as (server, proxy):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv(variable, value.format(port=server.port))
        await answers(server.url)
        assert proxy.connection_count == 0


@pytest.mark.parametrize("value", ["", "example.com", "127.0.0.1:1", "10.0.0.0/8", "::1/128", "/", ","])
async def test_no_proxy_for_others_changes_nothing(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Other hosts, ports and networks, and what names nothing."""
    with endpoint_and_proxy() as (server, proxy):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("no_proxy", value)
        await answers(server.url)
        assert proxy.request_count == 2
