"""Faults on demand: by start option and by request header, off by default."""

import contextlib
import json
import time
from email.utils import parsedate_to_datetime

import httpx
import pytest

from azure_inference_local import Faults, serve
from tests.local.fake_engines import engines

BODY = {"messages": [{"role": "user", "content": "one two three four"}], "model": "local"}


def post(endpoint, fault=None, base="", **more):
    """Post a chat, with a fault header."""
    return httpx.post(
        f"{endpoint.url}{base}/chat/completions?api-version=2024-05-01-preview",
        headers={"api-key": endpoint.key} | ({"x-fault": fault} if fault else {}),
        json={**BODY, **more},
        trust_env=False,
        timeout=20,
    )


@pytest.mark.parametrize(
    ("style", "header", "value"),
    [
        ("seconds", "retry-after", "2"),
        ("ms", "retry-after-ms", "2000"),
        ("date", "retry-after", None),
        ("reset-tokens", "x-rate-limit-reset-tokens", "2"),
        ("none", None, None),
    ],
)
def test_rate_limit_styles(endpoint, style, header, value):
    """A 429 tells the wait in seconds, milliseconds, as a date, or not at all."""
    answer = post(endpoint, f"status=429, retry-after=2, retry-after-style={style}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "429")
    names = ("retry-after", "retry-after-ms", "x-rate-limit-reset-tokens")
    found = {name: answer.headers[name] for name in names if name in answer.headers}
    assert set(found) == ({header} if header else set())
    if style == "date":
        assert 0 <= parsedate_to_datetime(found["retry-after"]).timestamp() - time.time() < 3
    elif header:
        assert found[header] == value


@pytest.mark.parametrize(
    ("base", "text"),
    [
        ("", "Rate limit is exceeded. Try again in 1 seconds."),
        ("/models", "Please wait 1 seconds before retrying."),
        ("/openai/v1", "Please retry after 1 seconds."),
    ],
)
def test_rate_limit_bodies(endpoint, base, text):
    """The 429 has the dialect's words."""
    assert text in post(endpoint, "status=429", base).text


@pytest.mark.parametrize("wait", [0, 0.3, 2, 2.5])
def test_rate_limit_text_agrees_with_its_header(endpoint, wait):
    """The body names the same whole seconds as the header."""
    answer = post(endpoint, f"status=429, retry-after={wait}")
    assert f"Try again in {answer.headers['retry-after']} seconds." in answer.text


@pytest.mark.parametrize("base", ["", "/models", "/openai/v1"])
def test_no_streams(endpoint, base):
    """`no-streams` refuses a stream in the service's words, and nothing else."""
    assert post(endpoint, "no-streams", base).status_code == 200
    answer = post(endpoint, "no-streams", base, stream=True)
    assert answer.status_code == 422
    assert answer.json()["error"] == {
        "code": "OperationParameterInvalid",
        "message": "Streaming responses are not currently supported",
    }


@pytest.mark.parametrize("stream", [False, True])
def test_single_quotes(endpoint, stream):
    """`single-quotes` writes the arguments of a tool call as Python does, whole and streamed."""
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    answer = post(endpoint, "single-quotes", tools=tools, stream=stream)
    said = "{'city': 'Paris'}"
    if stream:
        chunks = [json.loads(line[6:]) for line in answer.text.split("\n\n")[:-2]]
        calls = [c for k in chunks for c in k["choices"][0]["delta"].get("tool_calls") or ()]
        assert "".join(call["function"]["arguments"] for call in calls) == said
    else:
        assert answer.json()["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == said


@pytest.mark.parametrize("status", [400, 408, 424, 500, 502, 503, 504])
@pytest.mark.parametrize("base", ["", "/openai/v1"])
def test_statuses(endpoint, status, base):
    """Any error status can be had; 400 never has a Retry-After."""
    answer = post(endpoint, f"status={status}", base)
    assert answer.status_code == status
    assert "error" in answer.json()
    assert ("retry-after" in answer.headers) == (status == 503)


@pytest.mark.parametrize("status", [301, 307, 308])
def test_redirects(endpoint, status):
    """A redirect status points to another host."""
    answer = post(endpoint, f"status={status}")
    assert (answer.status_code, answer.headers["location"]) == (status, "https://example.com/")


def test_html(endpoint):
    """`html` answers with a web page and a status of success."""
    answer = post(endpoint, "html")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.text.startswith("<!doctype html>")


def test_latency(endpoint):
    """`latency` holds the answer back."""
    start = time.monotonic()
    assert post(endpoint, "latency=0.3").status_code == 200
    assert time.monotonic() - start >= 0.3


def test_drop(endpoint):
    """`drop` closes the connection without an answer."""
    with pytest.raises((httpx.NetworkError, httpx.RemoteProtocolError)):
        post(endpoint, "drop")


def read(endpoint, fault, timeout=20):
    """Read a stream as far as it comes: its text, and whether it ended in order."""
    text = ""
    with httpx.Client(trust_env=False, timeout=timeout) as http:
        url = f"{endpoint.url}/chat/completions?api-version=2024-05-01-preview"
        headers = {"api-key": endpoint.key, "x-fault": fault}
        with (
            contextlib.suppress(httpx.HTTPError),
            http.stream("POST", url, headers=headers, json={**BODY, "stream": True}) as r,
        ):
            for part in r.iter_text():
                text += part
            return text, True
    return text, False


def test_cut_stream(endpoint):
    """`cut-after` breaks the connection after so many chunks."""
    text, ended = read(endpoint, "cut-after=2")
    assert (text.count("data:"), ended) == (2, False)


def test_stalled_stream(endpoint):
    """`stall-after` keeps the connection open and silent."""
    text, ended = read(endpoint, "stall-after=1", timeout=0.5)
    assert (text.count("data:"), ended) == (1, False)


def test_stall_has_an_end(endpoint):
    """A stall ends with a cut after its time."""
    text, ended = read(endpoint, "stall-after=1, stall=0.1")
    assert (text.count("data:"), ended) == (1, False)


def test_error_event(endpoint):
    """`error-after` ends the stream with an error event and without [DONE]."""
    text, ended = read(endpoint, "error-after=2")
    assert ended
    assert '"error"' in text.split("\n\n")[-2]
    assert "[DONE]" not in text


def test_header_off_by_default():
    """The header does nothing on a server that was not told to obey it."""
    with serve(engines=engines()) as plain:
        assert post(plain, "status=500").status_code == 200


def test_wrong_header(endpoint):
    """A fault that does not exist is a 400 that lists those there are."""
    answer = post(endpoint, "explode=1")
    assert answer.status_code == 400
    assert "cut-after" in answer.text
    assert post(endpoint, "status=200").status_code == 400
    assert post(endpoint, "status=abc").status_code == 400


def test_rate_of_errors():
    """Faults of the start options hit the given share of the requests, repeatably."""
    with serve(engines=engines(), faults="status=503, rate=0.5, seed=1") as flaky:
        statuses = [post(flaky).status_code for _ in range(40)]
    assert 8 <= statuses.count(503) <= 32
    assert set(statuses) == {200, 503}


def test_limits_are_told():
    """Answers of the Foundry and OpenAI dialects tell what is left of the limit, those of others do not."""
    with serve(engines=engines(), faults=Faults(rate_limit=5)) as limited:
        told = [post(limited, base=base).headers for base in ("", "/models", "/openai/v1")]
    assert "x-ratelimit-limit-requests" not in told[0]
    assert [headers["x-ratelimit-limit-requests"] for headers in told[1:]] == ["5", "5"]
    assert all(0 <= int(headers["x-ratelimit-remaining-requests"]) < 5 for headers in told[1:])


def test_rate_limit():
    """Requests beyond the admitted rate get a 429, and later ones are admitted again."""
    with serve(engines=engines(), faults=Faults(rate_limit=2, retry_after=1)) as limited:
        statuses = [post(limited).status_code for _ in range(8)]
        assert statuses[:2] == [200, 200]
        assert 429 in statuses
        time.sleep(1)
        assert post(limited).status_code == 200


@pytest.mark.parametrize(
    "wrong", [{"status": 200}, {"rate": 2}, {"rate_limit": 0}, {"latency": -1}, {"retry_after_style": "x"}]
)
def test_wrong_faults(wrong):
    """Faults that make no sense are refused."""
    with pytest.raises(ValueError, match=r"."):
        Faults(**wrong)
