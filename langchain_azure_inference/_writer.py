"""What the two classes that write share: the parameters of text generation, and counting tokens."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.language_models import LangSmithParams
from langchain_core.messages import BaseMessage, get_buffer_string
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.runnables import Runnable, RunnableBinding, RunnableSerializable
from langchain_core.runnables.configurable import RunnableConfigurableAlternatives, RunnableConfigurableFields
from langchain_core.runnables.fallbacks import RunnableWithFallbacks
from langchain_core.runnables.retry import RunnableRetry
from langchain_core.runnables.utils import AnyConfigurableField
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field

from azure_inference_core import Parameters, merge_params
from azure_inference_core._request.keywords import fields_of, guarded
from langchain_azure_inference._blocks import PROVIDER
from langchain_azure_inference._endpoint import Endpoint
from langchain_azure_inference.errors import ConfigurationError, translated

_INTERNAL = frozenset(("ls_structured_output_format", "structured_output_format", "stream"))
"""Keywords that LangChain passes on for its own purposes."""


def _making(name: str) -> Callable[..., Any]:
    def make(self: Any, *args: Any, **kwargs: Any) -> Any:
        made = getattr(super(Bindable, self), name)(*args, **kwargs)
        made.__class__ = next(
            (ours for theirs, ours in _KINDS.items() if isinstance(made, theirs)), type(made)
        )
        return made

    return functools.wraps(getattr(RunnableSerializable, name))(make)


class Bindable:
    """A model, or what LangChain makes of one: keywords that are bound to it are checked, and headers hidden."""

    if not TYPE_CHECKING:  # the types are LangChain's
        _bind = _making("bind")
        with_config = _making("with_config")
        with_types = _making("with_types")
        with_listeners = _making("with_listeners")
        with_alisteners = _making("with_alisteners")
        with_retry = _making("with_retry")
        with_fallbacks = _making("with_fallbacks")
        configurable_fields = _making("configurable_fields")
        configurable_alternatives = _making("configurable_alternatives")

        def bind(self, **kwargs: Any) -> Runnable[Any, Any]:
            """Bind keywords for the calls; the values of ``headers`` among them are shown nowhere.

            ```python
            print(model.bind(max_tokens=32, top_k=5).invoke("Why is the sky blue?"))
            ```

            Raises:
                ConfigurationError: A keyword belongs to the constructor, or looks like a secret.
            """
            with translated:
                return self._bind(**guarded(kwargs))


class _Made(Bindable):
    """What LangChain makes of a model, by the name that it is loaded by."""

    @classmethod
    def lc_id(cls) -> list[str]:
        """LangChain's own."""
        ids: list[str] = next(theirs for theirs, ours in _KINDS.items() if ours is cls).lc_id()
        return ids


class Binding(_Made, RunnableBinding[Any, Any]):  # type: ignore[no-redef]  # as LangChain's own
    """A model with keywords or a configuration for its calls."""


class Retry(_Made, RunnableRetry):  # type: ignore[type-arg, no-redef]
    """A model that is tried again."""


class WithFallbacks(_Made, RunnableWithFallbacks):  # type: ignore[type-arg]
    """A model with others in its place."""


class ConfigurableFields(_Made, RunnableConfigurableFields):  # type: ignore[type-arg]
    """A model with fields that a call's configuration sets."""


class ConfigurableAlternatives(_Made, RunnableConfigurableAlternatives):  # type: ignore[type-arg]
    """Models that a call's configuration chooses from."""


_KINDS: dict[type[Any], type[Any]] = {
    RunnableBinding: Binding,
    RunnableRetry: Retry,
    RunnableWithFallbacks: WithFallbacks,
    RunnableConfigurableFields: ConfigurableFields,
    RunnableConfigurableAlternatives: ConfigurableAlternatives,
}


