"""What is known about a model by the name of its deployment: limits, abilities and the habits of its messages.

One table, one row a family, the most specific first. It never decides what may be sent: an unknown name gets
``UNKNOWN``, ``family="..."`` names the row where a deployment's name does not tell, and the service's answer is
right wherever it differs. Figures are of November 2026.

Sources, by the tags of the rows. Microsoft's pages: MSO "Foundry Models sold directly by Azure", MSD its part on
other makers (-dec25: of December 2025), MSP "Foundry Models from partners and community", MSM "Foundry Models" of
July 2025 (-jan25: "Models in the Azure AI model inference service"), MSR "Azure OpenAI reasoning models", MSRC-25
"How to use reasoning models", MSSO "Structured outputs", MSRT "Model router", MSRET "Retired models", MSGROK "Use
Grok models", MSMAI "Use MAI-Thinking", MSFW "Fireworks models", deploy-X "How to deploy X". Data: MDEV models.dev,
LITE litellm's table of models, LC the profiles of LangChain's packages, PAI those of pydantic-ai, REC recorded
answers. maker: the maker's own pages. ``litellm#1``: a service's answer that is quoted there. I: inferred, a choice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal

from azure_inference_core.errors import ConfigurationError

__all__ = ["UNKNOWN", "Family", "families", "family_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One row of the table; what is not given is as in ``UNKNOWN``.

    >>> phi = family_of("Phi-4-multimodal-instruct")
    >>> phi.name, phi.context_window, phi.images, phi.audio, phi.tools
    ('phi-4-multimodal', 131072, True, True, False)

    Attributes:
        name: What ``family="..."`` takes: lower case, unique; ``""`` for ``UNKNOWN``.
        kind: What the model serves: ``"responses"`` is only OpenAI's Responses API, ``"messages"`` Anthropic's,
            ``"other"`` audio, images, ranking and guards.
        context_window: Tokens, in and out together; of an embedding model, tokens an input.
        max_input: Tokens of the longest prompt.
        max_output: Tokens of the longest answer, ``None`` if not known. Where it equals ``context_window``, it is
            what the prompt leaves of that, and no number to send.
        tools: Whether it calls tools; where sources disagree, whether Microsoft says so.
        parallel_tools: Whether one answer may hold several calls.
        tool_choice: The strongest choice that it obeys: a tool by name, ``"required"``, or only its own.
        images: Whether it takes images.
        audio: Whether it takes audio.
        image_urls: Whether an image may be the URL of another host; where not, send a ``data:`` URL.
        response_format: The strictest ``response_format``.
        schema_version: The ``api-version`` at which ``/models`` is known to take json_schema for it; ``""`` for any.
        reasoning: Where its thoughts stand: nowhere, only in the count of tokens, in ``reasoning_content``, or
            between ``<think>`` and ``</think>`` in the text.
        reasoning_back: What becomes of ``reasoning_content`` in the history: without effect, required in the
            message of a call, or not to be sent (it is refused, or nothing is known).
        output_limit: The parameter that limits the answer.
        refuses: Further parameters that it refuses, as it reasons by default; a value that says the same as
            leaving it out may pass.
        stream_usage: How a stream of this API's routes tells its usage: asked by ``stream_options``, always and not to
            be asked, or not to be asked at all. OpenAI's routes are asked whatever the model.
        streams: Whether it streams.
        call_ids: Which ids of tool calls it takes: any, or exactly nine letters and digits.
        tool_results: What the content of a tool message is: any text, or a JSON object as text.
        tools_need_effort_none: Whether tools are refused unless ``reasoning_effort`` is ``"none"``.
        message_names: Whether ``name`` on messages other than a tool's is taken.
        content_parts: Whether content may be a list; where not, text parts have to be joined to one string.
        system_role: The role of instructions: ``"developer"`` takes ``developer`` and ``system`` (one of them in
            a request), ``"system"`` only that, ``"user"`` neither.
        turns: The order of messages: free, an assistant's between a tool's and a user's, or user and assistant in
            turn after one system message.
        vector_dimensions: Length of a vector when none is asked for, ``None`` if not known.
        takes_dimensions: Whether ``dimensions`` is taken, ``None`` if not known.
        input_types: Whether ``input_type`` is taken, ``None`` if not known.
        max_batch: Inputs a request, ``None`` if not known.
        source: Tags of the sources; the module's text resolves them.
        note: What else is known, and why a figure was chosen where sources disagree.
    """

    name: str = ""
    kind: Literal["chat", "embeddings", "completions", "responses", "messages", "other"] = "chat"
    context_window: int = 128_000
    max_input: int = 128_000
    max_output: int | None = None
    tools: bool = True
    parallel_tools: bool = True
    tool_choice: Literal["named", "required", "auto"] = "named"
    images: bool = True
    audio: bool = False
    image_urls: bool = True
    response_format: Literal["json_schema", "json_object", "text"] = "json_schema"
    schema_version: str = ""
    reasoning: Literal["none", "hidden", "field", "tags", "field-or-tags"] = "none"
    reasoning_back: Literal["ignored", "required", "refused"] = "refused"
    output_limit: Literal["max_tokens", "max_completion_tokens", "either"] = "max_tokens"
    refuses: tuple[str, ...] = ()
    stream_usage: Literal["ask", "always", "never"] = "ask"
    streams: bool = True
    call_ids: Literal["any", "nine"] = "any"
    tool_results: Literal["text", "json"] = "text"
    tools_need_effort_none: bool = False
    message_names: bool = True
    content_parts: bool = True
    system_role: Literal["developer", "system", "user"] = "developer"
    turns: Literal["free", "assistant-after-tool", "alternate"] = "free"
    vector_dimensions: int | None = None
    takes_dimensions: bool | None = None
    input_types: bool | None = None
    max_batch: int | None = None
    source: str = ""
    note: str = ""


