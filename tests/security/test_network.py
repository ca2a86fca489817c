"""Where requests may go and what they may carry: redirects, proxies, headers, TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from azure_inference_core import (
    ChatClient,
    ConfigurationError,
    Connection,
    InferenceError,
    RedirectRefusedError,
)
from tests.support import stages, wire
from tests.support.drive import connect
from tests.support.entry_points import CLASSES, ENTRY_POINTS, made
from tests.support.fault_server import FaultServer, certificate_authority, tls_context
from tests.support.scripted_server import Reply, ScriptedServer, answer_well
from tests.support.wire import CANARY_KEY

BAD_CHARACTERS = ["a\rb", "a\nb", "a\r\nx-evil: 1", "a\x00b", "a\x1fb", "aéb", "a日b"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
async def test_no_class_follows_a_redirect(kind: type[Any], status: int) -> None:
    """No class, sync or async, goes where an answer points; the other host sees nothing."""
    entries = [entry for entry in ENTRY_POINTS if entry.kind is kind]
    with FaultServer(answer_well) as other:
        target = f"http://localhost:{other.port}/chat/completions"
        with FaultServer(lambda call: call.respond(status, b"", {"Location": target})) as server:
            for entry in entries[:4]:
                thing = made(kind, server.url)
                with pytest.raises(RedirectRefusedError):
                    await (entry.use(thing) if entry.asynchronous else asyncio.to_thread(entry.use, thing))
                await thing.aclose()
                thing.close()
            assert server.request_count == len(entries[:4])
        assert other.connection_count == 0


def test_a_redirect_error_shows_no_secret_of_the_address(server: ScriptedServer) -> None:
    """Of the address a redirect points to only the host is named."""
    location = "https://user:pass-word@elsewhere.example/path?sig=signature#x"
    server.reply(Reply(307, b"", {"Location": location}))
    with ChatClient(connect(server.url)) as client, pytest.raises(RedirectRefusedError) as caught:
        client.complete(wire.MESSAGES)
    assert "elsewhere.example" in str(caught.value)
    for secret in ("pass-word", "signature", "user:"):
        assert secret not in str(caught.value) + repr(vars(caught.value))


@pytest.mark.parametrize(
    "name", ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
)
@pytest.mark.parametrize("trust", [False, True])
async def test_a_proxy_never_sees_a_loopback_call(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, name: str, trust: bool
) -> None:
    """A proxy of the environment is not used for plain http, where it would see key and prompt."""
    with FaultServer(answer_well) as proxy:
        monkeypatch.setenv(name, proxy.url)
        async with ChatClient(connect(server.url, trust_env=trust)) as client:
            client.complete(wire.MESSAGES)
            await client.acomplete(wire.MESSAGES)
        assert proxy.connection_count == 0


async def test_a_proxy_is_not_used_unasked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """For https too the environment's proxy counts only with ``trust_env``."""
    bundle = tmp_path / "ca.pem"
    certificate_authority().cert_pem.write_to_path(str(bundle))
    with (
        FaultServer(lambda call: call.respond(403)) as proxy,
        FaultServer(answer_well, tls=tls_context()) as server,
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        async with ChatClient(connect(server.url, ca_bundle=str(bundle))) as client:
            client.complete(wire.MESSAGES)
            await client.acomplete(wire.MESSAGES)
        assert proxy.connection_count == 0
        async with ChatClient(
            connect(server.url, ca_bundle=str(bundle), trust_env=True, max_retries=0)
        ) as client:
            with pytest.raises(InferenceError):
                client.complete(wire.MESSAGES)
            with pytest.raises(InferenceError):
                await client.acomplete(wire.MESSAGES)
        assert {request.method for request in proxy.requests} == {"CONNECT"}
        assert proxy.request_count == 2


async def test_a_netrc_file_is_not_read(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Logins of other tools do not replace the credential."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with ChatClient(connect(server.url, trust_env=True)) as client:
        client.complete(wire.MESSAGES)
        await client.acomplete(wire.MESSAGES)
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {CANARY_KEY}"}


@pytest.mark.parametrize(
    "option", [{"verify": False}, {"connection_verify": False}, {"verify_ssl": False}], ids=str
)
@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_tls_cannot_be_switched_off_by_a_keyword(kind: type[Any], option: dict[str, Any]) -> None:
    """A keyword that switches verification off elsewhere does not reach the transport: no request gets through."""
    entry = next(entry for entry in ENTRY_POINTS if entry.kind is kind and not entry.asynchronous)
    with FaultServer(answer_well, tls=tls_context()) as server:
        with pytest.raises((InferenceError, ValueError, TypeError)):
            entry.use(made(kind, server.url, **option))
        assert server.request_count == 0


def test_a_connection_has_no_such_switch() -> None:
    """The core takes a file of authorities, and no flag."""
    for option in ({"verify": False}, {"connection_verify": False}):
        with pytest.raises(TypeError):
            Connection("https://x.example/v1", CANARY_KEY, **option)  # type: ignore[arg-type]
    with pytest.raises(
        ConfigurationError, match="ca_bundle must be the path of a file, not a value of type bool"
    ):
        Connection("https://x.example/v1", CANARY_KEY, ca_bundle=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", BAD_CHARACTERS, ids=ascii)
@pytest.mark.parametrize(
    "place", ["key", "user agent", "default header", "default header name", "api version"]
)
def test_nothing_injects_a_header_at_construction(place: str, text: str) -> None:
    """Line breaks, control characters and what is not ASCII are refused; the value is not shown."""
    options: dict[str, Any] = {
        "key": {"credential": f"{CANARY_KEY}{text}"},
        "user agent": {"user_agent": text},
        "default header": {"default_headers": {"x-a": f"{CANARY_KEY}{text}"}},
        "default header name": {"default_headers": {text: "x"}},
        "api version": {"api_version": text},
    }[place]
    with pytest.raises(ConfigurationError) as caught:
        connect("http://127.0.0.1:9", **options)
    assert CANARY_KEY not in str(caught.value)


@pytest.mark.parametrize("text", BAD_CHARACTERS, ids=ascii)
def test_nothing_injects_a_header_in_a_call(server: ScriptedServer, text: str) -> None:
    """The same for headers of one call; a model's name is never a header or a part of the address unescaped."""
    with ChatClient(connect(server.url)) as client:
        for headers in ({"x-a": text}, {text: "x"}):
            with pytest.raises(ConfigurationError):
                client.complete(wire.MESSAGES, headers=headers)
    assert server.requests == []
    with ChatClient(connect(server.deployment_url)) as client:
        client.complete(wire.MESSAGES, model=f"{text}/../x?y#z")
    assert b"x-evil" not in server.last.head.lower().replace(b"x-evil%3a", b"")
    assert server.last.path.startswith("/openai/deployments/")
    assert server.last.path.count("/") == 5


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "Authorization",
        "api-key",
        "API-KEY",
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
    ],
)
def test_reserved_headers_are_refused(server: ScriptedServer, name: str) -> None:
    """The headers the client owns cannot be replaced, at construction or in a call."""
    with pytest.raises(ConfigurationError, match=r"(?i)" + name):
        connect(server.url, default_headers={name: "x"})
    with ChatClient(connect(server.url)) as client, pytest.raises(ConfigurationError, match=r"(?i)" + name):
        client.complete(wire.MESSAGES, headers={name: "x"})
    assert server.requests == []


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_nothing_given_to_a_constructor_is_written_to(kind: type[Any]) -> None:
    """Headers, extras and other mappings stay the caller's: equal before and after, and not shared."""
    headers = {"x-a": "1"}
    extras = {"top_k": 5, "nested": {"a": [1]}}
    entry = next(entry for entry in ENTRY_POINTS if entry.kind is kind and not entry.asynchronous)
    with FaultServer(answer_well) as server:
        thing = made(kind, server.url, default_headers=headers, model_extras=extras)
        entry.use(thing)
        assert headers == {"x-a": "1"}
        assert extras == {"top_k": 5, "nested": {"a": [1]}}
        headers["x-b"] = "2"
        entry.use(thing)
        assert "x-b" not in server.requests[-1].headers
        thing.close()


def test_a_plain_http_endpoint_elsewhere_gets_no_key() -> None:
    """Every class refuses to send a key in clear to another machine."""
    for kind in CLASSES:
        with pytest.raises((InferenceError, ValueError), match="allow_insecure"):
            made(kind, "http://10.0.0.1")


def self_signed() -> ssl.SSLContext:
    """A certificate that nobody but itself vouches for."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with authority.private_key_pem.tempfile() as key, authority.cert_pem.tempfile() as certificate:
        context.load_cert_chain(certificate, key)
    return context


CERTIFICATES: dict[str, Callable[[], ssl.SSLContext]] = {
    "unknown authority": stages.stranger,
    "self-signed": self_signed,
    "another host's": stages.wrong_name,
    "expired": stages.expired,
}


async def errors_of(stage: stages.Stage, **options: Any) -> list[InferenceError]:
    """What the sync and the async call raise."""
    found = []
    async with ChatClient(connect(stage, max_retries=0, **options)) as client:
        with pytest.raises(InferenceError) as caught:
            await asyncio.to_thread(client.complete, wire.MESSAGES)
        found.append(caught.value)
        with pytest.raises(InferenceError) as caught:
            await client.acomplete(wire.MESSAGES)
        found.append(caught.value)
    return found


@pytest.mark.parametrize("name", CERTIFICATES)
async def test_a_certificate_that_fails_names_the_setting(name: str) -> None:
    """Whoever has an authority of their own is told where to put it."""
    with stages.secured(CERTIFICATES[name], answer_well)() as stage:
        for error in await errors_of(stage):
            assert "ca_bundle" in str(error), error
            assert not error.is_retryable


async def test_a_protocol_that_fails_is_no_certificate() -> None:
    """Plain http behind an https address is not mended by another authority."""
    with stages.https_to_plain() as stage:
        for error in await errors_of(stage):
            assert "ca_bundle" not in str(error)


async def test_a_proxys_certificate_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy itself can be the one that nobody knows."""
    with FaultServer(answer_well, tls=stages.stranger()) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        for error in await errors_of(stages.Stage("https://endpoint.example/v1"), trust_env=True):
            assert "ca_bundle" in str(error), error


PROXY = {"HTTPS_PROXY": "http://user:pass-word@proxy.example:8080"}


@pytest.mark.parametrize(
    ("variables", "options", "is_named"),
    [
        (PROXY, {}, True),
        ({"all_proxy": "http://proxy.example:8080"}, {}, True),
        ({}, {}, False),
        ({"HTTP_PROXY": "http://proxy.example:8080"}, {}, False),
        ({**PROXY, "NO_PROXY": ".invalid"}, {}, False),
        (PROXY, {"trust_env": True}, False),
    ],
    ids=str,
)
@pytest.mark.parametrize("play", [stages.no_such_host, stages.closed_port], ids=["no name", "refused"])
async def test_a_proxy_that_is_left_out_is_named(
    monkeypatch: pytest.MonkeyPatch,
    play: stages.Play,
    variables: dict[str, str],
    options: dict[str, Any],
    is_named: bool,
) -> None:
    """Where a host cannot be reached and the environment has a proxy for it, the error says how to use it."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with play() as stage:
        host = stages.Stage(stage.url.replace("http:", "https:").replace("127.0.0.1", "localhost"))
        if "NO_PROXY" in variables:
            monkeypatch.setenv("NO_PROXY", ".invalid,localhost")
        for error in await errors_of(host, **options):
            assert ("trust_env=True" in str(error)) == is_named, error
            assert "pass-word" not in str(error)
