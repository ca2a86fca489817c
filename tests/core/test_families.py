"""What a model's name tells: the row it meets, and rows that make sense."""

from __future__ import annotations

import re
import runpy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azure_inference_core import families as table
from azure_inference_core.errors import ConfigurationError
from azure_inference_core.families import UNKNOWN, Family, families, family_of

NAMES = {
    # not chat
    "speech": "whisper whisper-001 gpt-4o-transcribe gpt-4o-mini-transcribe gpt-4o-transcribe-diarize tts tts-1-hd gpt-4o-mini-tts",
    "images": "dall-e-3 Dalle3 gpt-image-1 gpt-image-1-mini sora sora-2 FLUX.1-Kontext-pro FLUX-1.1-pro",
    "realtime": "gpt-4o-realtime-preview gpt-4o-mini-realtime-preview gpt-realtime gpt-realtime-mini",
    "rerank": "cohere-rerank Cohere-rerank-v4.0-pro Cohere-rerank-v3-english",
    "ocr": "mistral-ocr-2503 mistral-ocr mistral-ocr-2505",
    "llama-guard": "Llama-Guard-3-8B Llama-Guard-3-11B-Vision Llama-Prompt-Guard-2-86M",
    "computer-use": "computer-use-preview computer-use-preview-2025-03-11",
    "codex-mini": "codex-mini codex-mini-2025-05-16 my-codex-mini",
    "o3-pro": "o3-pro o3-pro-2025-06-10 o1-pro o3-deep-research",
    "gpt-5-codex": "gpt-5-codex gpt-5.1-codex gpt-5.1-codex-mini gpt-5.1-codex-max gpt-5.2-codex gpt-5-3-codex",
    "gpt-5-pro": "gpt-5-pro gpt-5-pro-2025-10-06 gpt5-pro gpt-5.4-pro gpt-5-4-pro",
    "claude": "claude-sonnet-4-5 claude-opus-4-1 anthropic/claude-haiku-4-5 Claude-3.5-Sonnet",
    # embeddings
    "text-embedding-ada-002": "text-embedding-ada-002 ada-002 embedding-ada002 text-embedding-ada",
    "text-embedding-3-small": "text-embedding-3-small openai/text-embedding-3-small embedding-3-small-prod",
    "text-embedding-3-large": "text-embedding-3-large text_embedding_3_large azure/text-embedding-3-large",
    "cohere-embed-v5": "embed-v-5-0 cohere-embed-v5",
    "cohere-embed-v4": "embed-v-4-0 Cohere-embed-v-4-0 cohere-embed-v4 embed-v4.0 cohere/embed-v-4-0",
    "cohere-embed-v3": "cohere-embed-v3 Cohere-embed-v3-english Cohere-embed-v3-multilingual embed-english-v3.0"
    " embed-multilingual-v3.0 offer-cohere-embed-english-paygo cohere/Cohere-embed-v3-english cohere-embed-v-3-english-1",
    "embeddings": "cohere-embed my-embeddings nomic-embed-text-v1.5 intfloat/e5-large-v2 bge-m3 BAAI/bge-small-en gte-large multilingual-e5-base",
    # OpenAI
    "gpt-audio": "gpt-4o-audio-preview gpt-4o-mini-audio-preview gpt-audio gpt-audio-mini gpt-audio-1.5 gpt-4o-audio-preview-2024-12-17",
    "gpt-oss": "gpt-oss-120b gpt-oss-20b openai/gpt-oss-120b openai-gpt-oss-20b fw-gpt-oss-120b",
    "gpt-6": "gpt-6-astra gpt-6-luna gpt-6-sol gpt-6.1-sol gpt6",
    "gpt-5.6": "gpt-5.6-sol gpt-5.6-terra gpt-5-6-luna gpt-56",
    "gpt-chat-latest": "gpt-chat-latest",
    "gpt-5.x-chat": "gpt-5.1-chat gpt-5.2-chat gpt-5-3-chat gpt-5.4-chat-2026-03-01",
    "gpt-5.4-mini": "gpt-5.4-mini gpt-5.4-nano gpt-5-4-mini",
    "gpt-5.5": "gpt-5.5 gpt-5-5 gpt-55 gpt-5.5-2026-04-24",
    "gpt-5.4": "gpt-5.4 gpt-5-4 gpt-54 gpt-5.4-2026-03-05",
    "gpt-5.1": "gpt-5.1 gpt-5-1 gpt-51 gpt-5.2 gpt-5-2 gpt-5.3 gpt-5.1-2025-11-13",
    "gpt-5-chat": "gpt-5-chat gpt5-chat openai/gpt-5-chat gpt-5-chat-2025-10-03",
    "gpt-5": "gpt-5 gpt5 gpt-5-mini gpt-5-nano gpt-5-2025-08-07 gpt-5-mini-2025-08-07 openai/gpt-5 my-gpt-5-deployment",
    "gpt-4.1": "gpt-4.1 gpt-4-1 gpt-41 gpt4.1 gpt-4.1-mini gpt-4.1-nano gpt-4.1-2025-04-14 openai/gpt-4.1-mini gpt-4.1-mini.ft-7d2c",
    "gpt-4.5": "gpt-4.5-preview gpt-45 gpt-4-5",
    "gpt-4o-2024-05-13": "gpt-4o-2024-05-13 gpt4o-20240513",
    "gpt-4o": "gpt-4o gpt4o GPT-4o gpt-4-o gpt-4o-mini gpt-4o-2024-08-06 gpt-4o-2024-11-20 gpt-4o-mini-2024-07-18 openai/gpt-4o"
    " azure/gpt-4o azureml://registries/azure-openai/models/gpt-4o/versions/2024-11-20 gpt-4o-mini-2024-07-18.ft-0e2a gpt-4o1 prod_gpt_4o",
    "gpt-4-1106": "gpt-4-1106-preview gpt-4-0125-preview gpt-4-turbo-1106 gpt-4-0125",
    "gpt-4-turbo": "gpt-4-turbo gpt-4-turbo-2024-04-09 gpt-4-vision-preview gpt-4-1106-vision-preview gpt4-turbo",
    "gpt-4-32k": "gpt-4-32k gpt-4-32k-0613 gpt4-32k",
    "gpt-4-0613": "gpt-4-0613 gpt-4-0314",
    "gpt-4": "gpt-4 gpt4 GPT-4 my-gpt-4",
    "gpt-3.5-instruct": "gpt-35-turbo-instruct gpt-35-turbo-instruct-0914 gpt-3.5-turbo-instruct",
    "gpt-3.5-0613": "gpt-35-turbo-0613 gpt-3.5-turbo-0301 gpt-35-turbo-0301",
    "gpt-3.5": "gpt-35-turbo gpt-3.5-turbo gpt-35-turbo-16k gpt-35-turbo-16k-0613 gpt-3.5-turbo-1106 gpt-35-turbo-0125 gpt35 gpt-3-5-turbo",
    "o1-mini": "o1-mini o1mini o1-mini-2024-09-12 openai/o1-mini",
    "o1-preview": "o1-preview o1preview openai/o1-preview",
    "o3-mini": "o3-mini o3mini o3-mini-2025-01-31 my-o3-mini",
    "o1": "o1 o1-2024-12-17 openai/o1 my_o1",
    "o4-mini": "o4-mini o4mini o4-mini-2025-04-16 openai/o4-mini",
    "o3": "o3 o3-2025-04-16 openai/o3 team-o3",
    "model-router": "model-router modelrouter model-router-2025-11-18",
    # DeepSeek, Microsoft
    "mai": "MAI-Thinking-1 mai-code-1 MAI-Cyber-1",
    "deepseek-r1-distill": "DeepSeek-R1-Distill-Llama-70B DeepSeek-R1-Distill-Qwen-32B deepseek-r1-distill-llama-8b",
    "deepseek-r1": "DeepSeek-R1 DeepSeek-R1-0528 MAI-DS-R1 deepseek/DeepSeek-R1 deepseek-r1-xkfjs microsoft/MAI-DS-R1 deepseekr1",
    "deepseek-v4": "DeepSeek-V4-Pro deepseek-v4-flash DeepSeek-V4.1",
    "deepseek-v3.2-speciale": "DeepSeek-V3.2-Speciale deepseek-v3-2-speciale",
    "deepseek-v3.2": "DeepSeek-V3.2 deepseek-v3-2 FW-DeepSeek-V3.2",
    "deepseek-v3.1": "DeepSeek-V3.1 deepseek-v3-1 deepseek-v31",
    "deepseek-v3-0324": "DeepSeek-V3-0324 deepseek/DeepSeek-V3-0324 deepseek-v30324",
    "deepseek-v3": "DeepSeek-V3 deepseek-v3-abcde deepseek-chat",
    # xAI
    "grok-code": "grok-code-fast-1 grok-code",
    "grok-4.7": "grok-4.7 grok-4-7",
    "grok-4.5": "grok-4.5 grok-4-6 grok-4.6",
    "grok-4.3": "grok-4.3 grok-4-3",
    "grok-4-20-non-reasoning": "grok-4-20-non-reasoning grok-4.20-non-reasoning",
    "grok-4-20": "grok-4-20 grok-4-20-reasoning grok-4.20",
    "grok-4.1-non-reasoning": "grok-4-1-fast-non-reasoning grok-4.1-fast-non-reasoning",
    "grok-4.1": "grok-4-1-fast-reasoning grok-4.1 grok-4-1-fast",
    "grok-4-fast-non-reasoning": "grok-4-fast-non-reasoning",
    "grok-4-fast": "grok-4-fast grok-4-fast-reasoning",
    "grok-4": "grok-4 grok-4-0709 xai/grok-4 grok4",
    "grok-3-mini": "grok-3-mini xai/grok-3-mini grok3mini",
    "grok-3": "grok-3 xai/grok-3 grok",
    # NVIDIA, Meta
    "nemotron": "Llama-3.1-Nemotron-70B-Instruct nvidia-nemotron-nano-9b FW-Nemotron-3",
    "llama-4-maverick": "Llama-4-Maverick-17B-128E-Instruct-FP8 meta/Llama-4-Maverick-17B-128E-Instruct-FP8 llama4-maverick",
    "llama-4": "Llama-4-Scout-17B-16E-Instruct meta/llama-4-scout llama4",
    "llama-3.3": "Llama-3.3-70B-Instruct meta/Llama-3.3-70B-Instruct llama-3-3-70b Meta-Llama-3.3-70B-Instruct-fhjkl llama33"
    " azureml://registries/azureml-meta/models/Llama-3.3-70B-Instruct/versions/4",
    "llama-3.2-vision": "Llama-3.2-11B-Vision-Instruct Llama-3.2-90B-Vision-Instruct meta/llama-3-2-90b llama-3.2-11b",
    "llama-3.1": "Meta-Llama-3.1-8B-Instruct Meta-Llama-3.1-405B-Instruct llama-3-1-8b llama3.1 meta-llama-3-1-70b-instruct-1 Llama-3.2-1B Llama-3.2-3B-Instruct",
    "llama-3": "Meta-Llama-3-8B-Instruct Meta-Llama-3-70B-Instruct llama-3-instruct llama3 llama-3-8b llama-3-1b llama-3-70b-chat",
    "llama-2": "Llama-2-70b-chat llama-2-chat Llama-2-7b-chat llama2 CodeLlama-34b-Instruct code-llama-7b"
    " azureml://registries/azureml-meta/models/Llama-2-13b-chat/versions/20",
    # Mistral
    "mixtral-8x22b": "mistralai-Mixtral-8x22B-Instruct-v0-1 mistralai-Mixtral-8x22B-Instruct-v0-1-4 mixtral-8x22b",
    "mixtral": "mixtral mistralai-Mixtral-8x7B-Instruct-v01 Mixtral-8x7B",
    "pixtral": "pixtral-12b Pixtral-Large-2411",
    "codestral": "Codestral-2501 mistral-ai/Codestral-2501 codestral",
    "ministral": "Ministral-3B mistral-ai/Ministral-3B ministral-3b-2410",
    "magistral": "magistral-medium-2506 Magistral-Small",
    "devstral": "devstral-small-2 Devstral-2512",
    "mistral-nemo": "Mistral-Nemo Mistral-Nemo-12B-2407 mistral-ai/mistral-nemo",
    "mistral-medium": "mistral-medium-2505 mistral-medium-3-5 mistral-ai/mistral-medium-2505",
    "mistral-small-2402": "mistral-small-2402 Mistral-small-2402-xyz",
    "mistral-small": "mistral-small Mistral-small mistral-small-2503 mistral-ai/mistral-small-2503 mistral-small-3.1 mistral_small",
    "mistral-large-3": "Mistral-Large-3 mistral-large-2512 FW-Mistral-Large-3",
    "mistral-large-2402": "mistral-large-2402 Mistral-large-2402",
    "mistral-large": "mistral-large Mistral-large Mistral-large-2407 Mistral-Large-2411 mistral-ai/Mistral-Large-2411 Mistral-large-dfgfj Mistral-large-3xyz-serverless",
    "mistral-7b": "mistralai-Mistral-7B-Instruct-v0-2 mistral-7b mistralai/Mistral-7B-v0.1",
    # Phi
    "phi-4-mini-reasoning": "Phi-4-mini-reasoning Phi-4-mini-flash-reasoning microsoft/Phi-4-mini-reasoning",
    "phi-4-reasoning": "Phi-4-reasoning Phi-4-reasoning-plus microsoft/Phi-4-reasoning",
    "phi-4-multimodal": "Phi-4-multimodal-instruct phi-4-mm microsoft/Phi-4-multimodal-instruct",
    "phi-4-mini": "Phi-4-mini-instruct phi4-mini microsoft/Phi-4-mini-instruct",
    "phi-4": "Phi-4 phi4 microsoft/Phi-4 azureml://registries/azureml/models/Phi-4/versions/7 my-phi-4",
    "phi-3.5-vision": "Phi-3.5-vision-instruct Phi-3-vision-128k-instruct phi-3-5-vision",
    "phi-3.5": "Phi-3.5-mini-instruct Phi-3.5-MoE-instruct phi-3-5-mini phi35",
    "phi-3-4k": "Phi-3-mini-4k-instruct Phi-3-medium-4k-instruct phi-3-mini-4k-instruct-abcde phi3-mini-4k",
    "phi-3-8k": "Phi-3-small-8k-instruct phi-3-small-8k",
    "phi-3": "phi-3 Phi-3-mini-128k-instruct Phi-3-medium-128k-instruct Phi-3-small-128k-instruct phi-2 my_phi phi",
    # Cohere, AI21, Core42
    "command-a-plus": "command-a-plus Cohere-command-a-plus-05-2026",
    "command-a": "cohere-command-a command-a-03-2025 cohere/cohere-command-a",
    "command-r": "cohere-command-r Cohere-command-r-plus Cohere-command-r-plus-08-2024 Cohere-command-r-08-2024 cohere/Cohere-command-r command_r",
    "jamba-instruct": "AI21-Jamba-Instruct jamba-instruct",
    "jamba": "AI21-Jamba-1.5-Large AI21-Jamba-1.5-Mini ai21-labs/AI21-Jamba-1.5-Mini jamba ai21-large",
    "jais": "jais-30b-chat jais core42/jais-30b-chat jais-13b-chat",
    # others
    "kimi-k3": "Kimi-K3 FW-Kimi-K3 kimi-k3-turbo",
    "kimi-k2.5": "Kimi-K2.5 Kimi-K2.6 kimi-k2-7 FW-Kimi-K2.5",
    "kimi-k2-thinking": "Kimi-K2-Thinking kimi-k2thinking",
    "kimi-k2": "Kimi-K2 kimi-k2-instruct-0905 kimi",
    "qwen-3-vl": "Qwen3-VL-235B qwen-3-vl",
    "qwen-3": "Qwen3-32B qwen3-235b-a22b-2507 FW-Qwen3-Coder qwen-3",
    "qwq": "QwQ-32B qwen/qwq-32b",
    "qwen-vl": "Qwen2.5-VL-7B-Instruct qwen-vl",
    "qwen": "Qwen2.5-72B-Instruct qwen-max",
    "glm-5.2": "FW-GLM-5.2 glm-5-3",
    "glm": "FW-GLM-5 FW-GLM-5.1 glm-4.6",
    "minimax-m3": "FW-MiniMax-M3",
    "minimax-m2.5": "FW-MiniMax-M2.5 minimax-m2-5",
    "minimax": "FW-MiniMax-M2 minimax",
}  # fmt: skip
"""Names of catalogues, GitHub, registries and deployments, by the row each of them has to meet."""

