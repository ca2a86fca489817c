"""The model families the endpoint can stand for, each one short entry of data.

A family says what a deployment of that model answers: its name in `/info`, the routes it has, the parameters
it takes, the limits it keeps and the habits a client has to live with. The text itself always comes from the
same local engine. Sources are Microsoft's `deploy-models-*.md` pages and answers of the live service quoted in
public issues; the models of most families are retired, so the numbers are historical.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Route = Literal["chat", "completions", "embeddings", "images"]
"""A kind of request: `/chat/completions`, `/completions`, `/embeddings` or `/images/embeddings`."""

RefusalStyle = Literal["documented", "list", "managed", "repr"]
"""How a family words a 422: the documented object, FastAPI's list, the managed server's envelope, a Python repr."""

SAMPLING_EXTRAS = (
    "n",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "user",
    "best_of",
    "echo",
    "suffix",
    "top_k",
    "min_p",
    "typical_p",
    "repeat_penalty",
    "repetition_penalty",
    "min_tokens",
    "ignore_eos",
    "stop_token_ids",
    "skip_special_tokens",
    "use_beam_search",
    "max_completion_tokens",
    "stream_options",
    "parallel_tool_calls",
    "random_seed",
    "safe_prompt",
    "safe_mode",
    "documents",
    "store",
    "metadata",
    "service_tier",
    "reasoning_effort",
)
"""Every extra parameter some deployment understands; the checks of their types are in `api/schemas/extras.py`."""

_OPENAI_EXTRAS = (
    "n",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "user",
    "best_of",
    "echo",
    "suffix",
    "max_completion_tokens",
    "stream_options",
    "parallel_tool_calls",
    "store",
    "metadata",
    "service_tier",
)
_LLAMA_EXTRAS = (
    "n",
    "best_of",
    "logprobs",
    "ignore_eos",
    "use_beam_search",
    "stop_token_ids",
    "skip_special_tokens",
)
_TEXT: tuple[Route, ...] = ("chat", "completions")
_ALL: tuple[Route, ...] = ("chat", "completions", "embeddings", "images")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What one deployment takes, refuses and answers.

    Attributes:
        name: The deployment's name: its path segment and its value of `model`.
        model_name: `model_name` of `/info` and `model` of the answers.
        provider: `model_provider_name` of `/info`.
        model_type: `model_type` of `/info`, in the spelling the live service used.
        routes: The routes it has; every other one is a 404.
        dialect: The dialect of its own base URL.
        refusal: The wording of its 422 on its own base URL.
        unsupported: Known parameters it answers with 422.
        extras: Extra parameters it understands when they are passed through.
        strict: Whether an extra it does not understand is a 422 (`extra_forbidden`) and not ignored.
        response_formats: Values of `response_format.type` it takes.
        tools: Whether it calls tools; how it refuses them is its dialect's and `quirks`' business.
        temperature_max: The largest `temperature` (inclusive).
        roles: Message roles it takes.
        context: Tokens of prompt and answer together.
        max_output: Tokens of one answer.
        dimensions: Length of its vectors; `None` is the engine's own.
        batch: Inputs one embedding request may hold.
        image_batch: Images one image embedding request may hold.
        encodings: Values of `encoding_format` it takes.
        input_types: Values of `input_type` it takes.
        quirks: Names of the special rules of `api/quirks.py` that hold for it.
    """

    name: str
    model_name: str
    provider: str
    model_type: str = "chat-completion"
    routes: tuple[Route, ...] = _TEXT
    dialect: Literal["serverless", "managed", "azure-openai"] = "serverless"
    refusal: RefusalStyle = "documented"
    unsupported: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    strict: bool = False
    response_formats: tuple[str, ...] = ("text", "json_object", "json_schema")
    tools: bool = True
    temperature_max: float = 1.0
    roles: tuple[str, ...] = ("system", "user", "assistant", "tool")
    context: int = 8192
    max_output: int = 4096
    dimensions: int | None = None
    batch: int = 1024
    image_batch: int = 96
    encodings: tuple[str, ...] = ("float", "base64", "int8", "uint8", "binary", "ubinary")
    input_types: tuple[str, ...] = ("text", "query", "document")
    quirks: frozenset[str] = frozenset()


LOCAL = Family(
    name="local",
    model_name="local",
    provider="local",
    routes=_ALL,
    refusal="list",
    extras=SAMPLING_EXTRAS,
    temperature_max=2.0,
    roles=("system", "developer", "user", "assistant", "tool"),
    context=1 << 20,
    max_output=1 << 20,
)
"""The default deployment: it has every route, takes every parameter and keeps only the engine's limits."""

LOCAL_EMBEDDINGS = Family(
    name="local-embeddings",
    model_name="local-embeddings",
    provider="local",
    model_type="embedding",
    routes=("embeddings",),
    refusal="list",
)
"""The embedding model of the default deployment by itself, so that `load_client` finds an embedding client."""

