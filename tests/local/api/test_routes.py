"""Which route exists under which base URL, and what stands in front of a managed one."""

import httpx
import pytest

from azure_inference_local import serve
from tests.local.fake_engines import engines


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/chat/completions", 405, {"detail": "Method Not Allowed"}),
        ("GET", "/nowhere", 404, {"detail": "Not Found"}),
        ("POST", "/nobody/chat/completions", 404, {"status": "Serverless endpoint not found"}),
        ("POST", "/models/nowhere", 404, {"error": {"code": "404", "message": "Resource not found"}}),
        ("POST", "/mixtral/embeddings", 404, {"detail": "Not Found"}),
    ],
)
def test_unknown_routes(client, method, path, status, body):
    """Unknown routes and wrong methods have the service's bodies."""
    answer = client.request(method, path, json={})
    assert (answer.status_code, answer.json()) == (status, body)
    assert status != 405 or answer.headers["allow"] == "POST"


def test_gateway_of_a_managed_endpoint():
    """Behind its gateway a managed deployment's errors are 424 with the real status in a header."""
    with serve(families=["mixtral"], engines=engines(), gateway_424=True) as endpoint:
        answer = httpx.post(
            f"{endpoint.url}/mixtral/chat/completions",
            json={},
            headers={"api-key": endpoint.key},
            trust_env=False,
        )
    assert answer.status_code == 424
    assert answer.headers["ms-azureml-model-error-statuscode"] == "422"
