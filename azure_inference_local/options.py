"""The options of a server, their checks, and what they stand for."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial

from azure_inference_local import engines
from azure_inference_local.dialects.families import Family
from azure_inference_local.dialects.faults import Faults
from azure_inference_local.dialects.safety import ContentSafety
from azure_inference_local.engines import ChatEngine, EmbeddingEngine, ImageEngine
from azure_inference_local.engines.lazy import Engines

logger = logging.getLogger("azure_inference_local")

Safety = bool | ContentSafety | Mapping[str, "bool | ContentSafety"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a server is started; see `serve` for what each option means."""

    host: str = "127.0.0.1"
    port: int = 0
    key: str | None = field(default=None, repr=False)
    families: Sequence[str] | str | None = None
    tls: bool = False
    engines: Engines | None = None
    model: str | None = None
    engine_url: str | None = None
    engine_key: str | None = field(default=None, repr=False)
    embedding_url: str | None = None
    embedding_model: str | None = None
    clip: tuple[str, str] | None = None
    content_safety: Safety = True
    faults: Faults | None = None
    fault_header: bool = False
    gateway_424: bool = False
    max_connections: int = 64
    max_body: int = 10 << 20
    idle_timeout: float = 30.0
    grace: float = 1.0

    def __post_init__(self) -> None:
        """Refuse combinations that are not safe or make no sense."""
        if not is_loopback(self.host) and not self.key:
            raise ValueError(
                f"host {self.host!r} can be reached by others: give the server a key of your own"
            )
        if self.key is not None and (not self.key or not self.key.isascii() or not self.key.isprintable()):
            raise ValueError("a key is a text of printable ASCII characters")
        if self.max_connections < 1:
            raise ValueError("max_connections is at least 1")
        others = (self.model, self.engine_url, self.embedding_url, self.clip)
        if self.engines is not None and any(other is not None for other in others):
            raise ValueError(
                "engines of your own and model, engine_url, embedding_url or clip exclude each other"
            )
        if self.embedding_model is not None and self.embedding_url is None and self.engine_url is None:
            raise ValueError("embedding_model names a model of engine_url or embedding_url: give one of them")
        if self.embedding_url is not None and self.clip is not None:
            raise ValueError("embedding_url and clip exclude each other: both answer /embeddings")


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def engines_of(options: Options) -> Engines:
    """Return the engines the options name, or the embedded ones."""
    if options.engines is not None:
        return options.engines
    chat: Callable[[], ChatEngine] | None = None
    embeddings: Callable[[], EmbeddingEngine] | None = None
    images: Callable[[], ImageEngine] | None = None
    model, url, embedding_url = options.model, options.engine_url, options.embedding_url
    name: Callable[[], str | None] = partial(engines.default_chat_name, model)
    if url is not None:
        chat = lambda: engines.url_engine(url, options.engine_key, model=model)  # noqa: E731 - made at first use
        embeddings = lambda: _embeddings_behind(url, options)  # noqa: E731 - as above
        name = lambda: model  # noqa: E731 - the other server may have to be asked
    elif model is not None:
        chat = lambda: engines.default_chat_engine(model)  # noqa: E731 - as above
    if embedding_url is not None:
        embeddings = lambda: engines.url_engine(  # noqa: E731 - as above
            embedding_url, options.engine_key, model=options.embedding_model
        )
    if options.clip is not None:
        pair = cache(partial(engines.ClipEngine, *options.clip))
        images, embeddings = pair, lambda: pair().texts
    return Engines(chat=chat, embeddings=embeddings, images=images, chat_name=name)


def _embeddings_behind(url: str, options: Options) -> EmbeddingEngine:
    """Return the embeddings of the server that writes, or the embedded model where that server has none."""
    wanted = options.embedding_model
    engine = engines.url_engine(url, options.engine_key, model=options.model, embedding_model=wanted)
    if wanted is not None:
        return engine
    try:
        found = engine.dimensions
    except engines.EngineError as error:
        engine.close()
        if error.status in (503, 504):
            raise
        logger.info("the engine has no embeddings (%s); the embedded model answers", error.message)
        return engines.default_embedding_engine()
    logger.info("the engine has embeddings of %d dimensions", found)
    return engine


def safety_of(wanted: Safety, families: Mapping[str, Family]) -> dict[str, ContentSafety | None]:
    """Return the content safety of each deployment; managed deployments have none unless they are named."""
    chosen: dict[str, ContentSafety | None] = {}
    for name, family in families.items():
        named = isinstance(wanted, Mapping) and name in wanted
        value = wanted.get(name, True) if isinstance(wanted, Mapping) else wanted
        if isinstance(value, ContentSafety):
            chosen[name] = value
        else:
            chosen[name] = ContentSafety() if value and (named or family.dialect != "managed") else None
    return chosen