_FREE = """prod-chat production my-deployment llamaindex-demo mistral-test cohere-app proto1 demo3 turbo1 pro3
philosopher delphi chat default main assistant australia phase5-chat embedded command-router adalovelace team-llama
o2 gpt sophia container chat-latest"""
UNRELATED = _FREE.split()

TRAPS = {
    "gpt-4 inside its successors": "gpt-4o gpt-4.1 gpt-4-turbo gpt-4-32k gpt-4.5-preview",
    "gpt-4o inside what is no chat": "gpt-4o-audio-preview gpt-4o-realtime-preview gpt-4o-transcribe gpt-4o-mini-tts",
    "gpt-5 inside others": "gpt-5-chat gpt-5-codex gpt-5-pro gpt-5.1 gpt-5.2 gpt-5.3 gpt-5.4 gpt-5.5 gpt-5.6-sol",
    "dates are no versions": "gpt-4-1106-preview gpt-5-2025-08-07 llama-3-1b grok-4-0709 gpt-4-0125-preview",
    "o-series inside words": "proto1 demo3 turbo1 pro3 gpt-4o1",
    "Llama 3 and its successors": "llama-3-8b llama-3-1-8b llama-3-1b llama-3.2-11b Llama-3.2-1B llama-3-3-70b",
    "Llama inside others": "DeepSeek-R1-Distill-Llama-70B Llama-3.1-Nemotron-70B-Instruct CodeLlama-34b-Instruct Llama-Guard-3-8B Llama-Prompt-Guard-2-86M",
    "generated suffixes": "Mistral-large-3xyz-serverless Mistral-large-dfgfj mistralai-Mixtral-8x22B-Instruct-v0-1-4 phi-3-mini-4k-instruct-abcde",
    "a framework's name": "llamaindex-demo mistral-test cohere-app",
    "Phi inside words, and its sizes": "delphi philosopher phi-3-small-8k phi-4-mm Phi-4-mini-reasoning Phi-4-mini-instruct Phi-4",
    "DeepSeek by version": "DeepSeek-V3.1 DeepSeek-V3.2 DeepSeek-V3-0324 MAI-DS-R1",
    "Cohere's routes": "cohere-embed embed-v-4-0 cohere-rerank command-a-plus cohere-command-a cohere-command-r",
    "Grok's numbers": "grok-4-1-fast grok-4-20 grok-4-fast grok-4-0709 grok-4-1-fast-non-reasoning",
    "Kimi's numbers": "Kimi-K2-Thinking Kimi-K2.6 Kimi-K3 Kimi-K2",
    "codex-mini alone": "codex-mini gpt-5.1-codex-mini",
}  # fmt: skip
"""Names that a simpler table gets wrong; each of them stands in ``NAMES`` or ``UNRELATED``."""

