"""Extra parameters: refused, dropped, passed through, checked."""

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
