"""What a deployment refuses although nobody asked for it in so many words, known by family or learned.

Deployments differ in ways that no table of models can hold. A request has one form or another: the limit of the
answer under either of its names, token counts asked for or not. Which form a request begins with is what the model's
family says; when the service refuses it, the request is sent once more in the other, and the client remembers that
for the model as long as it lives. Each rule costs a model one request more, once, however many calls are on their way.

What the user asked for and what has no synonym is never changed: the error then says what to do.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, NamedTuple, TypeAlias

from azure_inference_core._refusal.reading import read_error_body
from azure_inference_core._refusal.wording import IN_STREAM
from azure_inference_core._request.parameters import Draft
from azure_inference_core.errors import (
    ContentFilteredError,
    ContextLengthError,
    InferenceError,
    InvalidRequestError,
    RefusedParameter,
    StatusError,
    UnsupportedParameterError,
)

_log = logging.getLogger("azure_inference")

GIVEN = "given"
"""The form of what the user asked for and what has no synonym: it is sent as it is, and never changed."""
LEFT_OUT = "left out"


class Said(NamedTuple):
    """What a refusal says.

    Attributes:
        names: The parameters it names, by their first key.
        text: Its words and codes, without what they quote of the request.
    """

    names: frozenset[str]
    text: str


def said_of(error: InferenceError) -> Said | None:
    """What an error says of the request's parameters; ``None`` if it is about something else.

    A managed endpoint gives whatever its container refuses as a 424, in words that can be plain.
    """
    if isinstance(error, (ContentFilteredError, ContextLengthError)) or not (
        isinstance(error, InvalidRequestError)
        or (isinstance(error, StatusError) and error.status in (424, 501) and not error.is_retryable)
    ):
        return None
    refused: tuple[RefusedParameter, ...] = getattr(error, "parameters", ())
    names = {name for name, _, _ in refused}
    words = [said for _, _, said in refused]
    if error.response is None:  # of an answer that came as a success
        words = words or [error.message.removeprefix(IN_STREAM)]
    else:
        facts = read_error_body(error.response.content)
        names.update([facts.param] if facts.param else ())
        words += [facts.message, *facts.codes, *facts.kinds]
    return Said(frozenset(re.split(r"[.\[/]", name)[0] for name in names), " ".join((*words, *names)))


class Rule:
    """One habit.

    Attributes:
        name: What is remembered, and how a refusal names it.
        what: What is refused, for the log and the documentation.
        instead: What is sent then.
        known: Which form a request begins with.
        others: The form to try after a refusal of another.
        way_out: What the user can do where nothing else can be sent.
        notices: Forms that the log mentions when they are used the first time.
    """

    name: str
    what: str
    instead: str
    known: str
    others: ClassVar[Mapping[str, str]] = {}
    way_out = ""
    notices: ClassVar[Mapping[str, str]] = {}
    refusal: re.Pattern[str]

    def first(self, draft: Draft) -> str | None:
        """The form to begin with; ``None`` if the request has nothing of it."""
        raise NotImplementedError

    def write(self, draft: Draft, form: str) -> None:
        """Put the request into a form."""

    def refuses(self, form: str, said: Said) -> bool:
        """Whether a refusal is about a form."""
        return form != LEFT_OUT and (self.name in said.names or bool(self.refusal.search(said.text)))

    def other(self, draft: Draft, form: str, said: Said) -> str | None:  # noqa: ARG002
        """The form to try after a refusal; ``None``: there is none."""
        return self.others.get(form)


Forms: TypeAlias = list[tuple[Rule, str]]
"""The rules that concern a request, and the form of it that each wrote."""


class Habits:
    """What is known of one endpoint's models; shared by threads and event loops.

    Args:
        rules: The rules of each route, by its own field.
    """

    def __init__(self, rules: Mapping[str, Sequence[Rule]]) -> None:
        self._rules = rules
        self._learned: dict[tuple[str | None, Rule], str] = {}
        self._told: set[tuple[str | None, str]] = set()

    def shape(self, draft: Draft, model: str | None) -> Forms:
        """Put a request into the form that the model is known to take; says which rules it concerns, and how."""
        forms: Forms = []
        for rule in self._rules[draft.own]:
            form = rule.first(draft)
            if form is None:
                continue
            if form != GIVEN:
                form = self._learned.get((model, rule), form)
            rule.write(draft, form)
            if form in rule.notices:
                self._tell(model, rule.notices[form])
            forms.append((rule, form))
        return forms

    def learned(
        self, error: InferenceError, draft: Draft, forms: Forms, model: str | None, tried: set[Rule]
    ) -> bool:
        """Whether an error refuses the form of a request, and there is another: then it is worth sending so.

        ``tried`` are the rules by which this call was sent again already: each is worth one request more.
        """
        if not forms or (said := said_of(error)) is None:
            return False
        again = False
        for rule, form, other in _refused(forms, draft, said):
            # Calls on their way together learn it once, and each is sent once more.
            kept = self._learned.setdefault((model, rule), other)
            if kept == form:
                # What was learned holds no longer, or neither form is taken: this call fails, the next tries the other.
                self._learned[model, rule] = other
            elif rule not in tried:
                tried.add(rule)
                again = True
                named = "" if kept == LEFT_OUT else f" ({kept})"
                self._tell(model, f"refuses {rule.what}: from now on {rule.instead}{named}")
        return again

    def _tell(self, model: str | None, words: str) -> None:
        if (model, words) not in self._told:
            self._told.add((model, words))
            _log.warning("%s %s", model or "the model", words)


def _refused(forms: Forms, draft: Draft, said: Said) -> Iterator[tuple[Rule, str, str]]:
    for rule, form in forms:
        if rule.refuses(form, said) and (other := rule.other(draft, form, said)) is not None:
            yield rule, form, other


def with_way_out(error: InferenceError, forms: Forms) -> InferenceError:
    """The error of a form that stays refused, with what the user can do about it."""
    said = said_of(error) if forms else None
    rule = next((rule for rule, form in forms if said and rule.way_out and rule.refuses(form, said)), None)
    if rule is None:
        return error
    if not isinstance(error, UnsupportedParameterError):
        told = vars(error)
        error = UnsupportedParameterError(error.message)
        error.__dict__.update(told, parameters=(RefusedParameter(rule.name, None, error.message),))
    error.message = error.exc_msg = f"{error.message} {rule.way_out}"
    error.args = (error.message,)
    return error
