"""What an endpoint's URL says about the dialect it speaks. Pure.

Hosts, versions and scopes are those Microsoft documents for each kind of deployment (the Azure AI model
inference reference, the Azure OpenAI reference, the guide for moving to ``/openai/v1``, and the pages on Azure
Government and Azure operated by 21Vianet).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from azure_inference_core.errors import ConfigurationError

_ML_SCOPE = "https://ml.azure.com/.default"
_COGNITIVE_SCOPE = "https://cognitiveservices.azure.com/.default"
_AI_SCOPE = "https://ai.azure.com/.default"
_ROUTES = re.compile(r"/(chat/completions|completions|images/embeddings|embeddings|info)$", re.IGNORECASE)
_LIST = re.compile(r"(/v1|/openai)/models$", re.IGNORECASE)
_DEPLOYMENT = re.compile(r"/deployments/[^/]+$", re.IGNORECASE)
_DEPLOYMENTS = re.compile(r"(/openai)?(/deployments)?$", re.IGNORECASE)
_PROJECT = re.compile(r"/api/projects/[^/]+$", re.IGNORECASE)
_OPENAI_ROOT = re.compile(r"/openai(/deployments)?$", re.IGNORECASE)
_GITHUB_PATH = re.compile(r"((/orgs/[^/]+)?/inference)?", re.IGNORECASE)
_VERSION = re.compile(r"[0-9A-Za-z._-]*")
_EXAMPLE = "write it like https://<name>.<region>.models.ai.azure.com"

_HOST = re.compile(
    r"\.(?P<kind>openai|cognitiveservices|services\.ai|models\.ai|inference\.ai|inference\.ml)"
    r"\.azure\.(?P<cloud>com|us|cn)$"
    r"|\.api\.cognitive\.(?:microsoft\.(?P<region>com|us)|azure\.(?P<china>cn))$"
)
_KINDS = {
    "services.ai": "foundry",
    "models.ai": "serverless",
    "inference.ai": "serverless",
    "inference.ml": "serverless",
}
_GITHUB = {"models.github.ai": "/inference", "models.inference.ai.azure.com": ""}
_OWN_NAMES = (".local", ".localdomain", ".internal", ".lan", ".home.arpa")

_OTHER_APIS = (
    (
        r"/anthropic(/v1(/.*)?)?|/v1/messages(/.*)?",
        "Anthropic's Messages API",
        "Claude is served there only; use Anthropic's own client, or the address of another model",
    ),
    (
        r"/(openai|v1)/responses(/.*)?|^/responses",
        "OpenAI's Responses API",
        "for chat write the address up to /openai/v1; a model that has no other API cannot be used here",
    ),
    (
        r"^/providers/.+|(/v[12])?/rerank",
        "a maker's own API, for reranking and the like",
        "use the maker's client for it, or the address of a chat or embedding model",
    ),
    (r"/score", "managed endpoints' old contract, /score", "leave it off: /chat/completions is beside it"),
    (
        r"/(openai|v1|deployments/[^/]+)/(audio|images|realtime|videos|files|batches|assistants|threads|fine_tuning)(/.*)?",
        "another of OpenAI's APIs",
        "for chat and embeddings write the address up to /openai/v1 or /openai/deployments/<name>",
    ),
    (r"/api/projects/[^/]+/(agents|applications)(/.*)?", "Foundry's agents", "for models write /openai/v1"),
    (r"^/catalog/models", "GitHub's catalogue of models", "write https://models.github.ai/inference"),
    (r"^/api/(chat|generate|embed|tags)", "Ollama's own API", "write /v1 in the place of /api/..."),
)
"""What the end of a path says, whose API that is, and what to do."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of endpoint speaks the API.

    >>> dialect = parse_endpoint("https://my.openai.azure.com/openai/v1", None).dialect
    >>> dialect.name, dialect.has_info, dialect.stream_usage
    ('openai-v1', False, 'stream_options')

    Attributes:
        name: ``"serverless"`` (also managed online), ``"foundry"``, ``"azure-openai"`` or ``"openai-v1"``.
        api_version: The ``api-version`` to send; empty for none.
        scope: The Entra ID scope of a token for it, in the public cloud; some hosts have their own.
        has_extras_header: Whether it knows the ``extra-parameters`` header.
        stream_usage: ``"always"``, or ``"stream_options"`` when a model that no family knows must be asked for usage.
        has_info: Whether it has the ``/info`` route.
    """

    name: str
    api_version: str
    scope: str
    has_extras_header: bool
    stream_usage: str
    has_info: bool


DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect("serverless", "2024-05-01-preview", _ML_SCOPE, True, "always", True),
        Dialect("foundry", "2024-05-01-preview", _COGNITIVE_SCOPE, True, "stream_options", False),
        Dialect("azure-openai", "2025-01-01-preview", _COGNITIVE_SCOPE, False, "stream_options", False),
        Dialect("openai-v1", "", _AI_SCOPE, False, "stream_options", False),
    )
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A checked endpoint.

    Attributes:
        base: Scheme, host, port and path, without a slash at the end.
        host: The host name alone.
        dialect: How it speaks.
        scope: The Entra ID scope of a token for it: the host's, in its cloud.
        api_version: The version that the URL asks for; empty where it has none.
        given: The URL as it was given, but for a route at its end: what names it again, whatever the model.
    """

    base: str
    host: str
    dialect: Dialect
    scope: str
    api_version: str
    given: str

    @property
    def deployment(self) -> str | None:
        """The deployment that the address names, if it names one."""
        named = _DEPLOYMENT.search(self.base)
        return unquote(named[0].rpartition("/")[2]) if named else None

    def url(self, route: str, api_version: str, deployment: str | None = None) -> str:
        """The URL of a route such as ``/chat/completions``.

        Args:
            route: Starts with a slash.
            api_version: Empty for none.
            deployment: Another deployment than the endpoint's own (Azure OpenAI only).
        """
        base = self.base
        if deployment and self.dialect.name == "azure-openai":
            base = _with_deployment(base, deployment)
        return f"{base}{route}?api-version={api_version}" if api_version else base + route