UNKNOWN = Family(source="I", note="a window too large costs an error, one too small costs text in silence")
"""What is taken for a name that no row knows: the service's refusal teaches the rest.

>>> family_of("my-deployment") is UNKNOWN
True
>>> UNKNOWN.context_window, UNKNOWN.max_output, UNKNOWN.tools
(128000, None, True)
"""

_Row = tuple[str, str, str, str, str]
"""Name, pattern, facts, source and note. The facts are, in this order:

- window: tokens in and out together, and after ``/`` the most of them in
- out: most tokens out; ``-`` not known
- tools: ``P`` parallel, ``S`` one at a time, ``-`` none; and how one is forced: ``n`` by name, ``r`` only by
  "required", ``a`` not at all, ``?`` not known
- beyond text: ``i`` images, ``a`` audio
- response_format: ``s`` json_schema, ``j`` json_object, ``-`` text
- reasoning: ``h`` hidden, ``c`` reasoning_content, ``t`` <think> in the text, ``ct`` either
- reasoning_content in the history: ``no`` refused, ``-`` not known, ``must`` after a call, ``ign`` without effect
- limit of the answer: ``m`` max_tokens, ``c`` max_completion_tokens, ``mc`` either
- usage in streams: ``ask``, ``always``, ``never``
- any words of ``_HABITS``, and after a dash parameters that are refused

Of an embedding model: length of a vector, whether it takes ``dimensions``, tokens an input, inputs a request, whether
it takes ``input_type``, images.
"""
_Group = tuple[tuple[str, ...], str, tuple[_Row, ...]]
"""Words, habits and rows. Only a name that has one of the words is tried, so that most cost no regular expression."""

# fmt: off
_HABITS: dict[str, tuple[str, Any]] = {
    "other": ("kind", "other"), "responses": ("kind", "responses"), "messages": ("kind", "messages"),
    "completions": ("kind", "completions"), "whole": ("streams", False), "effort-none": ("tools_need_effort_none", True),
    "developer": ("system_role", "developer"), "user": ("system_role", "user"), "parts": ("content_parts", True),
    "dated": ("schema_version", "2024-12-01-preview"),  # of Microsoft's sample; "2024-08-01-preview and later" (REC)
    "data-urls": ("image_urls", False), "nine": ("call_ids", "nine"), "json-results": ("tool_results", "json"),
    "unnamed": ("message_names", False), "after-tool": ("turns", "assistant-after-tool"), "alternate": ("turns", "alternate"),
}
_REFUSED = {
    "-penalties": ("presence_penalty", "frequency_penalty"),
    "-sampling": ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias"),
}
_OPENAI = "parts developer dated"

_NOT_CHAT: tuple[_Group, ...] = (  # OpenAI first
    (("whisper", "transcribe", "tts", "dall", "gpt-image", "sora", "flux", "realtime", "rerank", "ocr", "guard"), "other", (
        ("speech", r"whisper|(gpt-?4o-(mini-)?|gpt-|live-)transcribe|(?<![a-z])tts(?![a-z])", "128_000 - - a - - - m never", "MSO", ""),
        ("images", r"dall-?e|gpt-image|(?<![a-z])sora-?2?(?![a-z])|(?<![a-z])flux[.-]", "128_000 - - i - - - m never", "MSO; MSD", ""),
        ("realtime", r"gpt-?(4o-)?(mini-)?realtime", "128_000 - - a - - - m never", "MSO", "own route, by WebSocket"),
        ("rerank", r"(?<![a-z])rerank", "128_000 - - - - - - m never", "MSP", ""),
        ("ocr", r"mistral-ocr", "128_000 - - i - - - m never", "MSD", ""),
        ("llama-guard", r"llama-(prompt-)?guard", "128_000 - - - - - - m never", "MSM", ""))),
    (("codex", "computer-use", "deep-research", "o1-pro", "o3-pro"), f"responses {_OPENAI}", (
        ("computer-use", r"computer-use", "8_192 1_024 Sn i - h - c ask", "MSO; MSR", ""),
        ("codex-mini", r"(?<!\d-)codex-?mini", "200_000 100_000 Pn i s h - c ask -sampling -stop", "MSO; MSR", "gpt-5-codex-mini is another"),
        ("o3-pro", r"(?<![a-z0-9])o[13]-pro|deep-research", "200_000 100_000 Sn i s h - c ask -sampling -stop", "MSO; MSR", "o1-pro, o3-deep-research alike (I)"),
        ("gpt-5-codex", r"codex", "400_000/272_000 128_000 Pn i s h - c ask -sampling -stop", "MSO; MSR", "to 5.3-codex; chat answers 400"))),
    (("gpt-5", "gpt5"), f"responses {_OPENAI}", (
        ("gpt-5-pro", r"(?<![a-z0-9])gpt-?5([.-]\d)?-pro", "400_000/272_000 128_000 Pn i s h - c ask -sampling -stop", "MSO; MSR", "5.4-pro too; chat answers 400"),)),
    (("claude",), "messages", (("claude", r"(?<![a-z])claude", "200_000 - Pn i - h - m ask", "MSP", "limits: maker (I)"),)),
)

