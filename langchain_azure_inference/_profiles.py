"""What is known of the models that endpoints of this API serve.

Context windows, output limits and features are those of the models' pages in Microsoft's documentation
(``deploy-models-*.md``, ``models.md``, and the list of Azure OpenAI models); a model that is not named here
has no profile, and LangChain then assumes nothing.
"""

from __future__ import annotations

import re

from langchain_core.language_models import ModelProfile

__all__ = ["profile_of"]


def _profile(
    context: int,
    output: int,
    *,
    tools: bool = False,
    schema: bool = False,
    images: bool = False,
    audio: bool = False,
    reasoning: bool = False,
) -> ModelProfile:
    return ModelProfile(
        max_input_tokens=context,
        max_output_tokens=output,
        text_inputs=True,
        text_outputs=True,
        image_inputs=images,
        image_url_inputs=images,
        audio_inputs=audio,
        pdf_inputs=False,
        video_inputs=False,
        image_tool_message=False,
        pdf_tool_message=False,
        tool_calling=tools,
        tool_choice=tools,
        structured_output=schema,
        reasoning_output=reasoning,
    )


_PROFILES: tuple[tuple[str, ModelProfile], ...] = (
    (r"gpt-4o", _profile(131_072, 16_384, tools=True, schema=True, images=True)),
    (r"gpt-4\.1", _profile(1_047_576, 32_768, tools=True, schema=True, images=True)),
    (r"gpt-5", _profile(272_000, 128_000, tools=True, schema=True, images=True, reasoning=True)),
    (r"o3|o4-mini", _profile(200_000, 100_000, tools=True, schema=True, images=True, reasoning=True)),
    (r"deepseek-r1", _profile(163_840, 163_840, reasoning=True)),
    (r"deepseek-v3", _profile(131_072, 131_072, tools=True)),
    (r"mistral-large-?2402|mistral-large$", _profile(32_768, 4_096, tools=True)),
    (r"mistral-large|mistral-nemo", _profile(131_072, 4_096, tools=True)),
    (r"mistral-small", _profile(32_768, 4_096, tools=True)),
    (r"cohere-command|command-r", _profile(131_072, 4_096, tools=True)),
    (r"jamba", _profile(262_144, 4_096, tools=True)),
    (r"jais", _profile(8_192, 4_096)),
    (r"llama-3\.2-.*vision", _profile(131_072, 8_192, images=True)),
    (r"llama-3\.[123]", _profile(131_072, 8_192, tools=True)),
    (r"llama-3", _profile(8_192, 8_192)),
    (r"llama-2", _profile(4_096, 4_096)),
    (r"phi-4-multimodal", _profile(131_072, 4_096, images=True, audio=True)),
    (r"phi-3\.5-vision|phi-3-vision", _profile(131_072, 4_096, images=True)),
    (r"phi-3\.5|phi-4-mini|phi-3-.*128k", _profile(131_072, 4_096)),
    (r"phi-3-.*8k", _profile(8_192, 4_096)),
    (r"phi-3", _profile(4_096, 4_096)),
    (r"mixtral-8x22b", _profile(65_536, 4_096)),
)


def profile_of(model: str | None) -> ModelProfile | None:
    """The profile of the family a model's or deployment's name begins with or names after a separator."""
    name = (model or "").lower()
    for pattern, profile in _PROFILES:
        if name and re.search(rf"(^|[/:._-])({pattern})", name):
            return profile.copy()
    return None
