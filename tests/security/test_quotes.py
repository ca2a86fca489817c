"""A service that quotes a key is not quoted: in no spelling, no place and no call; and common words are no keys."""

from __future__ import annotations

import asyncio
import html
import json
import logging
import pickle
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

import pytest

from azure_inference_core import ChatClient
from azure_inference_core.errors import InferenceError
from tests.support import wire
from tests.support.drive import connect, logged, renderings, with_variables
from tests.support.entry_points import ENTRY_POINTS, made
from tests.support.fault_server import Call, FaultServer
from tests.support.scripted_server import Reply, ScriptedServer

QUOTED = "canary/key+with=every&kind'of\"sign-7f3c0e55b1d9=="
GATEWAY = "canary-gateway-1b9e77a40c"
SPELLINGS: dict[str, Callable[[str], str]] = {
    "itself": str,
    "slashes": lambda key: key.replace("/", "\\/"),
    "JSON": lambda key: json.dumps(key)[1:-1],
    "JSON in JSON": lambda key: json.dumps(json.dumps(key)),
    "code points": lambda key: "".join(f"\\u{ord(c):04X}" for c in key),
    "some code points": lambda key: key.replace("+", "\\u002B").replace("=", "\\u003d"),
    "percent": lambda key: quote(key, safe=""),
    "percent, small": lambda key: quote(key, safe="").lower(),
    "percent twice": lambda key: quote(quote(key, safe=""), safe=""),
    "HTML": html.escape,
    "HTML numbers": lambda key: "".join(f"&#{ord(c)};" for c in key),
    "repr": repr,
    "a word before": lambda key: f"Bearer%20{quote(key, safe='')}",
    "a line end before": lambda key: f"key:\\n{key}",
}


def told(error: InferenceError) -> str:
    """All that an error shows, fields and answer included, with every variable of its frames."""
    response = getattr(error, "response", None)
    answer = [response.text(), repr(response.headers), repr(response.content)] if response else []
    return " ".join([*renderings(error), *answer, with_variables(error)])


def bodies(said: str) -> list[Any]:
    """Where a service can write something down."""
    return [
        {"error": {"code": "401", "message": f"Incorrect API key provided: {said}. See the portal."}},
        {"error": {"code": "401", "message": f"Authorization: Bearer {said} is not valid"}},
        {"status": f"Invalid auth token: Bearer {said}"},
        {"error": {"code": said, "message": "no"}},
        {"error": {"type": said, "message": "no"}},
        {"error": {"code": "unsupported_value", "param": said, "message": f"Unsupported value: '{said}'"}},
        {"detail": [{"loc": ["body", "user"], "msg": f"not {said}", "input": said, "type": "x"}]},
        {"detail": [{"loc": ["body", "user"], "msg": "no", "input": {"a": [said, {said: 1}]}, "type": "x"}]},
        {"error": {"code": "content_filter", "message": "no", "content_filter_result": {said: {"filtered": True}}}},
        {"error": {"code": "401", "message": "x" * 205 + f" {said}"}},
        f"<html>bad key {said}</html>",
        f"bad key {said}",
    ]  # fmt: skip


def is_free_of(text: str, *secrets: str) -> bool:
    """Whether neither a secret nor a long beginning of it is in a text, whatever the escapes."""
    for _ in range(3):
        text = unquote(html.unescape(text.replace("\\/", "/").replace('\\"', '"').replace("\\'", "'")))
        text = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
    return not any(secret[:14] in text or secret[8:] in text for secret in secrets)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("status", [400, 401, 424, 200])
def test_a_key_that_the_service_quotes_is_not_repeated(spelling: str, status: int) -> None:
    """However and wherever a service writes a key or a gateway's header down, no text, field or variable has it."""
    asked = [body for secret in (QUOTED, GATEWAY) for body in bodies(SPELLINGS[spelling](secret))]
    left = iter(asked)

    def play(call: Call) -> None:
        body = next(left)
        call.respond(
            status, body if isinstance(body, str) else json.dumps(body), {"x-request-id": f"r {GATEWAY}"}
        )

    with FaultServer(play) as server:
        options = {"credential": QUOTED, "default_headers": {"ocp-apim": GATEWAY}, "max_retries": 0}
        with ChatClient(connect(server.url, **options)) as client:
            for body in asked:
                with pytest.raises(InferenceError) as caught:
                    client.complete(wire.MESSAGES)
                error = caught.value
                assert is_free_of(told(error), QUOTED, GATEWAY), (body, told(error))
                assert is_free_of(told(pickle.loads(pickle.dumps(error))), QUOTED, GATEWAY), body


@pytest.mark.parametrize("entry", ENTRY_POINTS, ids=str)
@pytest.mark.parametrize("spelling", ["slashes", "code points", "percent"])
async def test_no_entry_point_repeats_a_key(
    entry: Any, spelling: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Refusals, events of a stream that are errors, and successes that are: the same in every call, and in the log."""
    caplog.set_level(logging.DEBUG, "azure_inference")
    body = {"error": {"code": "unsupported_value", "message": f"no {SPELLINGS[spelling](QUOTED)} here"}}

    refuses = [True]

    def play(call: Call) -> None:
        if refuses[0]:
            call.respond(401, body, {"x-request-id": QUOTED})
        elif call.request.wants_stream:
            call.stream([wire.event(wire.chunk("a")), wire.event(body)])
        else:
            call.respond(200, body, {"x-request-id": QUOTED})

    with FaultServer(play) as server:
        for refuses[0] in (True, False):
            thing = made(entry.kind, server.url, credential=QUOTED, max_retries=0)
            with pytest.raises(InferenceError) as caught:
                await (entry.use(thing) if entry.asynchronous else asyncio.to_thread(entry.use, thing))
            assert is_free_of(" ".join(renderings(caught.value)), QUOTED)
            assert is_free_of(with_variables(caught.value), QUOTED)
            await thing.aclose()
    assert is_free_of(" ".join(logged(caplog.records)), QUOTED)
    assert caplog.records


@pytest.mark.parametrize("key", ["x", "token", "not-key", "completion"])
def test_a_key_that_is_a_common_word_spoils_no_error(server: ScriptedServer, key: str) -> None:
    """Parts of words are no secrets, and neither is what a server without keys is given: names stay what they are."""
    names = ["max_tokens", "max_completion_tokens", "extra"]
    server.reply(
        Reply(
            400,
            {"error": {"code": "unsupported_token", "message": f"Extra parameters {names} are not allowed"}},
        )
    )
    server.key = key
    with ChatClient(connect(server.url, credential=key)) as client, pytest.raises(InferenceError) as caught:
        client.complete(wire.MESSAGES)
    assert [parameter.name for parameter in caught.value.parameters] == names  # type: ignore[attr-defined]
    assert caught.value.code == "unsupported_token"
    assert "max_tokens, max_completion_tokens, extra" in str(caught.value)