_EMBEDDINGS: tuple[_Group, ...] = (
    (("embed", "ada-002", "ada002", "e5-", "bge-", "gte-"), "embeddings", (
        ("text-embedding-ada-002", r"ada-?002|text-embedding-ada", "1_536 no 8_192 2_048 no -", "MSO; kernel-memory#805", "version 1: 2,046 tokens; base64 too"),
        ("text-embedding-3-small", r"embedding-3-small", "1_536 yes 8_192 2_048 no -", "MSO; langchain#31227", "300,000 tokens a request in all; no empty input; base64 too"),
        ("text-embedding-3-large", r"embedding-3-large", "3_072 yes 8_192 2_048 no -", "MSO; langchain#31227", "300,000 tokens a request in all; no empty input; base64 too"),
        ("cohere-embed-v5", r"embed-?v?-?5", "2_048 yes 128_000 96 yes i", "LITE; I", "but for its length taken to be as version 4"),
        ("cohere-embed-v4", r"embed-?v?-?4", "1_536 yes 128_000 96 yes i", "maker; MSD", "lengths 256, 512, 1,024, 1,536 (LITE's 3,072 is wrong); MS has 512 tokens: do not cut"),
        ("cohere-embed-v3", r"embed-?(v-?3-?)?(english|multilingual)|embed-?v?-?3", "1_024 no 512 96 yes i", "maker; python#41001; REC", "MS has 1,024 inputs; search_query refused; may answer floats for base64"),
        ("embeddings", r"embed(?!ded)|(?<![a-z0-9])(e5|bge|gte)-", "- try 512 96 try -", "I", ""))),
)

