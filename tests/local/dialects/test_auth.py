"""Keys: where they are looked for, and the dialect's words for a missing or wrong one."""

import httpx
import pytest

USER = [{"role": "user", "content": "hello"}]


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
