"""LangChain's profile of a model: a view of what the core knows of its family."""

from __future__ import annotations

from langchain_core.language_models import ModelProfile

from azure_inference_core import Family


def profile_of(family: Family) -> ModelProfile | None:
    """The profile of a family; ``None`` of an unknown one, and LangChain then assumes nothing."""
    if not family.name:
        return None
    profile = ModelProfile(
        max_input_tokens=family.max_input,
        text_inputs=True,
        text_outputs=True,
        image_inputs=family.images,
        image_url_inputs=family.images and family.image_urls,
        audio_inputs=family.audio,
        pdf_inputs=False,
        video_inputs=False,
        image_tool_message=False,
        pdf_tool_message=False,
        tool_calling=family.tools,
        tool_choice=family.tools and family.tool_choice != "auto",
        structured_output=family.response_format == "json_schema",
        reasoning_output=family.reasoning != "none",
    )
    if family.max_output is not None:
        profile["max_output_tokens"] = family.max_output
    return profile