_CHAT: tuple[_Group, ...] = (  # OpenAI first
    (("audio",), _OPENAI, (("gpt-audio", r"gpt-?(4o-)?(mini-)?audio", "128_000 16_384 Pn a - - - mc ask", "MSO; MSSO", "gpt-4o-audio-preview, gpt-audio(-mini, -1.5)"),)),
    (("oss",), "", (("gpt-oss", r"gpt-?oss", "131_072 131_072 Sa - s c ign mc ask", "MSO; PAI", '"required" without effect; answers may begin with blanks'),)),
    (("gpt-6", "gpt6"), _OPENAI, (
        ("gpt-6", r"gpt-?6", "1_050_000/922_000 128_000 Pn i s h - c ask effort-none -sampling -stop", "MSO; oh-my-pi#11052", "of 6.1-sol MSO says: tools only by the Responses API"),)),
    (("gpt-5", "gpt5", "gpt-chat-latest"), _OPENAI, (
        ("gpt-5.6", r"gpt-?5[.-]?6(?!\d)", "1_050_000/922_000 128_000 Pn i s h - c ask effort-none -sampling -stop", "MSO; LibreChat#14231; agentgateway#2894", 'one answer refused "none" and took tools without an effort'),
        ("gpt-chat-latest", r"gpt-chat-latest", "128_000/111_616 16_384 Pn i s h - c ask -sampling -stop", "MSO", "400,000 / 128,000 from version 2026-08-06; effort fixed"),
        ("gpt-5.x-chat", r"gpt-?5[.-]?[1-5]-chat", "128_000/111_616 16_384 Pn i s h - c ask -sampling -stop", "MSO; aider#4707", "5.1-chat to 5.5-chat, effort fixed; images: MSO silent, LITE no, maker yes"),
        ("gpt-5.4-mini", r"gpt-?5[.-]?4-(mini|nano)", "400_000/272_000 128_000 Pn i s h - c ask", "MSO; MSR", "tools refused beside an effort; parallel: MSO yes, MSR silent"),
        ("gpt-5.5", r"gpt-?5[.-]?5(?!\d)", "1_050_000/922_000 128_000 Pn i s h - c ask -sampling -stop", "MSO; PAI; pipecat#4043", "tools refused beside an effort; 922,000 in and 128,000 out do not fit together"),
        ("gpt-5.4", r"gpt-?5[.-]?4(?!\d)", "1_050_000/922_000 128_000 Pn i s h - c ask", "MSO; PAI; pipecat#4043", 'effort "none" by default; tools refused beside an effort'),
        ("gpt-5.1", r"gpt-?5[.-]?[123](?!\d)", "400_000/272_000 128_000 Pn i s h - c ask", "MSO; PAI", '5.1 to 5.3; effort "none" by default: takes temperature, top_p, logprobs'),
        ("gpt-5-chat", r"gpt-?5-chat", "128_000 16_384 - i j - - mc ask -reasoning_effort", "MSO; litellm#13612", "tools: refused there, though anything-llm#4638 saw them work"),
        ("gpt-5", r"gpt-?5(?![\d.])", "400_000/272_000 128_000 Pn i s h - c ask -sampling -stop", "MSO; MSR", '-mini and -nano too; MDEV and LC have the 272,000 as the window; no parallel calls at effort "minimal"'))),
    (("gpt-4", "gpt4"), _OPENAI, (
        ("gpt-4.1", r"gpt-?4[.-]?1(?!\d)", "1_047_576 32_768 Pn i s - - mc ask", "MSO", "standard deployments 300,000, provisioned and batch 128,000 (MSO): they refuse loudly"),
        ("gpt-4.5", r"gpt-?4[.-]?5", "128_000 16_384 Pn i s - - mc ask", "MSO; MSRET", ""),
        ("gpt-4o-2024-05-13", r"gpt-?4-?o-?2024-?05-?13", "128_000 4_096 Pn i j - - mc ask -parallel_tool_calls", "MSO; MSSO; net#45719", ""),
        ("gpt-4o", r"gpt-?4-?o", "128_000 16_384 Pn i s - - mc ask", "MSO", "-mini too; not 131,072; `developer` refused at old api-versions (agno#1770)"),
        ("gpt-4-1106", r"gpt-?4-?(turbo-)?(1106|0125)(?!.*vision)", "128_000 4_096 Pn - j - - m ask", "MSO", "0125 too"),
        ("gpt-4-turbo", r"gpt-?4-?(turbo|vision|1106|0125)", "128_000 4_096 Pn i j - - m ask", "MSO", ""),
        ("gpt-4-32k", r"gpt-?4-?32k", "32_768 32_768 Sn - - - - m ask", "MSO; MSRET", ""),
        ("gpt-4-0613", r"gpt-?4-?(0314|0613)", "8_192 8_192 Sn - - - - m ask -parallel_tool_calls", "MDEV; LC; net#45719", ""),
        ("gpt-4", r"gpt-?4(?![\d.o])", "128_000 4_096 Pn i j - - m ask", "MSO; MSRET", "not 8,192 (MDEV, LC): only the turbo versions can still run under this name"))),
    (("gpt-3", "gpt3"), _OPENAI, (
        ("gpt-3.5-instruct", r"gpt-?3[.-]?5.*instruct", "4_097 4_097 - - - - - m ask completions", "MSRET", ""),
        ("gpt-3.5-0613", r"gpt-?3[.-]?5(?=.*(0301|0613))(?!.*16k)", "4_096 4_096 Sn - - - - m ask", "MSRET", "0301: no tools"),
        ("gpt-3.5", r"gpt-?3[.-]?5", "16_385 4_096 Pn - j - - m ask", "maker; LC", "MDEV 16,384, LITE 4,097; 16k-0613: no json_object"))),
    (("o1", "o3", "o4"), f"{_OPENAI} -sampling -parallel_tool_calls", (
        ("o1-mini", r"(?<![a-z0-9])o1-?mini(?![a-z0-9])", "128_000 65_536 - - - h - c ask user -reasoning_effort", "MSR; litellm#11819", "neither system nor developer"),
        ("o1-preview", r"(?<![a-z0-9])o1-?preview", "128_000 32_768 - - - h - c ask user", "MSR; js#31317", "no system message"),
        ("o3-mini", r"(?<![a-z0-9])o3-?mini(?![a-z0-9])", "200_000 100_000 Sn - s h - c ask", "MSO; obot#2862", "text only, though an old page had images"),
        ("o1", r"(?<![a-z0-9])o1(?![a-z0-9])", "200_000 100_000 Sn i s h - c ask whole", "MSR; RooCode#1400", ""),
        ("o4-mini", r"(?<![a-z0-9])o4(-?mini)?(?![a-z0-9])", "200_000 100_000 Sn i s h - c ask -stop", "MSR; MSO", ""),
        ("o3", r"(?<![a-z0-9])o3(?![a-z0-9])", "200_000 100_000 Sn i s h - c ask -stop", "MSR; MSO", "parallel: MSO yes, MSR none, refused in langchain#29704"))),
    (("model-router", "modelrouter"), _OPENAI, (
        ("model-router", r"model-?router", "200_000 - Pn i s h - m ask", "MSRT; LITE", "`model` of an answer tells the pick; a large model may take more; MDEV 128,000; name of the limit: I"),)),
    (("mai-", "r1-distill", "r1distill", "deepseek"), "", (  # DeepSeek, Microsoft
        ("mai", r"mai-(thinking|code|cyber)", "256_000 64_000 P? - - h - c always", "MSMAI", 'own route /mai/v1; max_tokens answers 400; finish_reason "stop" with calls too'),
        ("deepseek-r1-distill", r"r1-?distill", "131_072 32_768 - - - t no m always", "I", "managed or local"),
        ("deepseek-r1", r"mai-ds-r1|deepseek-?r1", "163_840 163_840 - - - ct no m ask -logprobs -top_logprobs -n", "MSM; MSRC-25; langmanus#93", "not the deploy page's 128k; GitHub 65,536 / 8,192; tools: how-to yes"),
        ("deepseek-v4", r"deepseek-?v4", "1_000_000 384_000 Pr - j c must m ask", "MSD; DeepSeek-V3#1376", "while it thinks (the default) any forced choice is refused; tools: none on the page of June 2026"),
        ("deepseek-v3.2-speciale", r"deepseek-?v3[.-]?2-?speciale", "128_000 128_000 - - - c no m ask", "MSD; maker", "tools: MSD yes, maker and MDEV none"),
        ("deepseek-v3.2", r"deepseek-?v3[.-]?2(?!\d)", "128_000 128_000 Pr - j c must m ask", "MSD; opencode#6615", "calls may stand in the text"),
        ("deepseek-v3.1", r"deepseek-?v3[.-]?1(?!\d)", "131_072 131_072 Pr - j c ign m ask", "MSD-dec25", ""),
        ("deepseek-v3-0324", r"deepseek-?v3-?0324", "131_072 131_072 Pr - j - - m ask", "MSM; langchain#31512; net#50246", "an object in tool_choice answers 422"),
        ("deepseek-v3", r"deepseek-?(v3|chat)(?![\d.])", "131_072 131_072 Pr - j - - m ask", "MSM", "tools: none in the first V3, which is gone; what runs is 0324"))),
    (("grok",), "parts", (  # xAI
        ("grok-code", r"grok-?code", "256_000 8_192 Pn - s h ign mc ask -penalties -stop -reasoning_effort", "MSD-dec25; maker", ""),
        ("grok-4.7", r"grok-?4[.-]?7(?!\d)", "500_000 - Pn i s h ign mc ask -penalties -stop", "MSGROK", "efforts low to xhigh"),
        ("grok-4.5", r"grok-?4[.-]?[56](?!\d)", "200_000 128_000 Pn i s h ign mc ask -penalties -stop", "MSD; promptfoo#10592", "4.6 too"),
        ("grok-4.3", r"grok-?4[.-]?3(?!\d)", "200_000 8_192 Pn - s h ign mc ask -penalties -stop", "MSD", "LITE: images"),
        ("grok-4-20-non-reasoning", r"grok-?4[.-]20(?!\d)(?=.*non-reasoning)", "262_000 8_192 Pn - s - - mc ask", "MSD", "LITE: images"),
        ("grok-4-20", r"grok-?4[.-]20(?!\d)", "262_000 8_192 Pn - s h ign mc ask -penalties -stop -reasoning_effort", "MSD; maker", "LITE: images"),
        ("grok-4.1-non-reasoning", r"grok-?4[.-]?1(?!\d)(?=.*non-reasoning)", "128_000 128_000 Pn i s - - mc ask", "MSD", "MDEV out 8,192"),
        ("grok-4.1", r"grok-?4[.-]?1(?!\d)", "128_000 128_000 Pn i s h ign mc ask -penalties -stop -reasoning_effort", "MSD; maker", "MDEV out 8,192; maker's window 2,000,000"),
        ("grok-4-fast-non-reasoning", r"grok-?4-?fast(?=.*non-reasoning)", "2_000_000 30_000 Pn i s - - mc ask", "MSD-dec25; MDEV", ""),
        ("grok-4-fast", r"grok-?4-?fast", "2_000_000 30_000 Pn i s h ign mc ask -penalties -stop -reasoning_effort", "MSD-dec25; MDEV", ""),
        ("grok-4", r"grok-?4", "256_000 8_192 Pn - s h ign mc ask -penalties -stop -reasoning_effort", "MSD; maker", "262,000 in on one page"),
        ("grok-3-mini", r"grok-?3-?mini", "131_072 131_072 Pn - s c ign mc ask -presence_penalty -stop", "MSM; maker", "efforts low and high"),
        ("grok-3", r"grok", "131_072 131_072 Pn - s - - mc ask", "MSM", "json_schema: REC, LITE, PAI; MS has text"))),
    # NVIDIA, Meta. Tools of Llama: LITE, MDEV and LC say yes, MS says no and services refuse or answer in text.
    (("nemotron",), "", (("nemotron", r"nemotron", "131_072 - P? - - ct - m ask", "I; LITE", "262,144 on Fireworks"),)),
    (("llama",), "unnamed alternate", (
        ("llama-4-maverick", r"llama-?4-?maverick", "1_000_000 8_192 - i - - - m ask", "MSM; llama-cookbook#938", "one image; MDEV and GitHub 128,000; MS's 1,000,000 out is not believable"),
        ("llama-4", r"llama-?4", "128_000 8_192 - i - - - m ask", "MSM", "Scout; LITE 10,000,000"),
        ("llama-3.3", r"llama-?3[.-]?3(?![\db])", "128_000 8_192 - - - - - m ask", "MSM; inspect_ai#1871", "not 131,072"),
        ("llama-3.2-vision", r"llama-?3[.-]?2(?=.*(vision|11b|90b))", "128_000 8_192 - i - - - m ask", "MSM; vllm#8854", "one image, and no system message beside it"),
        ("llama-3.1", r"llama-?3[.-]?[12](?![\db])", "131_072 8_192 - - - - - m ask", "MSM; semantic-kernel#10221", "3.2 without images too"),
        ("llama-3", r"llama-?3(?!\d)", "8_192 8_192 - - - - - m always", "MSM", "MDEV out 2,048 is GitHub's"),
        ("llama-2", r"llama-?2(?!\d)|code-?llama", "4_096 4_096 - - - - - m always", "MSM-jan25; REC", "text begins with blanks; out: what the prompt leaves, no 2,048"))),
    (("mixtral", "pixtral"), "nine unnamed after-tool data-urls -user", (  # Mistral
        ("mixtral-8x22b", r"mixtral-8x22b", "65_536 4_096 - - - - no m always", "MSM-jan25; REC", 'managed: "Tools and tool_choice are not supported."'),
        ("mixtral", r"mixtral", "32_768 4_096 - - - - no m always", "MSM-jan25", "8x7B; system merged into the user's turn"),
        ("pixtral", r"pixtral", "128_000 4_096 Pr i j - no m always", "maker; I", "not found on Azure"))),
    (("codestral", "ministral", "devstral", "magistral"), "nine unnamed after-tool data-urls -user", (
        ("codestral", r"codestral", "262_144 4_096 Pr - j - no m always", "MSM; deploy-mistral-codestral", "tools: MSM no, deploy page yes; GitHub 32k"),
        ("ministral", r"ministral", "131_072 4_096 Pr - j - no m always", "MSM; langchain-azure#19", "3B; an answer may lack `content`"),
        ("magistral", r"magistral", "128_000 - Pr - j c no m always", "maker; I", "thoughts may be parts of the content"),
        ("devstral", r"devstral", "128_000 - Pr - j - no m always", "maker; I", ""))),
    (("mistral",), "nine unnamed after-tool data-urls -user", (
        ("mistral-nemo", r"mistral-?nemo", "131_072 4_096 Pr - j - no m always", "MSM", ""),
        ("mistral-medium", r"mistral-?medium", "128_000 128_000 Pr i j - no m always", "MSD; LC", "2505, 3.5; tools: MS no; maker, LC, LITE and MDEV yes"),
        ("mistral-small-2402", r"mistral-?small-?2402", "32_768 4_096 Pr - j - no m always", "MSM-jan25", ""),
        ("mistral-small", r"mistral-?small", "128_000 4_096 Pr i j - no m always", "maker; LC; LITE; MDEV; litellm#11696", "not MS's 32,768 of text, which is 2402's, and that is gone; LITE out 128,000"),
        ("mistral-large-3", r"mistral-?large-?(3|2512)(?![a-z0-9])", "256_000 8_191 Pr i j - no m always", "LITE; litellm#26322", "maker 262,144 and json_schema (LC); MS has no figures"),
        ("mistral-large-2402", r"mistral-?large-?2402", "32_768 4_096 Pr - j - no m always", "MSM-jan25", ""),
        ("mistral-large", r"mistral-?large", "128_000 4_096 Pr - j - no m always", "MSM; litellm#11885", "undated too, since 2402 is gone; MS 131,072 for 2407; LC out 16,384"),
        ("mistral-7b", r"mistral-?7b", "32_768 4_096 - - - - no m always", "MSM-jan25", "managed"))),
    # Microsoft's Phi. Tools: MDEV and LITE say yes of some, MS says no of all, and PhiCookBook#289 quotes refusals.
    (("phi",), "unnamed alternate", (
        ("phi-4-mini-reasoning", r"(?<![a-z])phi-?4-?mini-?(flash-)?reasoning", "128_000 128_000 - - - t - m never", "MSM", "<think>: I"),
        ("phi-4-reasoning", r"(?<![a-z])phi-?4-?reasoning", "32_768 32_768 - - - t - m never", "MSM", "-plus too; MDEV out 4,096"),
        ("phi-4-multimodal", r"(?<![a-z])phi-?4-?(multimodal|mm)", "131_072 4_096 - ia - - - m never", "MSM; REC; PhiCookBook#289", 'answers may name the model "speech"'),
        ("phi-4-mini", r"(?<![a-z])phi-?4-?mini", "131_072 4_096 - - - - - m never", "MSM", "tools: MDEV and LITE yes"),
        ("phi-4", r"(?<![a-z])phi-?4", "16_384 16_384 - - - - - m never", "MSM; semantic-kernel#10452", "MDEV's 128,000 is wrong; GitHub out 4,096"),
        ("phi-3.5-vision", r"(?<![a-z])phi-?3[.-]?5-?vision|(?<![a-z])phi-?3-?vision", "131_072 4_096 - i - - - m never", "MSM", "phi-3-vision too"),
        ("phi-3.5", r"(?<![a-z])phi-?3[.-]?5", "131_072 4_096 - - - - - m never", "MSM", "mini, MoE"),
        ("phi-3-4k", r"(?<![a-z])phi-?3.*(?<!\d)4k", "4_096 4_096 - - - - - m never", "MSM", "MDEV out 1,024 is GitHub's"),
        ("phi-3-8k", r"(?<![a-z])phi-?3.*(?<!\d)8k", "8_192 4_096 - - - - - m never", "MSM", "one row of MS has 131,072, a slip; MDEV out 2,048 is GitHub's"),
        ("phi-3", r"(?<![a-z])phi(?![a-z])", "131_072 4_096 - - - - - m never", "MSM", "128k variants and undated: not 4,096; json_object may give only newlines (PhiCookBook#73)"))),
    (("command",), "unnamed json-results", (  # Cohere, AI21, Core42
        ("command-a-plus", r"command-?a-?plus", "128_000 64_000 Pa - - c ign m ask -tool_choice", "MSD; pollinations#12879", 'even tool_choice "auto" is refused; framing marks in the text'),
        ("command-a", r"command-?a(?![a-z])", "131_072 8_182 Pr - j - - m always", "MSD; LITE", "8,182 it is; maker 256k / 8k"),
        ("command-r", r"command-?r(?![a-z])", "131_072 4_096 Pr - j - - m always", "MSM-jan25; litellm#4237", "R+ too; keys that it does not know answer 422"))),
    (("jamba", "ai21"), "unnamed alternate", (
        ("jamba-instruct", r"jamba-?instruct", "262_144 4_096 - - - - - m always", "MSM-jan25; deploy-jamba; litellm#4815", "GitHub 256,000"),
        ("jamba", r"jamba|ai21", "262_144 4_096 P? - j - - m always", "MSM-jan25; deploy-jamba", "GitHub 256,000"))),
    (("jais",), "unnamed alternate", (("jais", r"(?<![a-z])jais", "8_192 4_096 - - - - - m always", "MSM; deploy-jais", "GitHub out 2,048; tools: models page yes, how-to no"),)),
    # Moonshot, Alibaba, Zhipu, MiniMax: sold by Microsoft, or on Fireworks (names with FW-, at /openai/v1 only)
    (("kimi",), "parts", (
        ("kimi-k3", r"kimi-?k3", "1_048_576 131_072 Pa i s c must m ask -sampling", "MSFW; litellm#36773", "efforts low, high, max"),
        ("kimi-k2.5", r"kimi-?k2[.-]?[567](?!\d)", "262_144 262_144 Pa i s c must m ask", "MSD; litellm#20759; continue#11711", "to 2.7; schema: MDEV, MS has text; reasoning uses up the limit of the answer"),
        ("kimi-k2-thinking", r"kimi-?k2-?thinking", "262_144 262_144 Pa - s c must m ask", "MSD; PAI; continue#11711", ""),
        ("kimi-k2", r"kimi", "262_144 262_144 Pa - s c must m ask", "MSD; PAI", '"required" without effect'))),
    (("qwen", "qwq"), "", (
        ("qwen-3-vl", r"qwen-?3(?=.*vl)", "131_072 32_768 P? i s ct ign m ask", "MSFW; I", ""),
        ("qwen-3", r"qwen-?3", "131_072 32_768 P? - s ct ign m ask", "MSFW; PAI; I", 'native window 32,768 to 40,960, of the 2507s 262,144; coder: no "required"'),
        ("qwq", r"(?<![a-z])qwq", "32_768 8_192 P? - s t - m ask", "I", ""),
        ("qwen-vl", r"(?<![a-z])qwen(?=.*vl)", "32_768 8_192 P? i s - - m ask", "I", ""),
        ("qwen", r"(?<![a-z])qwen", "32_768 8_192 P? - s - - m ask", "I", ""))),
    (("glm", "minimax"), "parts", (
        ("glm-5.2", r"(?<![a-z])glm-?5[.-]?[2-9](?!\d)", "1_048_576 - P? - j c must mc ask", "MSFW; LITE", ""),
        ("glm", r"(?<![a-z])glm", "200_000 - P? - j c must mc ask", "MSFW", "LITE: 5.1 has 202,800"),
        ("minimax-m3", r"minimax-?m3", "512_000 - P? i j c must mc ask", "MSFW; LITE", ""),
        ("minimax-m2.5", r"minimax-?m2[.-]?5", "1_000_000 - P? - j c must mc ask", "MSFW; LITE", ""),
        ("minimax", r"minimax", "200_000 - P? - j c must mc ask", "MSFW", ""))),
)
# fmt: on
_ALL = _NOT_CHAT + _EMBEDDINGS + _CHAT