ROW_OF = {name: row for row, names in NAMES.items() for name in names.split()} | dict.fromkeys(UNRELATED, "")
ROWS = {row.name: row for row in families()}


@pytest.mark.parametrize("name", [name for name in ROW_OF if name not in UNRELATED])
def test_a_name_meets_its_row(name: str) -> None:
    """Every spelling of a model's name meets the row of its family."""
    assert family_of(name).name == ROW_OF[name]


@pytest.mark.parametrize("name", [*UNRELATED, "", "  ", "/", None])
def test_a_word_that_names_no_model_meets_none(name: str | None) -> None:
    """Most deployments are named freely, and nothing is read into their names."""
    assert family_of(name) is UNKNOWN
    assert family_of(name, embeddings=True) is UNKNOWN


@pytest.mark.parametrize(("trap", "names"), TRAPS.items(), ids=list(TRAPS))
def test_no_trap_of_names_is_stepped_into(trap: str, names: str) -> None:
    """A name inside another, a date, a suffix or a word is not taken for a model that it is not."""
    assert {name: family_of(name).name for name in names.split()} == {
        name: ROW_OF[name] for name in names.split()
    }


def test_many_names_are_tried() -> None:
    """The table was judged by some 300 names, which is what this list must not fall below."""
    assert len(ROW_OF) >= 300
    assert len(UNRELATED) >= 23


