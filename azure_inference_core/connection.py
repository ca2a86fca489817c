"""Where to send requests, as whom, and within which limits."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

from azure_inference_core._credentials.auth import Auth, KeyAuth, NoAuth, TokenAuth, make_auth
from azure_inference_core._credentials.environment import (
    OPENAI_ENDPOINT,
    beside,
    endpoint_variable,
    key_from_environment,
    why_alone,
)
from azure_inference_core._credentials.tokens import Ambient, running_loop
from azure_inference_core._endpoint import Dialect, azure_kind, is_own_network, parse_endpoint
from azure_inference_core._request.headers import AUTH_HEADERS, check_headers, header_value
from azure_inference_core._request.secrets import Carried, Secret, hidden_headers, is_secret_name
from azure_inference_core._request.strict_json import kind_of
from azure_inference_core.errors import ConfigurationError
from azure_inference_core.families import Family, family_of
from azure_inference_core.timeouts import PATIENT, Timeouts

__all__ = ["Connection", "Timeouts"]

_log = logging.getLogger("azure_inference")


class Connection:
    """One endpoint with its credential and limits; nothing touches the network before the first call.

    >>> connection = Connection("https://my.openai.azure.com/openai/deployments/gpt-4o", "my key", max_retries=4)
    >>> connection
    Connection('https://my.openai.azure.com/openai/deployments/gpt-4o', model=None, dialect='azure-openai')
    >>> connection.endpoint, connection.host, connection.dialect.api_version
    ('https://my.openai.azure.com/openai/deployments/gpt-4o', 'my.openai.azure.com', '2025-01-01-preview')
    >>> connection.model, connection.named_model
    (None, 'gpt-4o')
    >>> connection.url("/chat/completions", None)
    'https://my.openai.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=2025-01-01-preview'
    >>> Connection("https://my.openai.azure.com/openai/v1", "my key", default_headers={"x-team": "a"}).default_headers
    {'x-team': **********}
    >>> Connection("https://my.openai.azure.com", "my key", model="gpt-4o").address
    'https://my.openai.azure.com'
    >>> connection.deployment
    'gpt-4o'
    >>> connection.timeouts_of("gpt-4o").total, connection.timeouts_of("o3").total
    (600.0, 1740.0)
    >>> connection.auth.headers(1.0), connection.kept_key
    ({'authorization': 'Bearer my key', 'api-key': 'my key'}, **********)
    >>> connection.close()

    Args:
        endpoint: The endpoint's URL, also as the portal shows it, with a route and an ``api-version`` at its end. Its
            host and path decide the dialect: serverless or managed online (by their hosts), Foundry (``.../models``),
            Azure OpenAI (``.../openai/deployments/<name>``, or the resource alone), or OpenAI v1 (``.../v1``). From
            ``AZURE_INFERENCE_ENDPOINT``, ``AZUREAI_ENDPOINT_URL``, ``AZURE_AI_INFERENCE_ENDPOINT`` or
            ``AZUREOPENAI_ENDPOINT`` when not given.
        credential: A key (``str``, ``SecretStr``, ``AzureKeyCredential``), a sync or async token credential, or a sync
            or async callable that gives a token, which is asked for every attempt. When not given, the key of the
            variable beside the endpoint's (``AZURE_INFERENCE_CREDENTIAL``, ``AZUREAI_ENDPOINT_KEY``,
            ``AZURE_AI_INFERENCE_CREDENTIAL``, ``AZURE_OPENAI_API_KEY``), at hosts of Azure and of this machine any of
            the first three; then ``DefaultAzureCredential`` at hosts of Azure, or where ``credential_scopes`` are given;
            nothing at servers of this machine and of private networks, or where ``default_headers`` sign in.
        model: The model or deployment to ask for; beside an address that names a deployment, what the model is called.
            From ``AZURE_INFERENCE_MODEL`` when not given.
        family: The model's family (a name of :func:`~azure_inference_core.families.families`, or a model's own
            name), where the deployment's name does not tell it.
        api_version: The ``api-version`` to send; ``""`` for none. When not given, that of the address, else the dialect's,
            or what a model is known to need for its request.
        timeout: Seconds in total, :class:`Timeouts`, or a mapping of some of them; ``None`` for the defaults, which are
            longer for a model that reasons.
        max_retries: How often a failed request is sent again, at most.
        default_headers: Headers for every request. Their values are shown by nothing and in no pickle (but one of
            fewer than eight characters, which is no secret); ``multiprocessing``'s own pipes carry them, as the key.
            Without a credential they may hold ``Authorization`` or ``api-key``.
        credential_scopes: Entra ID scopes; the host's when not given.
        ca_bundle: Path of a PEM file with the certificate authorities to trust.
        dialect: ``"serverless"``, ``"foundry"``, ``"azure-openai"`` or ``"openai-v1"``, where the URL does
            not show it (a gateway with a name of its own).
        allow_insecure: Allow plain http to another machine.
        trust_env: Honour the environment's proxy and CA variables for https endpoints.
        max_connections: Connections at most, per process and per event loop; further calls wait for one.
        max_response_bytes: Largest answer, after decompression.
        max_event_bytes: Largest event of a stream.
        max_request_bytes: Largest request body.
        user_agent: Put before this package's own user agent.
        policies: azure-core policies that each request goes through, after the credential is in it: a gateway's
            signature, a recorder. A ``SansIOHTTPPolicy`` serves sync and async calls; else give an ``HTTPPolicy`` and
            an ``AsyncHTTPPolicy``. An answer has its ``status_code`` and ``headers``; its body is still to be read. Only
            ``multiprocessing``'s own pipes carry them.

    Raises:
        ConfigurationError: Something given cannot be used; the text says what to give.
    """

    # What pickles of the first release do not have.
    policies: tuple[Any, ...] = ()
    _family: str | None = None
    _has_timeouts = True
    _has_scopes = False
    _has_token = False
    _missing: str | None = None  # the class of a credential that was left behind in another process
    is_version_chosen = True

    def __init__(
        self,
        endpoint: str | None = None,
        credential: Any = None,
        *,
        model: str | None = None,
        family: str | None = None,
        api_version: str | None = None,
        timeout: float | Timeouts | Mapping[str, float] | None = None,
        max_retries: int = 2,
        default_headers: Mapping[str, str] | None = None,
        credential_scopes: Sequence[str] | None = None,
        ca_bundle: str | os.PathLike[str] | None = None,
        dialect: str | None = None,
        allow_insecure: bool = False,
        trust_env: bool = False,
        max_connections: int = 256,
        max_response_bytes: int = 64 * 1024 * 1024,
        max_event_bytes: int = 8 * 1024 * 1024,
        max_request_bytes: int = 32 * 1024 * 1024,
        user_agent: str | None = None,
        policies: Sequence[Any] | None = None,
    ) -> None:
        self.model = model or os.environ.get("AZURE_INFERENCE_MODEL") or None
        variable = None if endpoint is not None else endpoint_variable()
        address: Any = os.environ[variable] if variable else endpoint
        self._endpoint = parse_endpoint(
            address,
            self.model,
            dialect=dialect,
            api_version=api_version,
            fallback="azure-openai" if variable == OPENAI_ENDPOINT else None,
            allow_insecure=allow_insecure,
        )
        self._family = family
        if family is not None:
            family_of(None, family=family)
        chosen = self._endpoint.api_version or None if api_version is None else api_version
        self.is_version_chosen = chosen is not None
        version = self.dialect.api_version if chosen is None else chosen
        self.api_version = header_value("api_version", version)
        self._has_timeouts = timeout is not None
        self.timeouts = Timeouts.of(timeout) if self._has_timeouts else _patience(self.family())
        self.max_retries = check_count("max_retries", max_retries, 0)
        self.default_headers = _headers_of(default_headers, may_authorize=credential is None)
        scopes = [credential_scopes] if isinstance(credential_scopes, str) else credential_scopes
        self._has_scopes = bool(scopes)
        self.scopes = tuple(scopes or (self._endpoint.scope,))
        self.ca_bundle = _existing_file(ca_bundle)
        self.trust_env = trust_env
        self.max_connections = check_count("max_connections", max_connections)
        self.max_response_bytes = check_count("max_response_bytes", max_response_bytes)
        self.max_event_bytes = check_count("max_event_bytes", max_event_bytes)
        self.max_request_bytes = check_count("max_request_bytes", max_request_bytes)
        self.user_agent = header_value("user_agent", user_agent or "")
        self.policies = _checked_policies(policies)
        self._auth: Auth | None = None
        self._sign_in(credential, variable)

    def _sign_in(self, credential: Any, variable: str | None) -> None:
        is_left_behind = isinstance(credential, (Secret, Carried)) and credential.is_left_behind
        self._missing = credential.kind if isinstance(credential, Carried) else None
        if credential is None:
            self._auth = self._auth_of(key_from_environment(self.host, variable))
        elif not is_left_behind:
            self._auth = make_auth(credential, self.scopes)
            self._has_token = isinstance(self._auth, TokenAuth)
        self._has_key = isinstance(self._auth, KeyAuth) or (is_left_behind and self._missing is None)

    @property
    def endpoint(self) -> str:
        """The base URL that routes are appended to."""
        return self._endpoint.base

    @property
    def address(self) -> str:
        """What names the endpoint to another connection: with a version that its URL had, without the model's name."""
        return self._endpoint.given

    @property
    def deployment(self) -> str | None:
        """The deployment that the address names, else the model."""
        return self._endpoint.deployment or self.model

    @property
    def dialect(self) -> Dialect:
        """How the endpoint speaks the API."""
        return self._endpoint.dialect

    @property
    def host(self) -> str:
        """The endpoint's host name."""
        return self._endpoint.host

    @property
    def named_model(self) -> str | None:
        """The model, or the deployment that the address names."""
        return self.model or self._endpoint.deployment

    @property
    def auth(self) -> Auth:
        """What gives a request its credential.

        Raises:
            ConfigurationError: This object was unpickled, and the environment holds no key for it.
        """
        if self._auth is None:
            key = key_from_environment(self.host, None, had_one=self._has_key)
            is_alone = self._has_key or self._missing or (self._has_token and not self._takes_ambient)
            if key is None and is_alone:
                raise ConfigurationError(why_alone(self._missing, self.host))
            self._auth = self._auth_of(key)
        return self._auth

    @property
    def _takes_ambient(self) -> bool:
        """Whether whoever is signed in on this machine may be asked for a token: at Azure, or where a scope is named."""
        return self._has_scopes or bool(azure_kind(self.host)[1])

    def _auth_of(self, key: str | None) -> Auth:
        """What gives a request its credential, where none was given in code."""
        own = {
            name: value.get_secret_value()
            for name, value in self.default_headers.items()
            if is_secret_name(name)
        }
        if AUTH_HEADERS & own.keys():
            return NoAuth(own.values())
        if key is not None:
            return make_auth(key, self.scopes)
        if self._takes_ambient:
            return TokenAuth(Ambient(azure_kind(self.host)[1]), self.scopes)
        if own or is_own_network(self.host):
            return NoAuth(own.values())
        raise ConfigurationError(
            f"there is no credential for {self.host}, and to a host that is not Azure's only one goes that is meant for "
            f"it: pass credential= (any text, if it wants none), or set AZURE_INFERENCE_CREDENTIAL{beside(self.host)}; "
            "for Entra ID pass credential_scopes= too"
        )

    def url(self, route: str, model: str | None, api_version: str | None = None) -> str:
        """The URL of a route, for the model that one call names, and at another version than the connection's."""
        version = self.api_version if api_version is None else api_version
        return self._endpoint.url(route, version, model if model != self.model else None)

    def timeouts_of(self, model: str | None) -> Timeouts:
        """The time a call may take: as given, else as the family of the model that it names needs."""
        if self._has_timeouts or model is None or model == self.model:
            return self.timeouts
        return _patience(self.family(model))

    def family(self, model: str | None = None, *, embeddings: bool = False) -> Family:
        """What is known of a model here.

        >>> Connection("https://my.openai.azure.com/openai/deployments/gpt-4o", "my key").family().name
        'gpt-4o'

        Args:
            model: One that a call names; ``None`` for the connection's own, which an Azure OpenAI address can name.
            embeddings: Whether it embeds.
        """
        if not isinstance(model, str) or model == self.model:
            return family_of(self.named_model, family=self._family, embeddings=embeddings)
        return family_of(model, embeddings=embeddings)

    @property
    def takes_files(self) -> bool:
        """Whether messages may hold files: OpenAI's own route takes them, Azure's refuse them for every model.

        >>> Connection("https://my.openai.azure.com/openai/v1", "my key").takes_files
        False
        """
        is_azure = azure_kind(self.host)[1] or self.host.endswith(".azure-api.net")
        return self.dialect.name == "openai-v1" and not is_azure

    @property
    def kept_key(self) -> Secret | Carried | None:
        """What a pickle holds of the credential; only ``multiprocessing``'s own pipes carry the value in it."""
        if isinstance(self._auth, KeyAuth):
            return Secret(self._auth.key)
        if isinstance(self._auth, TokenAuth) and (credential := self._auth.given) is not None:
            return Carried(credential)
        if self._missing is not None:
            return Carried(None, self._missing)
        return Secret() if self._has_key else None

    def close(self) -> None:
        """End what is kept for an async credential in synchronous calls; a later call keeps it anew."""
        if self._auth is not None:
            self._auth.close()

    def __repr__(self) -> str:
        return f"Connection({self.endpoint!r}, model={self.model!r}, dialect={self.dialect.name!r})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Connection:
        # Credentials hold locks and sessions and are shared by copies; everything else here is immutable.
        return copy.copy(self)

    def __copy__(self) -> Connection:
        duplicate = object.__new__(type(self))
        duplicate.__dict__.update(self.__dict__)
        return duplicate

    def __getstate__(self) -> dict[str, Any]:
        policies = tuple(Carried(policy) for policy in self.policies)
        return {**self.__dict__, "_auth": self.kept_key, "policies": policies}

    def __setstate__(self, state: dict[str, Any]) -> None:
        kept = state["_auth"]
        headers = _headers_of(state["default_headers"], may_authorize=True)
        self.__dict__.update(state, default_headers=headers, _auth=None)
        self.policies = tuple(
            policy for policy in self.policies if policy is not None and not isinstance(policy, Carried)
        )
        if len(self.policies) < len(state.get("policies", ())):
            _log.warning("policies are in no pickle: some will not see the requests; set them again")
        if isinstance(kept, Carried):
            self._missing = kept.kind
        elif kept is not None and not (isinstance(kept, Secret) and kept.is_left_behind):
            self._auth = make_auth(kept, self.scopes)