LOCAL_IMAGES = Family(
    name="local-images",
    model_name="local-images",
    provider="local",
    model_type="image_embeddings",
    routes=("images",),
    refusal="list",
)
"""The image model of the default deployment by itself; `/info` names the engine: by default a classical image
descriptor that shares no space with text."""

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(
            name="cohere-embed-v3",
            model_name="Cohere-embed-v3-english",
            provider="Cohere",
            model_type="embedding",
            routes=("embeddings", "images"),
            refusal="managed",
            unsupported=("dimensions",),
            context=512,
            dimensions=1024,
            batch=96,
            image_batch=1,
        ),
        Family(
            name="cohere-command-r",
            model_name="Cohere-command-r-plus-08-2024",
            provider="Cohere",
            refusal="managed",
            context=131_072,
            quirks=frozenset({"json-tool-content"}),
        ),
        Family(
            name="llama-2-chat",
            model_name="Llama-2-70b-chat",
            provider="Meta",
            unsupported=("tools", "tool_choice"),
            tools=False,
            extras=_LLAMA_EXTRAS,
            response_formats=("text",),
            context=4096,
        ),
        Family(
            name="llama-3-instruct",
            model_name="Meta-Llama-3-70B-Instruct",
            provider="Meta",
            unsupported=("tools", "tool_choice"),
            tools=False,
            extras=_LLAMA_EXTRAS,
            response_formats=("text",),
            context=8192,
            max_output=8192,
        ),
        Family(
            name="mistral-small",
            model_name="Mistral-small",
            provider="MistralAI",
            refusal="list",
            extras=("ignore_eos", "safe_prompt", "safe_mode", "random_seed"),
            strict=True,
            context=32_768,
            quirks=frozenset({"nine-character-tool-ids", "call-id"}),
        ),
        Family(
            name="mistral-large",
            model_name="Mistral-large-2407",
            provider="MistralAI",
            refusal="list",
            extras=("ignore_eos", "safe_prompt", "safe_mode", "random_seed"),
            strict=True,
            context=131_072,
            quirks=frozenset({"nine-character-tool-ids", "call-id", "bare-first-chunk"}),
        ),
        Family(
            name="jais",
            model_name="jais-30b-chat",
            provider="G42",
            unsupported=("tools", "tool_choice"),
            tools=False,
            response_formats=("text",),
            context=8192,
        ),
        Family(
            name="jamba",
            model_name="AI21-Jamba-1.5-Large",
            provider="AI21 Labs",
            extras=("n", "documents"),
            temperature_max=2.0,
            context=262_144,
            quirks=frozenset({"alternation"}),
        ),
        Family(
            name="phi-3",
            model_name="Phi-3-mini-4k-instruct",
            provider="Microsoft",
            refusal="repr",
            unsupported=("tools", "tool_choice"),
            tools=False,
            extras=("logit_bias", "logprobs", "top_logprobs", "n"),
            strict=True,
            response_formats=("text",),
            context=4096,
            quirks=frozenset({"system-becomes-user"}),
        ),
        Family(
            name="mixtral",
            model_name="mistralai-Mixtral-8x22B-Instruct-v0-1",
            provider="MistralAI",
            dialect="managed",
            refusal="managed",
            tools=False,
            extras=("n", "best_of", "logprobs", "top_k", "ignore_eos", "min_tokens"),
            response_formats=("text", "json_object"),
            context=65_536,
            quirks=frozenset({"managed-tools", "managed-json", "system-merged"}),
        ),
        Family(
            name="azure-openai",
            model_name="gpt-4o",
            provider="OpenAI",
            routes=("chat", "completions", "embeddings"),
            dialect="azure-openai",
            extras=_OPENAI_EXTRAS,
            strict=True,
            unsupported=("input_type",),
            temperature_max=2.0,
            roles=("system", "developer", "user", "assistant", "tool"),
            context=131_072,
            max_output=16_384,
            dimensions=1536,
            batch=2048,
            encodings=("float", "base64"),
        ),
    )
}
"""The families of the documentation by name.

```python
for name, family in FAMILIES.items():
    print(name, family.model_name, family.provider)
```
"""

_BUILT_IN = (LOCAL, LOCAL_EMBEDDINGS, LOCAL_IMAGES)


def select(names: list[str] | tuple[str, ...] | str | None) -> dict[str, Family]:
    """Return the deployments of a server by name: the local ones and the chosen families.

    Args:
        names: Names of families, `"all"`, or `None` for the local deployments alone.

    Raises:
        ValueError: A name is not a family; the text lists those there are.
    """
    if isinstance(names, str):
        names = tuple(FAMILIES) if names == "all" else (names,)
    chosen = {family.name: family for family in _BUILT_IN}
    for name in names or ():
        if name == "all":
            chosen.update(FAMILIES)
        elif name in FAMILIES:
            chosen[name] = FAMILIES[name]
        elif name not in chosen:
            raise ValueError(f"no family is called {name!r}; there are: {', '.join(FAMILIES)}")
    return chosen