class Writer(Bindable, Endpoint):
    """A connection with the parameters of text generation; ``None`` is never sent, ``0`` always is.

    Attributes:
        temperature: How freely the model chooses; usually 0 to 1 or 2.
        top_p: The share of probability the model chooses from.
        max_tokens: The most tokens to write.
        stop: Texts at which the model stops; a string or a list.
        seed: For answers that repeat, where the model can.
        frequency_penalty: Against repeating words, -2 to 2.
        presence_penalty: Against staying with a subject, -2 to 2.
        stream_usage: Whether streams carry token counts; ``None`` asks for them where they must be asked
            for and the model takes the question, ``False`` never does and leaves them out.
        streaming: Whether ``invoke`` streams underneath.
        custom_get_token_ids: The model's tokenizer, for exact token counts. The endpoint's is not known
            here (and LangChain's own fallback, GPT-2's, needs a download), so without it four bytes of
            UTF-8 count as a token.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stream_usage: bool | None = None
    streaming: bool = False
    custom_get_token_ids: Callable[[str], list[int]] | None = Field(default=None, exclude=True)

    def _params(self, stop: list[str] | None, call: dict[str, Any]) -> Parameters:
        """One call's keywords, merged with the constructor's."""
        call = {name: value for name, value in call.items() if name not in _INTERNAL}
        if stop is not None:
            call["stop"] = stop
        return merge_params(self._defaults(), call)

    def _stream_params(self, stop: list[str] | None, call: dict[str, Any]) -> Parameters:
        params = self._params(stop, call)
        if params.get("n", 1) != 1:
            raise ConfigurationError(
                "n: a stream carries one answer; use invoke, batch or generate for several"
            )
        return params

    def _configured(self, specs: Mapping[str, AnyConfigurableField]) -> dict[str, AnyConfigurableField]:
        found = fields_of(specs, type(self).model_fields)
        return found if len(found) == len(specs) else dict(specs)  # LangChain tells which is no field

    def _asked(self, params: Parameters) -> str:
        """The model that is asked, for answers that name none: LangChain counts tokens by this name only."""
        connection = self._current().connection
        return str(params.get("model") or connection.named_model or connection.host)

    def _traced(
        self, kind: Literal["chat", "llm"], stop: list[str] | None, call: Mapping[str, Any]
    ) -> LangSmithParams:
        """LangSmith's standard parameters: the call's values, else the model's."""
        params = LangSmithParams(ls_provider=PROVIDER, ls_model_type=kind)
        if model := call.get("model") or self.model:
            params["ls_model_name"] = model
        if (temperature := call.get("temperature", self.temperature)) is not None:
            params["ls_temperature"] = temperature
        if (limit := call.get("max_tokens", self.max_tokens)) is not None:
            params["ls_max_tokens"] = limit
        if stops := stop or self.stop:
            params["ls_stop"] = [stops] if isinstance(stops, str) else stops
        return params

    def get_token_ids(self, text: str) -> list[int]:
        """The ids that ``custom_get_token_ids`` gives.

        ```python
        exact = ChatAzureInference(
            endpoint="https://...", credential="...", custom_get_token_ids=lambda text: list(text.encode())
        )
        print(exact.get_token_ids("hello"), exact.get_num_tokens("hello"))
        ```

        Raises:
            ConfigurationError: It was not given.
        """
        if self.custom_get_token_ids is None:
            raise ConfigurationError(
                "the endpoint's tokenizer is not known; pass custom_get_token_ids=<a function from text to ids>, "
                "or use get_num_tokens for an approximate count"
            )
        return self.custom_get_token_ids(text)

    def get_num_tokens(self, text: str) -> int:
        """The number of tokens of a text, approximately unless ``custom_get_token_ids`` is given."""
        if self.custom_get_token_ids is not None:
            return len(self.custom_get_token_ids(text))
        return (len(text.encode("utf-8", "replace")) + 3) // 4

    def get_num_tokens_from_messages(
        self, messages: list[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """The number of tokens of messages and tools, counted as by ``get_num_tokens``.

        ```python
        from langchain_core.messages import HumanMessage

        print(model.get_num_tokens_from_messages([HumanMessage("Why is the sky blue?")]))
        ```
        """
        described = [convert_to_openai_tool(tool) for tool in tools or ()]
        if self.custom_get_token_ids is None:
            return count_tokens_approximately(messages, tools=list(described) or None)
        texts = [get_buffer_string([message]) for message in messages] + [str(tool) for tool in described]
        return sum(self.get_num_tokens(text) for text in texts)
