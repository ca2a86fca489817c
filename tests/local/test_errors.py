"""Extra parameters, keys, and the bodies of refusals by dialect."""

import httpx
import pytest

USER = [{"role": "user", "content": "hello"}]
E1 = (
    "Extra parameters ['colour'] are not allowed when extra-parameters is not set or set to be 'error'. "
    "Set extra-parameters to 'pass-through' to pass to the model."
)
E1B = "Extra parameters ['colour'] are not allowed when extra-parameters is set to 'error'."


@pytest.mark.parametrize("base", ["", "/models", "/mixtral", "/mistral-large"])
@pytest.mark.parametrize(
    ("header", "status", "detail"),
    [
        (None, 400, E1),
        ("error", 400, E1B),
        ("drop", 200, None),
        ("ignore", 400, "Unexpected EXTRA_PARAMETERS option ignore"),
        ("Error", 400, "Unexpected EXTRA_PARAMETERS option Error"),
    ],
)
def test_extra_parameters(client, base, header, status, detail):
    """An unknown key is a 400 by default and with `error`, is gone with `drop`; other words are a 400."""
    headers = {"extra-parameters": header} if header else {}
    body = {"messages": USER, "colour": "red", "model": "local"}
    answer = client.post(f"{base}/chat/completions", json=body, headers=headers)
    assert answer.status_code == status
    assert detail is None or answer.json()["detail"].startswith(detail)


def test_pass_through_reaches_the_engine(client, echo):
    """The default deployment hands every extra to the engine with `pass-through`."""
    body = {"messages": USER, "colour": "red", "top_k": 3}
    client.post("/chat/completions", json=body, headers={"extra-parameters": "pass-through"})
    assert (echo.bodies[-1]["colour"], echo.bodies[-1]["top_k"]) == ("red", 3)


def test_drop_reaches_nobody(client, echo):
    """`drop` keeps extras from the engine, known parameters excepted."""
    body = {"messages": USER, "colour": "red", "top_k": 3, "seed": 4}
    client.post("/chat/completions", json=body, headers={"extra-parameters": "drop"})
    assert echo.bodies[-1] == {"messages": USER, "seed": 4}


def test_wrong_both_ways(client):
    """A request that breaks the schema and has extras is a 422."""
    assert client.post("/chat/completions", json={"messages": [], "colour": 1}).status_code == 422


def test_extras_are_checked(client):
    """A known extra of the wrong type or range is a 422 that names it."""
    body = {"messages": USER, "n": 99}
    answer = client.post("/chat/completions", json=body, headers={"extra-parameters": "pass-through"})
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "n"])


@pytest.mark.parametrize(
    ("base", "missing", "wrong"),
    [
        ("", "Auth token must be passed as a header called Authorization", "Invalid auth token"),
        ("/models", "Access token is missing", "Access denied due to invalid subscription key"),
        (
            "/openai/deployments/local",
            "Access token is missing",
            "Access denied due to invalid subscription key",
        ),
        ("/openai/v1", "Access token is missing", "Access denied due to invalid subscription key"),
    ],
)
def test_keys(endpoint, base, missing, wrong):
    """No key and a wrong key are the dialect's 401; either header opens."""
    url = f"{endpoint.url}{base}/chat/completions?api-version=2024-05-01-preview"
    body = {"messages": USER, "model": "local"}
    with httpx.Client(trust_env=False) as http:
        for headers, status, text in (
            ({}, 401, missing),
            ({"api-key": "wrong"}, 401, wrong),
            ({"authorization": "Bearer wrong"}, 401, wrong),
            ({"authorization": "Bearer a.b.c", "api-key": "é"}, 401, wrong),
            ({"api-key": endpoint.key}, 200, ""),
            ({"authorization": f"Bearer {endpoint.key}"}, 200, ""),
        ):
            encoded = [(k.encode(), v.encode()) for k, v in headers.items()]
            answer = http.post(url, json=body, headers=encoded)
            assert (answer.status_code, text in answer.text) == (status, True)


@pytest.mark.parametrize(
    ("path", "model", "status", "code"),
    [
        ("/models", None, 400, "no_model_name"),
        ("/models", "nobody", 404, "unknown_model"),
        ("/openai/v1", None, 400, "missing_required_parameter"),
        ("/openai/v1", "nobody", 404, "DeploymentNotFound"),
        ("/openai/deployments/nobody", None, 404, "DeploymentNotFound"),
    ],
)
def test_models_that_are_not_there(client, path, model, status, code):
    """A missing or unknown model has the dialect's status and code, which is in a header, too."""
    body = {"messages": USER} | ({"model": model} if model else {})
    answer = client.post(f"{path}/chat/completions", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers["x-ms-error-code"] == code


def test_engine_errors(client):
    """An engine's refusal keeps its status and code; what it breaks on is a 500 without its text."""
    body = {"messages": [{"role": "user", "content": "too long for me"}]}
    answer = client.post("/chat/completions", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "context_length_exceeded")
    answer = client.post("/chat/completions", json={**body, "stream": True})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "context_length_exceeded")
    answer = client.post("/chat/completions", json={"messages": [{"role": "user", "content": "explode"}]})
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_error_in_a_stream(client):
    """An engine that fails midway ends the stream with an error event and without [DONE]."""
    body = {"messages": [{"role": "user", "content": "all is crash well"}], "stream": True}
    text = client.post("/chat/completions", json=body).text
    assert '"engine_failed"' in text.split("\n\n")[-2]
    assert "[DONE]" not in text


def test_openai_content_type(client):
    """The OpenAI bases answer another content type with 415."""
    answer = client.post("/openai/v1/chat/completions", content=b"x", headers={"content-type": "text/plain"})
    assert answer.status_code == 415