def _headers_of(given: Any, *, may_authorize: bool) -> dict[str, Secret]:
    """Headers, checked and hidden; of those whose values were left behind in another process the log tells."""
    if isinstance(given, Mapping):
        missing = [
            name for name, value in given.items() if isinstance(value, Secret) and value.is_left_behind
        ]
        if missing:
            _log.warning(
                "default_headers are in no pickle and no dump: %s will not be sent; set them again",
                ", ".join(missing),
            )
        given = {name: value for name, value in given.items() if name not in missing}
    headers: dict[str, Secret] = hidden_headers(
        check_headers(given, AUTH_HEADERS if may_authorize else frozenset())
    )
    return headers


def _checked_policies(given: Sequence[Any] | None) -> tuple[Any, ...]:
    """Check azure-core policies, as far as one can without importing it."""
    if given is None:
        return ()
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ConfigurationError(f"policies must be a list of azure-core policies, not {kind_of(given)}")
    for policy in given:
        if isinstance(policy, type) or not (hasattr(policy, "send") or hasattr(policy, "on_request")):
            raise ConfigurationError(f"policies: {kind_of(policy)} is no policy of azure-core")
    return tuple(given)


def check_count(name: str, value: Any, least: int = 1) -> int:
    """Check a number of things.

    Raises:
        ConfigurationError: Not a whole number, or fewer than ``least``.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigurationError(f"{name} must be a whole number of at least {least}, not {value!r}")
    return value


def _patience(family: Family) -> Timeouts:
    return Timeouts.of(None if family.reasoning == "none" else PATIENT)


def _existing_file(path: str | os.PathLike[str] | None) -> str | None:
    """A path as text; in an event loop, which must not ask the file system, the first call finds that there is no file."""
    if path is None:
        return None
    if not isinstance(path, (str, os.PathLike)):
        raise ConfigurationError(f"ca_bundle must be the path of a file, not {kind_of(path)}")
    if running_loop() is None and not os.path.isfile(path):  # noqa: PTH113 - a path is all that is needed
        raise ConfigurationError(f"ca_bundle: there is no file {os.fspath(path)!r}")
    return os.fspath(path)