def family_of(model: str | None, *, family: str | None = None, embeddings: bool = False) -> Family:
    """The family of a model's or deployment's name; ``UNKNOWN`` if no row knows it.

    >>> family_of("openai/gpt-5-mini").name, family_of("Meta-Llama-3.1-8B-Instruct-abcde").name
    ('gpt-5', 'llama-3.1')
    >>> family_of("production", family="mistral-large").call_ids
    'nine'
    >>> family_of("text-embedding-3-large", embeddings=True).vector_dimensions
    3072

    Args:
        model: The name, in any spelling of catalogues, GitHub, registries and fine-tuning.
        family: What the user calls the family, before which ``model`` counts for nothing: a row's name, or a
            model's name.
        embeddings: Whether only embedding models are meant.

    Raises:
        ConfigurationError: ``family`` is neither a row's name nor a name that a row knows.
    """
    if family is None:
        return _search(model or "", embeddings)
    for _, habits, rows in _ALL:
        for row in rows:
            if row[0] == family.lower():
                return _family(habits, row)
    if (found := _search(family, embeddings)) is not UNKNOWN:
        return found
    import difflib  # noqa: PLC0415 - only for the text of an error

    names = [row.name for row in families()]
    nearest = ", ".join(map(repr, difflib.get_close_matches(family.lower(), names, n=3, cutoff=0)))
    raise ConfigurationError(f"no family of models is called {family[:80]!r}; the nearest are {nearest}")