def _with_deployment(base: str, name: str) -> str:
    """A base with this deployment, in the place of its own where it has one.

    Raises:
        ConfigurationError: The name is dots, which lead out of their place in a path.
    """
    if not name.strip("."):
        raise ConfigurationError(
            f"model {name[:60]!r} cannot be the name of a deployment; give the deployment's own name"
        )
    named = f"/deployments/{quote(name, safe='')}"
    if _DEPLOYMENT.search(base):
        return _DEPLOYMENT.sub(lambda _: named, base)
    return f"{_DEPLOYMENTS.sub('', base, count=1)}/openai{named}"


def parse_endpoint(
    text: str,
    model: str | None,
    *,
    dialect: str | None = None,
    api_version: str | None = None,
    fallback: str | None = None,
    allow_insecure: bool = False,
) -> Endpoint:
    """Check an endpoint's URL and find its dialect.

    Args:
        text: The URL. A slash or one of the API's routes at its end is taken off, and an ``api-version``.
        model: The deployment's name, used where an Azure OpenAI URL does not hold it.
        dialect: Name of a dialect, to override what the URL says.
        api_version: What is sent before that of the URL; a date means that of an Azure OpenAI route.
        fallback: Name of a dialect for a path that says none.
        allow_insecure: Whether plain http to another machine is wanted.

    Raises:
        ConfigurationError: The URL cannot be used; the text says what to write. It quotes neither user
            information nor a path or query, which may hold secrets.
    """
    scheme, host, port, path, version = _split(text)
    if scheme == "http" and not allow_insecure and not is_loopback(host):
        raise ConfigurationError(
            f"the endpoint's scheme is http, which would send the credential in clear to {host}; "
            "use https, or allow_insecure=True if the network is your own"
        )
    if dialect is not None and dialect not in DIALECTS:
        raise ConfigurationError(f"dialect must be one of {', '.join(DIALECTS)}, not {dialect!r}")
    kind, cloud = azure_kind(host)
    short = _LIST.sub(r"\1", _ROUTES.sub("", path))
    if short == path:
        _refuse_other_apis(host, path)
    name = dialect or _told_by(short) or fallback
    if name == "azure-openai" and short.lower().endswith("/openai/v1"):
        raise ConfigurationError(
            "dialect is azure-openai, but the endpoint ends in /openai/v1: leave one of them off"
        )
    if kind in ("openai", "foundry"):
        is_dated = str(api_version or version).startswith("20")
        whole, name = _read_resource(host, kind, short, name, model, is_dated=is_dated)
    else:
        whole, name = _read_other(host, kind, short, name, model)
    spoken = DIALECTS[name]
    scope = _ML_SCOPE if kind == "serverless" else spoken.scope
    netloc = f"{scheme}://[{host}]{port}" if ":" in host else f"{scheme}://{host}{port}"
    query = f"?api-version={version}" if version else ""
    is_named_by_model = name == "azure-openai" and (fallback is None or kind == "openai")
    return Endpoint(
        base=netloc + whole,
        host=host,
        dialect=spoken,
        scope=scope.replace(".com/", f".{cloud}/") if cloud else scope,
        api_version=version,
        given=netloc + (short if is_named_by_model else whole) + query,
    )


