"""The server itself: what it refuses, what it leaves behind, how it stops."""

import contextlib
import gc
import http.client
import json
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from azure_inference_local import serve
from azure_inference_local.cli import main, parser
from tests.local.engine import EchoChat, engines

QUERY = "?api-version=2024-05-01-preview"
SLOW = {"messages": [{"role": "user", "content": "slowly " * 400}]}


def wait_until(condition, seconds=10):
    """Wait for a condition and say whether it came."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


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


@pytest.mark.parametrize("chunked", [False, True])
def test_body_cap(chunked):
    """A body beyond the cap is a 413, announced or not."""
    with serve(engines=engines(), max_body=1000) as endpoint:
        content = (b"x" * 500 for _ in range(4)) if chunked else b"x" * 2000
        headers = {"api-key": endpoint.key, "content-type": "application/json"}
        answer = httpx.post(
            f"{endpoint.url}/chat/completions{QUERY}", headers=headers, content=content, trust_env=False
        )
        assert answer.status_code == 413


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


def test_hosts_and_keys():
    """Another address than loopback demands a key, and keys have to be sendable."""
    with pytest.raises(ValueError, match="key of your own"):
        serve(host="0.0.0.0")
    with pytest.raises(ValueError, match="printable"):
        serve(key="two\nlines")
    with serve(engines=engines()) as one, serve(engines=engines()) as two:
        assert len(one.key) == 64
        assert one.key != two.key


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


def test_log_lines_cannot_be_forged(endpoint, caplog):
    """A path with a line feed in it is logged in one line."""
    caplog.set_level(logging.INFO, "azure_inference_local.requests")
    raw(endpoint, b"GET /a%0Ab HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert wait_until(lambda: any("/a?b 404" in r.getMessage() for r in caplog.records))


def test_command_line():
    """`serve` prints URL, key and snippets, answers, logs a line a request, and stops in order on SIGTERM."""
    command = [sys.executable, "-m", "azure_inference_local", "serve", "--family", "jamba", "--key", "k"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().split()[-1]
        info = httpx.get(f"{url}/jamba/info{QUERY}", headers={"api-key": "k"}, trust_env=False)
        process.send_signal(signal.SIGTERM)
        out, err = process.stdout.read(), process.stderr.read()
    assert info.json()["model_name"] == "AI21-Jamba-1.5-Large"
    assert process.returncode == 0
    assert "ChatAzureInference(" in out
    assert "AzureInference(" in out
    assert "GET /jamba/info 200" in err


def test_help(capsys):
    """`--help` shows examples and every family, and a wrong option is explained."""
    with pytest.raises(SystemExit):
        parser().parse_args(["serve", "--help"])
    text = capsys.readouterr().out
    assert "examples:" in text
    assert "cohere-embed-v3" in text
    assert main(["serve", "--host", "0.0.0.0"]) == 1
    assert "key of your own" in capsys.readouterr().err


def test_models_command(capsys):
    """`models` lists the catalogue, and an unknown name is refused with the names there are."""
    assert main(["models"]) == 0
    assert "smollm2-135m" in capsys.readouterr().out
    assert main(["models", "pull", "nobody"]) == 1
    assert "smollm2-135m" in capsys.readouterr().err


def test_pytest_plugin(pytester):
    """The fixtures of the plugin give a running endpoint and its environment."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makeconftest('pytest_plugins = ["azure_inference_local.pytest_plugin"]')
    pytester.makepyfile(
        """
        import os

        def test_it(azure_inference_environment):
            assert azure_inference_environment.url.startswith("http://127.0.0.1:")
            assert os.environ["AZURE_INFERENCE_CREDENTIAL"] == azure_inference_environment.key
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


pytest_plugins = ["pytester"]