def test_every_row_is_reached() -> None:
    """No row stands behind another that takes all of its names."""
    assert set(NAMES) == set(ROWS)


@pytest.mark.parametrize("name", [name for name in NAMES if ROWS[name].kind == "embeddings"])
def test_an_embeddings_class_meets_the_same_row(name: str) -> None:
    """An embedding model is known to the classes of embeddings, and to those of chat as what it is."""
    for spelling in NAMES[name].split():
        assert family_of(spelling, embeddings=True) is family_of(spelling) is ROWS[name]


@pytest.mark.parametrize("name", ["gpt-4o", "Mistral-large", "production", "Cohere-command-r"])
def test_an_embeddings_class_meets_no_chat_model(name: str) -> None:
    """A class of embeddings reads nothing into a chat model's name."""
    assert family_of(name, embeddings=True) is UNKNOWN


def test_blanks_and_colons_are_dashes() -> None:
    """Names that people write for people are read, too."""
    assert family_of("GPT 4o mini").name == "gpt-4o"
    assert family_of("mistral-small:24b").name == "mistral-small"
    assert family_of("azureml://registries/azureml/models/Phi-4/labels/latest").name == "phi-4"


@pytest.mark.parametrize("row", families(), ids=lambda row: row.name)
def test_a_row_makes_sense(row: Family) -> None:
    """Limits fit into each other, and a row says where it is from and nothing that contradicts itself."""
    assert row.source
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", row.name)
    assert 0 < row.max_input <= row.context_window
    assert row.max_output is None or 0 < row.max_output <= row.context_window
    assert row.tools or not row.parallel_tools
    assert row.reasoning_back != "required" or row.reasoning in {"field", "field-or-tags"}
    assert row.content_parts or not (row.images or row.audio) or row.kind == "other"
    assert (row.max_batch is not None) == (row.kind == "embeddings")
    assert row.output_limit not in row.refuses


