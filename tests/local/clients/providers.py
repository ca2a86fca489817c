"""Both providers behind the same few verbs, so that one table of cases runs through either of them."""

from dataclasses import dataclass

from langchain_core.messages import ToolMessage, convert_to_messages
from llama_index.core.llms import ChatMessage

import langchain_azure_inference.errors
import llamaindex_azure_inference.errors
from langchain_azure_inference import AzureInferenceEmbeddings, AzureInferenceLLM, ChatAzureInference
from llamaindex_azure_inference import AzureInference, AzureInferenceCompletion, AzureInferenceEmbedding


@dataclass
class Said:
    """What a provider made of an answer: its text, the number of choices, and the ids of its tool calls."""

    text: str
    choices: int = 1
    calls: tuple[str, ...] = ()
    usage: dict | None = None


class LangChain:
    """The LangChain provider at one base URL."""

    errors = langchain_azure_inference.errors

    def __init__(self, url, key, model=None):
        self._at = {"endpoint": url, "credential": key, "model": model, "max_retries": 0}

    def _chat(self):
        return ChatAzureInference(**self._at)

    def chat(self, messages, **params):
        """Answer a chat."""
        result = self._chat().generate([convert_to_messages(messages)], **params)
        return _lc_said(result.generations[0])

    async def achat(self, messages, **params):
        """Answer a chat."""
        result = await self._chat().agenerate([convert_to_messages(messages)], **params)
        return _lc_said(result.generations[0])

    def stream(self, messages, **params):
        """Answer a chat as a stream."""
        whole = None
        for chunk in self._chat().stream(messages, **params):
            whole = chunk if whole is None else whole + chunk
        return Said(whole.text, usage=dict(whole.usage_metadata))

    async def astream(self, messages, **params):
        """Answer a chat as a stream."""
        return Said("".join([chunk.text async for chunk in self._chat().astream(messages, **params)]))

    def round_trip(self, messages, tool, result):
        """Let the model call a tool, hand it the result, and return both answers."""
        answer = self._chat().invoke(messages, tools=[tool])
        ids = tuple(call["id"] for call in answer.tool_calls)
        said = self._chat().invoke([*messages, answer, ToolMessage(result, tool_call_id=ids[0])])
        return Said(said.text, calls=ids)

    def complete(self, prompt):
        """Continue a text."""
        return AzureInferenceLLM(**self._at).invoke(prompt)

    def embed(self, texts, **settings):
        """Embed texts."""
        return AzureInferenceEmbeddings(**self._at, **settings).embed_documents(texts)

    async def aembed(self, texts, **settings):
        """Embed texts."""
        return await AzureInferenceEmbeddings(**self._at, **settings).aembed_documents(texts)

    def embed_image(self, path, **settings):
        """Embed an image."""
        return AzureInferenceEmbeddings(**self._at, **settings).embed_image([path])[0]


class LlamaIndex:
    """The LlamaIndex provider at one base URL."""

    errors = llamaindex_azure_inference.errors

    def __init__(self, url, key, model=None):
        self._at = {"endpoint": url, "credential": key, "max_retries": 0}
        self._model = {"model": model} if model else {}

    def _chat(self):
        return AzureInference(**self._at, **self._model, is_function_calling_model=True)

    def chat(self, messages, **params):
        """Answer a chat."""
        return _li_said(self._chat().chat(_li_messages(messages), **params))

    async def achat(self, messages, **params):
        """Answer a chat."""
        return _li_said(await self._chat().achat(_li_messages(messages), **params))

    def stream(self, messages, **params):
        """Answer a chat as a stream."""
        *_, last = self._chat().stream_chat(_li_messages(messages), **params)
        return Said(last.message.content, usage=last.raw["usage"])

    async def astream(self, messages, **params):
        """Answer a chat as a stream."""
        pieces = [piece async for piece in await self._chat().astream_chat(_li_messages(messages), **params)]
        return Said(pieces[-1].message.content)

    def round_trip(self, messages, tool, result):
        """Let the model call a tool, hand it the result, and return both answers."""
        llm, asked = self._chat(), _li_messages(messages)
        answer = llm.chat(asked, tools=[tool])
        ids = tuple(call.tool_id for call in llm.get_tool_calls_from_response(answer))
        told = ChatMessage(role="tool", content=result, additional_kwargs={"tool_call_id": ids[0]})
        return Said(llm.chat([*asked, answer.message, told]).message.content, calls=ids)

    def complete(self, prompt):
        """Continue a text."""
        return AzureInferenceCompletion(**self._at, **self._model).complete(prompt).text

    def _embedding(self, settings):
        model = {"model_name": self._model["model"]} if self._model else {}
        return AzureInferenceEmbedding(**self._at, **model, **settings)

    def embed(self, texts, **settings):
        """Embed texts."""
        return self._embedding(_li_batch(settings)).get_text_embedding_batch(texts)

    async def aembed(self, texts, **settings):
        """Embed texts."""
        return await self._embedding(_li_batch(settings)).aget_text_embedding_batch(texts)

    def embed_image(self, path, **settings):
        """Embed an image."""
        return self._embedding(_li_batch(settings)).get_image_embedding(path)


def _lc_said(generations):
    message = generations[0].message
    return Said(message.text, len(generations), tuple(call["id"] for call in message.tool_calls))


def _li_said(response):
    return Said(response.message.content, len(response.raw["choices"]))


def _li_messages(messages):
    """Return plain messages as LlamaIndex's own."""
    return [
        ChatMessage(
            role=message["role"],
            content=message["content"],
            additional_kwargs={"tool_call_id": message["tool_call_id"]} if "tool_call_id" in message else {},
        )
        for message in messages
    ]


def _li_batch(settings):
    """Return the settings with the batch size under LlamaIndex's name."""
    return {"embed_batch_size" if name == "batch_size" else name: value for name, value in settings.items()}
