"""The server itself: what it answers at once, what it leaves behind, how it stops."""

import contextlib
import gc
import http.client
import json
import logging
import threading
import time
from pathlib import Path

import httpx
import pytest

from azure_inference_local import serve
from tests.local.fake_engines import EchoChat, engines
from tests.local.sockets import wait_until

QUERY = "?api-version=2024-05-01-preview"
SLOW = {"messages": [{"role": "user", "content": "slowly " * 400}]}


def test_nothing_stays_behind():
    """After the context there are no threads of the server, its socket is closed and its engine is, too."""
    before = set(threading.enumerate())
    echo = EchoChat()
    with serve(engines=engines(echo), tls=True) as endpoint:
        httpx.post(
            f"{endpoint.url}/chat/completions{QUERY}",
            headers={"api-key": endpoint.key},
            json={"messages": [{"role": "user", "content": "x"}]},
            verify=__import__("ssl").create_default_context(cafile=endpoint.ca_bundle),
            trust_env=False,
        )
        bundle = endpoint.ca_bundle
    assert set(threading.enumerate()) <= before
    assert echo.closed.is_set()
    assert not Path(bundle).exists()
    gc.collect()


def test_stopping_in_the_middle_of_a_stream():
    """A stream that runs when the server stops is cut, not ended as if it were whole, and soon."""
    echo = EchoChat()
    with serve(engines=engines(echo)) as endpoint:
        host, port = endpoint.url.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        connection.request(
            "POST",
            f"/chat/completions{QUERY}",
            json.dumps({**SLOW, "stream": True}),
            {"api-key": endpoint.key},
        )
        response = connection.getresponse()
        response.readline()
        start = time.monotonic()
    assert time.monotonic() - start < 8
    with contextlib.suppress(http.client.IncompleteRead):
        assert b"[DONE]" not in response.read()
    response.close()
    connection.close()


def test_grace():
    """An answer that ends within the time of grace is whole, although the server was told to stop meanwhile."""
    body = {"messages": [{"role": "user", "content": "slowly " * 40}], "stream": True}
    with serve(engines=engines(), grace=20) as endpoint:
        host, port = endpoint.url.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        connection.request("POST", f"/chat/completions{QUERY}", json.dumps(body), {"api-key": endpoint.key})
        response = connection.getresponse()
        response.readline()
    assert response.read().endswith(b"data: [DONE]\n\n")
    response.close()
    connection.close()


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_cancels(stream):
    """A client that goes away ends the generation, streamed or not."""
    echo = EchoChat()
    with serve(engines=engines(echo)) as endpoint:
        with contextlib.suppress(httpx.ReadTimeout), httpx.Client(trust_env=False, timeout=1) as client:
            url = f"{endpoint.url}/chat/completions{QUERY}"
            headers = {"api-key": endpoint.key}
            if stream:
                with client.stream("POST", url, headers=headers, json={**SLOW, "stream": True}) as response:
                    next(response.iter_raw())
            else:
                client.post(url, headers=headers, json=SLOW)
        assert wait_until(lambda: echo.cancelled == 1)


def test_concurrent_answers_are_not_mixed(endpoint):
    """Streams that run at once hold their own words only."""
    found = {}

    def ask(number):
        text = f"slowly {number} slowly {number}"
        body = {"messages": [{"role": "user", "content": text}], "stream": True}
        answer = httpx.post(
            f"{endpoint.url}/chat/completions{QUERY}",
            headers={"api-key": endpoint.key},
            json=body,
            trust_env=False,
            timeout=30,
        )
        events = [json.loads(line[6:]) for line in answer.text.split("\n\n")[:-2]]
        found[number] = ("".join(e["choices"][0]["delta"].get("content", "") for e in events), text)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 24
    assert all(said == wanted for said, wanted in found.values())


def test_busy_port(endpoint):
    """A port that is taken is an OSError, and nothing stays behind."""
    before = threading.active_count()
    with pytest.raises(OSError, match="in use"):
        serve(port=int(endpoint.url.rsplit(":", 1)[1]), engines=engines())
    assert threading.active_count() == before


def test_no_secret_in_logs_and_texts(caplog):
    """Neither key nor prompt is in a log record, a repr or an error's answer."""
    caplog.set_level(logging.DEBUG)
    with serve(key="canary-key", engines=engines()) as endpoint:
        texts = [repr(endpoint), repr(endpoint._auth), repr(endpoint._options)]
        for body in ({"messages": [{"role": "user", "content": "canary-prompt"}]}, {"messages": 1}):
            for key in ("canary-key", "canary-key-wrong"):
                url = f"{endpoint.url}/chat/completions{QUERY}"
                answer = httpx.post(url, headers={"api-key": key}, json=body, trust_env=False)
                texts.append("" if answer.status_code == 200 else answer.text)
    texts += [r.getMessage() for r in caplog.records if r.name.startswith("azure_inference_local")]
    assert any("/chat/completions 200" in text for text in texts)
    assert not [text for text in texts if "canary" in text]
