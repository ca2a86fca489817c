"""The routes' work: every step from a request to its answer."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from typing import Any

from fastapi import Request, Response

from azure_inference_local import weights
from azure_inference_local.answers.responses import json_response
from azure_inference_local.answers.vectors import encoded, resized
from azure_inference_local.api.context import Limits, Mount, RequestContext
from azure_inference_local.api.engine_body import chat_body, completion_body
from azure_inference_local.api.generation import Generator
from azure_inference_local.api.parameters import refuse_unsupported, take_extras
from azure_inference_local.api.quirks import check_quirks
from azure_inference_local.api.schemas.requests import (
    ChatRequest,
    CompletionRequest,
    EmbeddingsRequest,
    ImageEmbeddingsRequest,
)
from azure_inference_local.api.validation import (
    check_api_version,
    parse_body,
    read_body,
    validate,
    value_fault,
)
from azure_inference_local.dialects.auth import Auth
from azure_inference_local.dialects.base import Dialect
from azure_inference_local.dialects.families import LOCAL, Family, Route
from azure_inference_local.dialects.faults import FAULT_HEADER, FaultInjector
from azure_inference_local.dialects.safety import ContentSafety
from azure_inference_local.engines import EmbeddingEngine, ImageEngine
from azure_inference_local.engines.lazy import Engines
from azure_inference_local.engines.workers import Workers

_IMAGE_URL = re.compile(r"data:image/[a-z0-9.+-]{1,40};base64,", re.IGNORECASE)
_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"RIFF", b"BM")


class Handlers:
    """Everything the routes need, and the answers they give."""

    def __init__(
        self,
        *,
        families: dict[str, Family],
        engines: Engines,
        workers: Workers,
        auth: Auth,
        faults: FaultInjector,
        safety: dict[str, ContentSafety | None],
        limits: Limits,
    ) -> None:
        self.families = families
        self.engines = engines
        self.workers = workers
        self.auth = auth
        self.faults = faults
        self._generator = Generator(workers, safety)
        self.limits = limits
        self._by_model = {f.model_name.lower(): f for f in families.values()} | {
            n.lower(): f for n, f in families.items()
        }
        self._weight_names = {"local": engines.chat.name, "local-embeddings": engines.embeddings.name}

    async def chat(self, request: Request, mount: Mount) -> Response:
        """Answer `POST /chat/completions`."""
        context = await self._open(request, mount, "chat")
        chat = validate(ChatRequest, context.data, context.dialect, context.family)
        refuse_unsupported(chat, context.family, context.dialect)
        extras = take_extras(chat, context.extras_header, context.family, context.dialect)
        check_quirks(chat, context.family, context.dialect)
        body = chat_body(chat, extras, context.family)
        return await self._generate(context, chat, extras, body)

    async def completions(self, request: Request, mount: Mount) -> Response:
        """Answer `POST /completions`."""
        context = await self._open(request, mount, "completions")
        completion = validate(CompletionRequest, context.data, context.dialect, context.family)
        refuse_unsupported(completion, context.family, context.dialect)
        extras = take_extras(completion, context.extras_header, context.family, context.dialect)
        body = completion_body(completion, extras, context.family)
        return await self._generate(context, completion, extras, body)

    async def embeddings(self, request: Request, mount: Mount) -> Response:
        """Answer `POST /embeddings`."""
        context = await self._open(request, mount, "embeddings")
        if (
            context.dialect.openai
            and isinstance(context.data, dict)
            and isinstance(context.data.get("input"), str)
        ):
            context.data["input"] = [context.data["input"]]
        wanted = validate(EmbeddingsRequest, context.data, context.dialect, context.family)
        refuse_unsupported(wanted, context.family, context.dialect)
        take_extras(wanted, context.extras_header, context.family, context.dialect)
        self._refuse_long(context, wanted.input)
        engine = await self.workers.run(self.engines.embeddings.get)
        await self._check_dimensions(context, wanted.dimensions, engine)

        def work() -> tuple[list[Any], int]:
            """Embed in a worker thread."""
            vectors, tokens = engine.embed(wanted.input, wanted.input_type)
            matrix = resized(vectors, context.family.dimensions, wanted.dimensions)
            return encoded(matrix, wanted.encoding_format or "float"), tokens

        data, tokens = await self.workers.run(work)
        usage = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
        return _vectors(context, wanted.model or engine.name, data, usage)

    async def images(self, request: Request, mount: Mount) -> Response:
        """Answer `POST /images/embeddings`."""
        context = await self._open(request, mount, "images")
        wanted = validate(ImageEmbeddingsRequest, context.data, context.dialect, context.family)
        refuse_unsupported(wanted, context.family, context.dialect)
        take_extras(wanted, context.extras_header, context.family, context.dialect)
        engine = await self.workers.run(self.engines.images.get)
        await self._check_dimensions(context, wanted.dimensions, engine)
        pairs = []
        for index, item in enumerate(wanted.input):
            if item.text is not None and not engine.joint_text:
                fault = value_fault(
                    ("input", index, "text"), "this model takes images without text", item.text
                )
                raise context.dialect.invalid([fault], context.family)
            pairs.append((_image_bytes(context, index, item.image), item.text))

        def work() -> list[Any]:
            """Embed in a worker thread."""
            matrix = resized(engine.embed(pairs), context.family.dimensions, wanted.dimensions)
            return encoded(matrix, wanted.encoding_format or "float")

        data = await self.workers.run(work)
        count = len(pairs)
        usage = {
            "prompt_tokens": 0,
            "completion_tokens": 0,
            "total_tokens": 0,
            "prompt_patches": count,
            "total_patches": count,
        }
        return _vectors(context, wanted.model or engine.name, data, usage)

    async def info(self, request: Request, mount: Mount) -> Response:
        """Answer `GET /info`."""
        dialect = mount.dialect
        self.auth.check(request.headers, dialect)
        check_api_version(request.query_params.get("api-version"), dialect)
        model = request.query_params.get("model")
        if not dialect.has_info and not (dialect.name == "foundry" and model):
            raise dialect.not_found()
        family = mount.family or self._named(model)
        if family is None:
            if model and not dialect.has_info:
                raise dialect.unknown_model(model)
            family = LOCAL
        name, provider = family.model_name, family.provider
        if family.name in self._weight_names:
            name = self._weight_names[family.name]() or name
            provider = weights.provider_of(name)
        elif family.name == "local-images":
            name = (await self.workers.run(self.engines.images.get)).name
        return json_response(
            {"model_name": name, "model_type": family.model_type, "model_provider_name": provider}
        )

    async def models(self, request: Request, mount: Mount) -> Response:
        """Answer `GET /openai/v1/models`."""
        self.auth.check(request.headers, mount.dialect)
        data = [
            {"id": n, "object": "model", "created": 0, "owned_by": f.provider}
            for n, f in self.families.items()
        ]
        return json_response({"object": "list", "data": data})

    async def token(self, request: Request) -> Response:
        """Answer `GET /msi/token`, the identity service of an App Service."""
        if request.headers.get("x-identity-header") != self.auth.identity_header:
            return json_response(
                {"error": {"code": "Unauthorized", "message": "X-IDENTITY-HEADER is wrong"}}, 401
            )
        return json_response(self.auth.token(request.query_params.get("resource", "")))

    async def _open(self, request: Request, mount: Mount, route: Route) -> RequestContext:
        """Check what every route checks, in the order of the service, and read the body."""
        dialect = mount.dialect
        self.auth.check(request.headers, dialect)
        check_api_version(request.query_params.get("api-version"), dialect)
        family = mount.family
        deployment = request.path_params.get("deployment")
        if deployment is not None and family is None:
            family = self._named(deployment)
            if family is None:
                raise dialect.unknown_model(deployment)
        plan = self.faults.plan(request.headers.get(FAULT_HEADER), dialect)
        await plan.before(dialect)
        raw = await read_body(request, dialect, limit=self.limits.body, idle=self.limits.idle)
        data = parse_body(raw, request.headers.get("content-type", ""), dialect, family or LOCAL)
        if dialect.openai and isinstance(data, dict):
            data = {key: value for key, value in data.items() if value is not None}
        family = family or self._chosen(request, dialect, data)
        if route not in family.routes:
            raise dialect.no_modality()
        return RequestContext(request, dialect, family, data, plan)

    def _named(self, name: str | None) -> Family | None:
        """Return the deployment of a name: its own, its model's, or that of the weights in use."""
        if not name:
            return None
        family = self._by_model.get(name.lower())
        if family is None:
            family = next(
                (self.families[n] for n, known in self._weight_names.items() if known() == name), None
            )
        return family

    def _chosen(self, request: Request, dialect: Dialect, data: Any) -> Family:
        """Return the deployment that `model`, or a header in its place, chooses."""
        model = data.get("model") if isinstance(data, dict) else None
        headers = request.headers
        name = model if model is not None else headers.get("x-ms-model-mesh-model-name")
        name = name if name is not None else headers.get("azureml-model-deployment")
        one_of_many = dialect.name in ("foundry", "openai-v1")
        if isinstance(data, dict) and name is None and one_of_many:
            raise dialect.no_model()
        if not isinstance(name, str):
            return LOCAL
        family = self._named(name)
        if family is None and one_of_many:
            raise dialect.unknown_model(name)
        return family or LOCAL

    async def _generate(
        self,
        context: RequestContext,
        wanted: ChatRequest | CompletionRequest,
        extras: dict[str, Any],
        body: dict[str, Any],
    ) -> Response:
        """Load the engine if need be and let it write."""
        engine = await self.workers.run(self.engines.chat.get)
        usage = bool((extras.get("stream_options") or {}).get("include_usage"))
        return await self._generator.answer(context, wanted, engine, body, include_usage=usage)

    async def _check_dimensions(
        self, context: RequestContext, wanted: int | None, engine: EmbeddingEngine | ImageEngine
    ) -> None:
        """Refuse more dimensions than the model has."""
        if wanted is None:
            return
        most = context.family.dimensions
        if most is None:
            most = await self.workers.run(lambda: engine.dimensions)
        if wanted > most:
            fault = value_fault(("dimensions",), f"this model has at most {most} dimensions", wanted)
            raise context.dialect.invalid([fault], context.family)

    def _refuse_long(self, context: RequestContext, texts: list[str]) -> None:
        """Refuse a text beyond the context of an Azure OpenAI embedding model; the others cut it off."""
        if context.family.dialect != "azure-openai":
            return
        for text in texts:
            tokens = len(text) // 4
            if tokens > 8191:
                message = f"This model's maximum context length is 8192 tokens, however you requested {tokens} tokens. Please reduce your prompt."
                raise context.dialect.engine_error(400, "context_length_exceeded", message)


def _image_bytes(context: RequestContext, index: int, url: str) -> bytes:
    """Return the image of a data: URL; nothing is ever fetched."""
    reason = "this endpoint fetches nothing: send the image as a data:image/...;base64, URL"
    prefix = _IMAGE_URL.match(url)
    if prefix:
        reason = "the data: URL does not hold a PNG, JPEG, GIF, WebP or BMP image in base64"
        try:
            data = base64.b64decode(url[prefix.end() :], validate=True)
        except (binascii.Error, ValueError):
            data = b""
        if data.startswith(_MAGIC):
            return data
    raise context.dialect.invalid([value_fault(("input", index, "image"), reason, url[:100])], context.family)


def _vectors(context: RequestContext, model: str, data: list[Any], usage: dict[str, int]) -> Response:
    """Return the body of an embedding answer."""
    name = model if context.family is LOCAL else context.family.model_name
    entries = [{"index": i, "object": "embedding", "embedding": vector} for i, vector in enumerate(data)]
    return json_response(
        {"id": str(uuid.uuid4()), "object": "list", "model": name, "data": entries, "usage": usage}
    )
