"""The endpoint's OpenAPI document, and that the endpoint keeps to it, whatever it is sent."""

import os

import httpx
import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
BASES = (
    "/models/",
    "/openai/",
    "/mixtral/chat",
    "/mistral-large/chat",
    "/cohere-embed-v3/embeddings",
    "/local-images/",
)
ROOT = ("/info", "/chat/completions", "/completions", "/embeddings", "/images/embeddings")
EXAMPLES = int(os.environ.get("AZURE_INFERENCE_LOCAL_FUZZ", "40"))
"""Requests an operation, a thousand in all: set the variable to 100 or more for a thorough run."""


def test_documents(endpoint):
    """The API's page and OpenAPI document need no key and name the routes of every family."""
    with httpx.Client(base_url=endpoint.url, trust_env=False) as http:
        paths = http.get("/openapi.json").json()["paths"]
        assert "/jamba/chat/completions" in http.get("/docs").text
    assert set(paths["/mistral-large/chat/completions"]["post"]["responses"]) >= {
        "200",
        "400",
        "401",
        "422",
        "429",
    }


def chosen(operation):
    """Whether an operation is run: the default deployment, each dialect, and the stricter families."""
    return operation.path in ROOT or operation.path.startswith(BASES)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_no_request_finds_an_undocumented_answer(endpoint, subtests):
    """A thousand valid and invalid requests find no 500 and no answer outside the document."""
    schema = schemathesis.openapi.from_url(f"{endpoint.url}/openapi.json")
    headers = {"api-key": endpoint.key}
    count = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if not chosen(operation):
            continue
        valid = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
        invalid = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

        @hypothesis.given(case=valid | invalid)
        @hypothesis.settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        def check(case):
            nonlocal count
            count += 1
            case.call_and_validate(headers=headers, checks=CHECKS)

        with subtests.test(operation.label):
            check()
    assert count >= 25 * EXAMPLES
