"""What to do about an error: the last sentence of its text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from azure_inference_core._refusal.batches import TOO_MANY_TOKENS
from azure_inference_core._refusal.reading import ErrorFacts
from azure_inference_core._request.parameters import CHAT_PARAMETERS
from azure_inference_core.errors import (
    AuthenticationError,
    ContentFilteredError,
    ContextLengthError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RedirectRefusedError,
    ServerError,
    StatusError,
    UnsupportedParameterError,
)

__all__ = ["Envelope", "advice_for", "is_about_roles"]


@dataclass(frozen=True)
class Envelope:
    """What surrounds an error body.

    Attributes:
        status: The HTTP status, or the one an event in a stream stands for.
        model_status: The status of the container behind a 424.
        request_id: The service's id of the request.
        retry_after: Seconds the service asked to wait.
        host: The host that answered.
        path: The path it was asked for, with its route.
        api_version: The version it was asked for; empty for none.
        location: Where a redirect points.
        tokens_are_gone: A limit was reached that counts tokens.
        in_stream: The error came as an event inside a stream.
    """

    status: int
    model_status: int | None = None
    request_id: str | None = None
    retry_after: float | None = None
    host: str | None = None
    path: str = ""
    api_version: str = ""
    location: str = ""
    tokens_are_gone: bool = False
    in_stream: bool = False


def advice_for(kind: type[StatusError], facts: ErrorFacts, envelope: Envelope) -> str:
    """What a person should do about an error of a class."""
    told = facts.told
    is_of_a_batch = envelope.path.endswith("/embeddings") and issubclass(kind, InvalidRequestError)
    if is_of_a_batch and (re.search(TOO_MANY_TOKENS, told) or re.search(_MANY_INPUTS, told)):
        return _batch_advice(facts)
    rows = (advice for bases, words, advice in _HINTS if issubclass(kind, bases) and re.search(words, told))
    advice = next(rows, None) or next(advice for base, advice in _ADVICE if issubclass(kind, base))
    return advice if isinstance(advice, str) else advice(facts, envelope)


def is_about_roles(facts: ErrorFacts) -> bool:
    """Whether a refusal says that the credential is known, and lacks a role."""
    return re.search(_ROLES, facts.told) is not None


Advice = str | Callable[[ErrorFacts, Envelope], str]

_ROLES = (
    r"(?i)permissiondenied|authorizationfailed|data ?actions?\b|principal\b|lacks? (?:the )?(?:required|permission|role)"
    r"|not (?:have|authorized to perform)[\w ]{0,30}(?:permission|authorization|access|role|action)"
)
_KEYS_OFF = (
    r"(?i)authenticationtypedisabled|disablelocalauth"
    r"|\b(?:keys?|key[- ]based|local)\b[\w -]{0,40} (?:disabled|switched off|turned off|not (?:allowed|enabled|permitted))"
)
_API_VERSION = r"(?i)api[- _]?versions?\b"
_MANY_INPUTS = (
    r"(?i)too many (?:inputs|texts|items|documents)|array_above_max_length|array too long|split into more batches|at most [0-9]+ items"
    r"|\bmax\w* (?:allowed |number of )*(?:inputs|texts|items|documents|batch size)"
    r"|(?:inputs|texts|batch(?: size)?) [\w ]{0,30}(?:exceeds?|at most|larger than|greater than)"
)
_NETWORK = r"(?i)virtual network|firewall|private endpoint|traffic ?denied|\bip (?:address|rules?)\b"
_CAPACITY = r"(?i)high demand|temporarily unable|(?:out of|insufficient|limited|no|system|server|at) capacity|overload|no_kv_space"
_CONCURRENT = r"(?i)concurren|pending requests|in parallel"
_TOKENS = r"(?i)\btokens? (?:rate )?(?:limit|quota|per)\b"
_OTHER_ROUTE = (
    r"(?i)operationnotsupported|operation does not work|not a chat model|only supported in (?:the )?v1/"
)


def _batch_advice(facts: ErrorFacts) -> str:
    most = re.search(
        r"(?i)\b(?:max\w*|at most|limit\w*|up to)\D{0,40}?\b([0-9]{1,4})\b(?! tokens)", facts.told
    )
    size = f"to {most[1]}" if most and not re.search(TOO_MANY_TOKENS, facts.told) else "to a smaller number"
    return f"Send less in one request: set batch_size (embed_batch_size) {size}."


def _version_advice(facts: ErrorFacts, envelope: Envelope) -> str:
    if "/openai/v1/" in envelope.path:
        return "Leave api_version out: an address that ends in /openai/v1 needs none."
    known = re.findall(r"\b20[0-9]{2}-[0-9]{2}-[0-9]{2}(?:-preview)?\b", facts.told)
    named = next((version for version in known if version != envelope.api_version), "")
    used = f" (it was {envelope.api_version!r})" if envelope.api_version else ""
    wanted = f"to {named!r} or later" if named else "to a version that this endpoint serves"
    return f"Set api_version {wanted}{used}."


_HINTS: tuple[tuple[tuple[type[StatusError], ...], str, Advice], ...] = (
    (
        (AuthenticationError, PermissionDeniedError),
        _KEYS_OFF,
        (
            "Keys are switched off for this resource: use Entra ID instead, e.g. credential=DefaultAzureCredential() of "
            "azure-identity."
        ),
    ),
    (
        (AuthenticationError, PermissionDeniedError),
        r"(?i)missing subscription key",
        (
            "The gateway in front wants a key of its own: give it as default_headers="
            "{'Ocp-Apim-Subscription-Key': ...}, or as the credential if it takes it as api-key."
        ),
    ),
    (
        (AuthenticationError, PermissionDeniedError),
        _ROLES,
        (
            "The credential is known but lacks a role on this resource: have one assigned, such as Azure AI User or "
            "Cognitive Services OpenAI User (AzureML Data Scientist for managed endpoints); it takes some minutes to count."
        ),
    ),
    (
        (PermissionDeniedError,),
        _NETWORK,
        (
            "The resource's network rules keep this machine out, whatever the credential's role: call from a network that "
            "is allowed, or by the private endpoint."
        ),
    ),
    ((InvalidRequestError, NotFoundError), _API_VERSION, _version_advice),
    (
        (InvalidRequestError, NotFoundError),
        _OTHER_ROUTE,
        "The model does not serve this route: ask another one here; what only the Responses API serves cannot be used.",
    ),
    (
        (RateLimitedError,),
        _CAPACITY,
        "The service is short of capacity, which is no quota of yours: try again later, or use another deployment.",
    ),
    (
        (UnsupportedParameterError,),
        r"tools with reasoning_effort",
        "Leave reasoning_effort out or set it to 'none': with an effort this model takes no tools on this route.",
    ),
)
"""Errors of these classes, words of theirs, and what those ask for: the first row that holds."""


def _parameter_advice(facts: ErrorFacts, _: Envelope) -> str:
    if facts.message.startswith("Extra parameters "):
        return 'Set extra_parameters="pass-through" to send them to the model, or "drop" to leave them out.'
    if facts.message.startswith("Unexpected EXTRA_PARAMETERS"):
        return 'Set extra_parameters to "pass-through", "drop" or "error".'
    if instead := re.search(r"(?i)\buse '?(\w+)'? instead", facts.message):
        return f"Send {instead[1]} instead, or leave it out."
    names = [refused.name for refused in facts.refused]
    if "extra_forbidden" in facts.words:
        # "drop" concerns extras only.
        if any(name.split(".")[0] in CHAT_PARAMETERS for name in names):
            return "The model itself refuses it: leave it out."
        return 'The model itself refuses it: leave it out, or set extra_parameters="drop".'
    if re.search(r"(?i)\bmissing\b|missing_required|field required", facts.told):
        return "The request lacks what this model requires: add it."
    if any(re.match(r"(?:messages|input|prompt|documents|body)\b", name) for name in names):
        return "Change it to what this model accepts."
    return "Leave it out, or give a value this model supports."


def _length_advice(_: ErrorFacts, envelope: Envelope) -> str:
    if envelope.path.endswith("/embeddings"):
        return "Split or shorten the longest texts, or send fewer at once with a smaller batch_size (embed_batch_size)."
    return "Shorten the prompt or the history, lower max_tokens, or use a model with a larger context."


def _credential_advice(facts: ErrorFacts, _: Envelope) -> str:
    audience = re.search(r"audience is incorrect \((https://[\w.\-]{1,80})\)", facts.message)
    if audience:
        return f'Check the credential; for Entra ID set credential_scopes=["{audience.group(1)}/.default"].'
    return (
        "Check that the credential belongs to this endpoint and has not expired; for Entra ID, that credential_scopes "
        "names the audience the endpoint expects."
    )


def _route_advice(facts: ErrorFacts, envelope: Envelope) -> str:
    host = (envelope.host or "").lower()
    if envelope.status == 410:
        return "The route or model was retired: move the endpoint to its /openai/v1 address."
    if facts.words & {"deploymentnotfound", "unknown_model", "model_not_found"}:
        return "Set model (or the endpoint's path) to the name of an existing deployment; a new one takes some minutes."
    serves = "that the model serves this kind of request (chat, embeddings)"
    if re.search(r"/openai/(?:v1|deployments/[^/]+)/|/models/", envelope.path):
        version = envelope.api_version
        checked = (
            f"Check whether api_version={version!r} is served here (set another), the model"
            if version
            else "Check the model"
        )
        return f"{checked}, and {serves}."
    if host.endswith((".services.ai.azure.com", ".cognitiveservices.azure.com")):
        return "On this host the endpoint must end in /openai/v1 (or in /models, where that is still served)."
    if host.endswith(".openai.azure.com"):
        return "On this host the endpoint must end in /openai/v1 or /openai/deployments/<name>."
    version = f", api_version={envelope.api_version!r}" if envelope.api_version else ""
    return f"Check the endpoint's path{version} and the model, and {serves}."


def _server_advice(_: ErrorFacts, envelope: Envelope) -> str:
    if (
        envelope.model_status
        and 400 <= envelope.model_status < 500
        and envelope.model_status not in (408, 429)
    ):
        return "The model's container refused the request; sending it again will not help."
    if envelope.status == 408:
        return (
            "The request took longer than the endpoint allows: shorten it, or raise the deployment's limit."
        )
    return "This is the service's fault; try again later, and quote the request id to its support."


def _rate_advice(facts: ErrorFacts, envelope: Envelope) -> str:
    wait = envelope.retry_after
    asked = f"The service asks to wait {wait:g} s. " if wait else ""
    if envelope.status == 403:
        return f"{asked}The gateway in front has a quota, and it is used up: wait for its next period, or have it raised."
    if envelope.tokens_are_gone or re.search(_TOKENS, facts.told):
        return (
            f"{asked}The quota of tokens is used up for now: send fewer at once, shorten the prompts, lower max_tokens "
            "(it counts in full), or raise the deployment's quota."
        )
    if re.search(_CONCURRENT, facts.told):
        return f"{asked}Send fewer requests at once."
    return asked + "Send fewer requests at once, or raise the deployment's quota."


def _request_advice(facts: ErrorFacts, envelope: Envelope) -> str:
    if envelope.status == 413:
        return (
            "The request is too large: send less at once, e.g. with a smaller batch_size (embed_batch_size)."
        )
    if facts.words & {"no_model_name", "unknown_model", "model_not_found"}:
        return "Set model to the name of a deployment of this endpoint."
    if re.search(r"(?i)rate[ _-]?limit|\b429\b", facts.told):
        return "The model behind the endpoint is over its own quota: wait, and send again."
    return "Check the request against what the model supports."


_ADVICE: tuple[tuple[type[StatusError], Advice], ...] = (
    (UnsupportedParameterError, _parameter_advice),
    (ContentFilteredError, "Change the prompt, or handle this error where filtering is expected."),
    (ContextLengthError, _length_advice),
    (AuthenticationError, _credential_advice),
    (PermissionDeniedError, "Check the credential's role assignment and the resource's network rules."),
    (NotFoundError, _route_advice),
    (RateLimitedError, _rate_advice),
    (RedirectRefusedError, "The API has no redirects; if the new address is right, set it as the endpoint."),
    (ServerError, _server_advice),
    (StatusError, _request_advice),
)