def families() -> tuple[Family, ...]:
    """Every row, in the order in which a chat model's name is matched.

    >>> [family.name for family in families() if family.kind == "embeddings"][-3:]
    ['cohere-embed-v4', 'cohere-embed-v3', 'embeddings']
    """
    return tuple(_family(habits, row) for _, habits, rows in _ALL for row in rows)


@lru_cache(maxsize=1024)
def _search(model: str, embeddings: bool) -> Family:
    name = _normalised(model)
    for words, habits, rows in _EMBEDDINGS if embeddings else _ALL:
        for row in rows if any(word in name for word in words) else ():
            if re.search(row[1], name):
                return _family(habits, row)
    return UNKNOWN


def _normalised(model: str) -> str:
    """``azureml://registries/azureml-meta/models/Llama-2-7b/versions/8``, ``openai/gpt_4o`` -> the model's own name."""
    name = model.lower().partition("/versions/")[0].partition("/labels/")[0].strip("/ ").rpartition("/")[2]
    return name.replace("_", "-").replace(" ", "-").replace(":", "-").partition(".ft-")[0].removeprefix("fw-")


@cache
def _family(habits: str, row: _Row) -> Family:
    name, _, facts, source, note = row
    if habits == "embeddings":
        dimensions, takes, tokens, batch, types, inputs = facts.split()
        known = {"yes": True, "no": False, "try": None}
        return Family(
            name=name, kind="embeddings", context_window=int(tokens), max_input=int(tokens), images=inputs == "i",
            tools=False, parallel_tools=False, response_format="text", max_batch=int(batch), input_types=known[types],
            vector_dimensions=None if dimensions == "-" else int(dimensions), takes_dimensions=known[takes],
            source=source, note=note,
        )  # fmt: skip
    window, output, calls, inputs, form, thoughts, back, limit, usage, *own = facts.split()
    context, _, prompt = window.partition("/")
    more = habits.split() + own
    further: dict[str, Any] = {
        "tool_choice": {"r": "required", "a": "auto"}.get(calls[-1], "named"),
        "response_format": {"s": "json_schema", "j": "json_object", "-": "text"}[form],
        "reasoning": {"-": "none", "h": "hidden", "c": "field", "t": "tags", "ct": "field-or-tags"}[thoughts],
        "reasoning_back": {"-": "refused", "no": "refused", "must": "required", "ign": "ignored"}[back],
        "output_limit": {"m": "max_tokens", "c": "max_completion_tokens", "mc": "either"}[limit],
        "stream_usage": usage,
        "content_parts": inputs != "-",
        "system_role": "system",
        **dict(_HABITS[word] for word in more if word[0] != "-"),
    }
    refuses = tuple(one for word in more if word[0] == "-" for one in _REFUSED.get(word, (word[1:],)))
    return Family(
        name=name, context_window=int(context), max_input=int(prompt or context), refuses=refuses,
        max_output=None if output == "-" else int(output), tools=calls != "-", parallel_tools=calls[0] == "P",
        images="i" in inputs, audio="a" in inputs, source=source, note=note, **further,
    )  # fmt: skip