def _split(text: str) -> tuple[str, str, str, str, str]:
    """Scheme, host, port with its colon, path without a slash at its end, and ``api-version``."""
    if not isinstance(text, str):
        raise ConfigurationError(f"endpoint must be a string, not a value of type {type(text).__name__}")
    text = text.strip()
    if not text:
        raise ConfigurationError(f"the endpoint is empty; {_EXAMPLE}")
    if not text.isprintable() or " " in text:
        raise ConfigurationError("the endpoint has white space or a control character in it")
    try:
        parts = urlsplit(text)
        port = f":{parts.port}" if parts.port is not None else ""
        host = (parts.hostname or "").encode("idna").decode() if not text.isascii() else parts.hostname or ""
    except (ValueError, UnicodeError):
        raise ConfigurationError(f"the endpoint is not a URL; {_EXAMPLE}") from None
    if parts.scheme not in ("https", "http") or "://" not in text:
        raise ConfigurationError(f"the endpoint must begin with https://; {_EXAMPLE}")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("the endpoint has user information in it; pass the key as credential=")
    if parts.fragment or "#" in text:
        raise ConfigurationError("the endpoint has a fragment (#...) in it; leave it off")
    if not host:
        raise ConfigurationError(f"the endpoint has no host; {_EXAMPLE}")
    path = re.sub("/{2,}", "/", parts.path).rstrip("/")
    return parts.scheme, host.removesuffix("."), port, path, _version_in(parts.query)


def _version_in(query: str) -> str:
    found = ""
    for name, value in parse_qsl(query, keep_blank_values=True):
        version = value.strip("/ ")
        if name.lower() != "api-version" or not _VERSION.fullmatch(version) or found not in ("", version):
            raise ConfigurationError(
                "the endpoint has more in its query than one api-version; leave the rest off, and pass a key as "
                "credential= and an api-version as api_version="
            )
        found = version
    return found


def azure_kind(host: str) -> tuple[str, str]:
    """What a host of Azure serves (``"openai"``, ``"foundry"``, ``"serverless"``), and the end of its cloud's domains.

    Of any other host, two empty strings.
    """
    if host in _GITHUB or not (found := _HOST.search(host)):
        return "", ""
    return _KINDS.get(found["kind"], "openai"), found["cloud"] or found["region"] or found["china"]


def _told_by(path: str) -> str | None:
    path = path.lower()
    if _DEPLOYMENT.search(path):
        return "azure-openai"
    if path.endswith("/v1"):
        return "openai-v1"
    return "foundry" if path.endswith("/models") else None


def _refuse_other_apis(host: str, path: str) -> None:
    for end, whose, what_to_do in _OTHER_APIS:
        if re.search(f"(?:{end})$", path, re.IGNORECASE):
            raise ConfigurationError(
                f"the address at {host} is that of {whose}, which is not spoken here: {what_to_do}"
            )


def _read_resource(
    host: str, kind: str, path: str, name: str | None, model: str | None, *, is_dated: bool
) -> tuple[str, str]:
    """The whole path at a resource of Azure OpenAI or Foundry, and its dialect."""
    above = re.sub("/openai$", "", path, flags=re.IGNORECASE)
    if name is None:
        if _PROJECT.search(above) or (kind == "foundry" and path != above and not is_dated):
            name = "openai-v1"
        elif kind == "foundry" and not path:
            raise ConfigurationError(
                f"{host} needs a path: write https://{host}/openai/v1, or https://{host}/models where that "
                "route still answers"
            )
        elif _DEPLOYMENTS.sub("", path, count=1) == "":
            name = "azure-openai"
        else:
            raise _not_recognised(host)
    if name == "openai-v1" and (above in ("", "/v1") or _PROJECT.search(above)):
        return f"{above.removesuffix('/v1')}/openai/v1", name
    if name == "foundry":
        return path or "/models", name
    if name == "azure-openai" and not _DEPLOYMENT.search(path):
        if not model:
            raise ConfigurationError(
                f"{host} needs a deployment: pass model='<deployment>', or write "
                f"https://{host}/openai/deployments/<deployment> or https://{host}/openai/v1"
            )
        return _with_deployment(path, model), name
    return path, name


def _read_other(host: str, kind: str, path: str, name: str | None, model: str | None) -> tuple[str, str]:
    """As :func:`_read_resource`, at any other host."""
    if name is None:
        if host in _GITHUB and _GITHUB_PATH.fullmatch(path):
            return path if path.lower().startswith("/orgs") else _GITHUB[host], "foundry"
        if kind == "serverless" or is_own_network(host):
            return path, "serverless"
        if not model or not _OPENAI_ROOT.search(path):
            raise _not_recognised(host)
        name = "azure-openai"
    if name == "azure-openai" and model and not _DEPLOYMENT.search(path):
        path = _with_deployment(path, model)
    return path, name


def _not_recognised(host: str) -> ConfigurationError:
    return ConfigurationError(
        f"the address at {host} does not say how it speaks. Known are paths that end in /openai/v1 or /v1 (OpenAI v1), "
        "/openai/deployments/<name> (Azure OpenAI) and /models (Foundry), the hosts <name>.<region>.models.ai.azure.com "
        "(serverless) and <name>.<region>.inference.ml.azure.com (managed online), and a deployment's target URI as the "
        "portal shows it. For a gateway or a server of another kind write the address up to where /chat/completions "
        f"follows, and say dialect= one of {', '.join(DIALECTS)}"
    )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself; servers print ``0.0.0.0`` where they listen."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def is_own_network(host: str) -> bool:
    """Whether a host is this machine or, by its address or name, one of a private network."""
    try:
        return is_loopback(host) or ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith(_OWN_NAMES)