def test_every_source_is_told() -> None:
    """The module's text resolves each tag that a row gives as its source."""
    tags = {tag for row in families() for tag in row.source.split("; ") if "#" not in tag}
    for tag in tags:
        assert re.search(
            rf"\b{re.sub('^deploy-.*', 'deploy-X', tag).partition('-dec')[0].partition('-jan')[0]}\b",
            table.__doc__ or "",
        )


def test_names_of_rows_are_unique() -> None:
    """``family=`` cannot mean two rows."""
    assert len(ROWS) == len(families())


def test_what_is_taken_for_an_unknown_model() -> None:
    """A large window and every ability: an error of the service is better than text lost in silence."""
    assert (UNKNOWN.context_window, UNKNOWN.max_input, UNKNOWN.max_output) == (128_000, 128_000, None)
    assert UNKNOWN.tools
    assert UNKNOWN.images
    assert (UNKNOWN.tool_choice, UNKNOWN.response_format) == ("named", "json_schema")
    assert (UNKNOWN.output_limit, UNKNOWN.call_ids, UNKNOWN.reasoning) == ("max_tokens", "any", "none")


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-4o", {"context_window": 128_000, "max_output": 16_384, "parallel_tools": True, "tool_choice": "named", "response_format": "json_schema"}),
        ("gpt-5-mini", {"context_window": 400_000, "max_input": 272_000, "reasoning": "hidden", "output_limit": "max_completion_tokens"}),
        ("gpt-5-chat", {"tools": False, "reasoning": "none", "refuses": ("reasoning_effort",)}),
        ("gpt-5.6-sol", {"max_input": 922_000, "tools_need_effort_none": True}),
        ("gpt-5.4", {"tools_need_effort_none": False, "refuses": ()}),
        ("gpt-5-codex", {"kind": "responses"}),
        ("claude-sonnet-4-5", {"kind": "messages"}),
        ("whisper", {"kind": "other", "tools": False}),
        ("gpt-35-turbo-instruct", {"kind": "completions", "context_window": 4_097}),
        ("gpt-4o-audio-preview", {"audio": True, "images": False, "response_format": "text"}),
        ("gpt-oss-120b", {"tool_choice": "auto", "reasoning": "field", "reasoning_back": "ignored", "system_role": "system"}),
        ("o1", {"streams": False, "parallel_tools": False, "system_role": "developer"}),
        ("o1-mini", {"tools": False, "system_role": "user"}),
        ("o3-mini", {"images": False, "streams": True}),
        ("DeepSeek-R1", {"context_window": 163_840, "tools": False, "reasoning": "field-or-tags", "reasoning_back": "refused"}),
        ("DeepSeek-V4-Pro", {"max_output": 384_000, "tool_choice": "required", "reasoning_back": "required", "system_role": "system"}),
        ("grok-4-1-fast-non-reasoning", {"reasoning": "none", "refuses": ()}),
        ("grok-4", {"reasoning": "hidden", "refuses": ("presence_penalty", "frequency_penalty", "stop", "reasoning_effort")}),
        ("grok-3-mini", {"reasoning": "field", "content_parts": True}),
        ("Llama-3.3-70B-Instruct", {"tools": False, "turns": "alternate", "message_names": False, "content_parts": False}),
        ("Llama-4-Scout-17B-16E-Instruct", {"images": True, "content_parts": True}),
        ("mistral-small-2503", {"images": True, "image_urls": False, "call_ids": "nine", "turns": "assistant-after-tool", "stream_usage": "always"}),
        ("Phi-4", {"context_window": 16_384, "stream_usage": "never", "tools": False}),
        ("Phi-4-multimodal-instruct", {"audio": True, "images": True}),
        ("Phi-4-reasoning", {"reasoning": "tags"}),
        ("Cohere-command-r", {"content_parts": False, "tool_results": "json", "tool_choice": "required", "stream_usage": "always"}),
        ("Kimi-K2.6", {"images": True, "tool_choice": "auto", "reasoning_back": "required"}),
        ("text-embedding-3-large", {"vector_dimensions": 3_072, "takes_dimensions": True, "input_types": False, "max_batch": 2_048}),
        ("text-embedding-ada-002", {"takes_dimensions": False, "context_window": 8_192}),
        ("Cohere-embed-v3-english", {"vector_dimensions": 1_024, "takes_dimensions": False, "input_types": True, "max_batch": 96, "images": True}),
        ("my-embeddings", {"vector_dimensions": None, "takes_dimensions": None, "input_types": None}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_row_says_what_is_known(model: str, expected: dict[str, object]) -> None:
    """The letters of the table become the words that code reads."""
    row = family_of(model)
    assert {key: getattr(row, key) for key in expected} == expected


@pytest.mark.parametrize("model", ["production", "gpt-4o", None])
@pytest.mark.parametrize(
    ("family", "row"),
    [
        *[(name, name) for name in ("gpt-5", "mistral-large", "phi-3-4k", "deepseek-r1", "cohere-embed-v3")],
        ("GPT-5", "gpt-5"),
        ("Llama-3.3-70B-Instruct", "llama-3.3"),
        ("openai/gpt-4.1-mini", "gpt-4.1"),
    ],
)
def test_the_user_names_the_family(model: str | None, family: str, row: str) -> None:
    """``family=`` counts for more than the deployment's name, and takes a row's name or a model's."""
    assert family_of(model, family=family).name == row


@pytest.mark.parametrize("row", families(), ids=lambda row: row.name)
def test_every_row_can_be_named(row: Family) -> None:
    """Each row is given for its own name, for chat and for embeddings."""
    assert family_of("production", family=row.name) is row
    assert family_of("production", family=row.name, embeddings=True) is row


@pytest.mark.parametrize(
    ("family", "near"),
    [("mistral-larg", "mistral-large"), ("cohere-comand-r", "command-r"), ("gpt", "gpt-5"), ("", "")],
)
def test_a_family_that_is_none_is_refused(family: str, near: str) -> None:
    """A slip of the pen is told, with the rows that are nearest."""
    with pytest.raises(ConfigurationError, match="no family of models is called") as caught:
        family_of("production", family=family)
    assert near in str(caught.value)


@pytest.mark.parametrize(
    ("words", "pattern"),
    [pytest.param(words, row[1], id=row[0]) for words, _, rows in table._ALL for row in rows],
)
def test_a_group_is_found_by_its_words(words: tuple[str, ...], pattern: str) -> None:
    """Whatever a pattern matches has one of the words by which its group is found."""

    @settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(name=st.from_regex(pattern))
    def has_a_word(name: str) -> None:
        assert any(word in name for word in words)

    has_a_word()


def test_an_unknown_name_costs_no_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the import nor a name that no row knows compiles a regular expression."""

    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(re, "compile", refuse)
    monkeypatch.setattr(re, "search", refuse)
    fresh = runpy.run_path(table.__file__)
    for name in ("my-deployment", "prod-chat", "production", "assistant"):
        assert fresh["family_of"](name) is fresh["UNKNOWN"]
