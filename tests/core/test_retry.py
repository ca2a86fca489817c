"""When a call is sent again, how long it waits first, and what an outage costs the service."""

from __future__ import annotations

import itertools
import json
import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_inference_core import ChatClient
from azure_inference_core._client.retry import Attempts, RetryBudget
from azure_inference_core._refusal.judging import status_error, stream_error
from azure_inference_core._refusal.waiting import retry_after_seconds
from azure_inference_core.errors import (
    ConfigurationError,
    ConnectionFailedError,
    DeadlineExceededError,
    IncompleteResponseError,
    InferenceError,
    MalformedResponseError,
    RateLimitedError,
    ResponseTooLargeError,
    ServerError,
)
from tests.support import wire
from tests.support.drive import connect
from tests.support.fault_server import Call, FaultServer
from tests.support.scripted_server import Reply, ScriptedServer, answer_well

RETRIED = (408, 429, 500, 502, 503, 504, 529)
NEVER = (
    300,
    301,
    302,
    303,
    307,
    308,
    400,
    401,
    402,
    403,
    404,
    405,
    409,
    410,
    413,
    415,
    422,
    423,
    501,
    505,
    507,
    520,
    599,
)
NOW = 1_800_000_000.0


def answered(status: int, headers: dict[str, str] | None = None) -> InferenceError:
    return status_error(status, {name.lower(): value for name, value in (headers or {}).items()}, b"{}")


def waits(error: InferenceError, count: int = 200, made: int = 1) -> list[float]:
    """What fresh calls would wait after this error."""
    found = []
    for _ in range(count):
        attempts = Attempts(2, RetryBudget())
        attempts.made = made
        wait = attempts.wait_after(error, 600.0)
        assert wait is not None
        found.append(wait)
    return found


@pytest.mark.parametrize("status", RETRIED)
def test_what_can_pass_is_sent_again(status: int) -> None:
    """A status that says "not now" is worth another try."""
    assert waits(answered(status), 1)


@pytest.mark.parametrize("status", NEVER)
def test_what_cannot_pass_is_never_sent_again(status: int) -> None:
    """A status that says "not like this" is final, also when the service adds a Retry-After."""
    for headers in ({}, {"Retry-After": "1"}, {"retry-after-ms": "5"}):
        attempts = Attempts(2, RetryBudget())
        attempts.made = 1
        assert attempts.wait_after(answered(status, headers), 600.0) is None


@pytest.mark.parametrize(
    "error",
    [
        ConfigurationError("x"),
        ConnectionFailedError("x", is_retryable=False),
        DeadlineExceededError("x"),
        MalformedResponseError("x"),
        ResponseTooLargeError("x"),
        IncompleteResponseError("x", is_retryable=False),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_that_another_try_would_not_change_are_final(error: InferenceError) -> None:
    """Neither our own mistakes, nor a spent deadline, nor a malformed answer are tried again."""
    assert Attempts(2, RetryBudget()).wait_after(error, 600.0) is None


def test_a_call_is_sent_at_most_three_times() -> None:
    """Two retries, and none without an allowance."""
    attempts = Attempts(2, RetryBudget())
    error = answered(503)
    found = []
    for made in (1, 2, 3):
        attempts.made = made
        found.append(attempts.wait_after(error, 600.0))
    assert None not in found[:2]
    assert found[2] is None
    assert Attempts(0, RetryBudget()).wait_after(error, 600.0) is None


@pytest.mark.parametrize(
    ("made", "most"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (9, 8.0), (40, 8.0)]
)
def test_waits_double_up_to_eight_seconds_with_full_jitter(made: int, most: float) -> None:
    """A wait is anywhere between nothing and the bound, which doubles and stops at 8 s."""
    found = waits(answered(503), made=made)
    assert 0 <= min(found) < most * 0.2
    assert most * 0.8 < max(found) <= most
    assert math.isclose(sum(found) / len(found), most / 2, rel_tol=0.3)


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "2"}, 2.0, 4.0),
        ({"retry-after-ms": "50"}, 0.05, 0.1),
        ({"x-ms-retry-after-ms": "50"}, 0.05, 0.1),
        ({"Retry-After": "60"}, 60.0, 68.0),
        ({"Retry-After": "0"}, 0.0, 0.5),
    ],
    ids=str,
)
def test_the_services_own_wait_is_obeyed(headers: dict[str, str], least: float, most: float) -> None:
    """Never less than the service asked; a little more, so that calls refused together do not return together."""
    found = waits(answered(429, headers), 50)
    assert least <= min(found)
    assert max(found) <= most


@pytest.mark.parametrize("value", ["60.5", "61", "86400", "999999999"])
def test_a_wait_over_a_minute_is_not_waited(value: str) -> None:
    """The error comes at once, and says how long the service asked for."""
    error = answered(429, {"Retry-After": value})
    assert Attempts(2, RetryBudget()).wait_after(error, 1e9) is None
    assert error.retry_after == float(value)


def test_a_wait_longer_than_the_time_left_is_not_begun() -> None:
    """A call that cannot finish in time fails now rather than at its deadline."""
    assert Attempts(2, RetryBudget()).wait_after(answered(429, {"Retry-After": "5"}), 4.0) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"RETRY-AFTER": " 3 "}, 3.0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "0"}, 0.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"x-ms-retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "Retry-After": "9"}, 0.25),
        ({"retry-after-ms": "soon", "Retry-After": "9"}, 9.0),
        ({"x-rate-limit-reset-tokens": "55"}, 55.0),
        ({"x-rate-limit-reset-tokens": "55", "Retry-After": "9"}, 9.0),
        ({"x-rate-limit-reset-tokens": "6m0s"}, 360.0),
        ({"retry-after-ms": "0", "Retry-After": "1"}, 1.0),
        ({"x-ms-retry-after-ms": "0", "Retry-After": "1", "x-ratelimit-reset-tokens": "0"}, 1.0),
        ({"retry-after-ms": "1337", "Retry-After": "2"}, 1.337),
        ({"retry-after-ms": "-1", "Retry-After": "-1"}, None),
        ({"retry-after": "0", "x-ratelimit-timeremaining": "0"}, 0.0),
        ({"x-ratelimit-timeremaining": "46"}, 46.0),
        ({"Retry-After": "1m30s"}, 90.0),
        ({"Retry-After": "6ms"}, 0.006),
        ({"x-ratelimit-reset-tokens": "2m59.56s"}, 179.56),
        ({"x-ratelimit-reset-requests": "4"}, 4.0),
        ({"x-ratelimit-reset-requests": "4", "x-ratelimit-reset-tokens": "9"}, 9.0),
        ({"policy-id": "DeploymentRatelimit-Call", "x-ratelimit-reset-requests": "4", "x-ratelimit-reset-tokens": "9"},
         4.0),
        ({"x-ratelimit-type": "Tokens", "x-ratelimit-reset-requests": "12", "x-ratelimit-reset-tokens": "9"}, 9.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-requests": "12", "x-ratelimit-reset-tokens": "9"},
         9.0),
        ({"x-ratelimit-remaining-tokens": "-1", "x-ratelimit-limit-tokens": "-1", "x-ratelimit-reset-tokens": "0"}, None),
        ({"x-ratelimit-reset": str(int(NOW) + 20)}, 20.0),
        ({"x-ratelimit-reset": "2027-01-15T08:00:30Z"}, 30.0),
        ({"x-gateway-retry-in": "288"}, 288.0),
        ({"x-gateway-retry-after-ms": "288"}, 0.288),
        ({"x-gateway-retry-in": "288", "Retry-After": "3"}, 3.0),
        ({"Retry-After": formatdate(NOW + 30, usegmt=True)}, 30.0),
        ({"Retry-After": formatdate(NOW - 30, usegmt=True)}, 0.0),
        ({}, None),
        *[({"Retry-After": value}, None) for value in (
            "", "soon", "inf", "-inf", "nan", "1e400", "-5", "1,5", "0x10", "٣", "Fri, 31 Dec 100000 23:59:59 GMT", "1 2", "+3",
        )],
    ],
    ids=str,
)  # fmt: skip
def test_retry_after_is_read_or_ignored(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, milliseconds and dates are read; whatever is not finite or not parsable is ignored."""
    assert retry_after_seconds({k.lower(): v for k, v in headers.items()}, now=NOW) == seconds


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("Rate limit is exceeded. Try again in 2 seconds.", 2.0),
        ("Please retry after 86400 seconds.", 86400.0),
        ("retry after 1 second", 1.0),
        ("Please wait 46 seconds before retrying.", 46.0),
        ("Please try again in 6ms.", 0.006),
        ("Please try again in 1m12.5s. Read on.", 72.5),
        ("Try again in 21 minutes and 33 seconds.", 1293.0),
        ("Please retry your request after 12 seconds.", 12.0),
        ("Try this call again in 5 seconds.", 5.0),
        ("Quota will be replenished in 06:12:32.", 22352.0),
        ("Retry in about 2 minutes", 120.0),
        ("Retry-After: 30", 30.0),
        ("The limit is reset in 1 hour, 5 minutes", 3900.0),
        ("Try again later.", None),
        ("Rate limit of 10 per 60s exceeded", None),
        ("Please wait 0 seconds before retrying.", None),
    ],
)
def test_a_wait_is_read_from_words(said: str, seconds: float | None) -> None:
    """Where no header says how long, the text may: in any unit, and after any header that is more than nothing."""
    body = json.dumps({"error": {"code": "429", "message": said}}).encode()
    assert status_error(429, {}, body).retry_after == seconds
    assert status_error(429, {"retry-after": "7"}, body).retry_after == 7.0
    assert status_error(400, {}, body).retry_after is None


@pytest.mark.parametrize(
    "told",
    [
        {"retry_after": 12},
        {"retryAfter": "12"},
        {"retry_after_ms": 12000},
        {"headers": {"Retry-After": "12"}},
    ],
    ids=str,
)
def test_a_wait_is_read_from_the_body(told: dict[str, object]) -> None:
    """Gateways and events of a stream have the wait as a value of its own."""
    body = {"error": {"code": "429", "message": "Slow down.", **told}}
    assert status_error(429, {}, json.dumps(body).encode()).retry_after == 12.0
    assert stream_error(body, {"x-ratelimit-reset-tokens": "500"}).retry_after == 12.0


def test_a_success_that_counts_down_asks_for_no_wait() -> None:
    """The resets of a 200 are in any unit, so the refusal inside it does not read them."""
    headers = {"x-ratelimit-reset-requests": "500", "x-ratelimit-reset-tokens": "7"}
    assert stream_error({"error": {"code": "429", "message": "Slow down."}}, headers).retry_after is None


@given(st.text(max_size=60), st.sampled_from(["retry-after", "retry-after-ms", "x-ms-retry-after-ms"]))
def test_no_retry_after_can_raise(value: str, name: str) -> None:
    """Whatever a header says, the result is a finite number of at least 0, or nothing."""
    seconds = retry_after_seconds({name: value}, now=NOW)
    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))


@given(st.integers(-10_000, 10_000))
def test_any_date_gives_the_seconds_until_it(offset: int) -> None:
    """A date is as good as the number of seconds until it."""
    date = datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=offset)
    assert retry_after_seconds({"retry-after": format_datetime(date, usegmt=True)}, now=NOW) == max(0, offset)


def test_the_budget_pays_for_a_hundred_retries() -> None:
    """500 tokens at 5 a retry; when they are spent, calls are sent once."""
    budget = RetryBudget()
    assert [budget.take() for _ in range(101)] == [True] * 100 + [False]


def test_a_success_refills_the_budget() -> None:
    """A success gives back what its retries took, or one token, and never more than there was."""
    budget = RetryBudget()
    for _ in range(100):
        budget.take()
    budget.give_back(2)
    assert [budget.take() for _ in range(3)] == [True, True, False]
    for _ in range(5):
        budget.give_back(0)
    assert [budget.take(), budget.take()] == [True, False]
    for _ in range(1000):
        budget.give_back(3)
    assert sum(budget.take() for _ in range(200)) == 100


def test_a_wait_the_service_asked_for_is_free() -> None:
    """A rate limit that says when to come back does not empty the budget."""
    budget = RetryBudget()
    for _ in range(300):
        assert Attempts(1, budget).wait_after(answered(429, {"Retry-After": "1"}), 600.0) is not None
    assert budget.take()


def test_calls_refused_together_come_back_one_by_one() -> None:
    """Sixty calls told to wait one second return spread over the second after it."""
    budget = RetryBudget()
    error = answered(429, {"Retry-After": "1"})
    found = sorted(
        wait for _ in range(60) if (wait := Attempts(2, budget).wait_after(error, 600.0)) is not None
    )
    gaps = [later - earlier for earlier, later in itertools.pairwise(found)]
    assert len(found) == 60
    assert max(gaps) < 0.1


def test_the_budget_never_goes_negative_under_threads() -> None:
    """Threads that hammer one budget take exactly what was in it."""
    budget = RetryBudget()
    start = threading.Barrier(8)

    def hammer() -> int:
        start.wait()
        return sum(budget.take() for _ in range(50))

    with ThreadPoolExecutor(8) as pool:
        taken = sum(task.result() for task in [pool.submit(hammer) for _ in range(8)])
    assert taken == 100


@pytest.mark.usefixtures("quick_retries")
def test_an_outage_is_met_with_few_extra_requests() -> None:
    """A thousand calls from 16 threads into a total outage make at most 1,100 requests."""
    with (
        FaultServer(lambda call: call.respond(503, {"error": "Downstream unavailable"})) as server,
        ChatClient(connect(server.url)) as client,
    ):

        def one(_: int) -> type[BaseException] | None:
            try:
                client.complete(wire.MESSAGES)
            except InferenceError as error:
                return type(error)
            return None

        with ThreadPoolExecutor(16) as pool:
            kinds = set(pool.map(one, range(1000)))
        assert kinds == {ServerError}
        assert 1000 <= server.request_count <= 1100


def test_a_call_can_forbid_retries() -> None:
    """``max_retries=0`` of a call wins over the connection's."""
    with ScriptedServer() as server, ChatClient(connect(server.url)) as client:
        server.reply(Reply(503, {}))
        with pytest.raises(ServerError) as caught:
            client.complete(wire.MESSAGES, max_retries=0)
        assert caught.value.attempts == 1
        assert len(server.requests) == 1


async def test_a_call_can_ask_for_more_retries() -> None:
    """``max_retries`` of a call is the number of retries, in async calls too."""
    with ScriptedServer() as server:
        async with ChatClient(connect(server.url, max_retries=0)) as client:
            server.reply(*[Reply(429, {}, {"retry-after-ms": "5"})] * 4)
            result = await client.acomplete(wire.MESSAGES, max_retries=4)
        assert result.attempts == 5
        assert len(server.requests) == 5


def test_the_service_is_not_asked_before_the_time_it_named() -> None:
    """Between two attempts lies at least what ``Retry-After`` said."""
    with ScriptedServer() as server, ChatClient(connect(server.url)) as client:
        server.reply(Reply(429, {}, {"retry-after-ms": "300"}))
        client.complete(wire.MESSAGES)
        first, second = server.requests
        assert second.at - first.at >= 0.29


def test_no_wait_goes_past_the_deadline() -> None:
    """With half a second left and a wait of two asked for, the error comes at once."""
    with ScriptedServer() as server, ChatClient(connect(server.url, timeout={"total": 0.5})) as client:
        server.reply(Reply(429, {}, {"Retry-After": "2"}))
        started = time.monotonic()
        with pytest.raises(RateLimitedError) as caught:
            client.complete(wire.MESSAGES)
        assert time.monotonic() - started < 0.5
        assert caught.value.retry_after == 2


@pytest.mark.usefixtures("quick_retries")
def test_each_attempt_is_the_same_request() -> None:
    """Bodies and headers do not change from attempt to attempt."""

    def fail_twice(call: Call) -> None:
        if call.number < 2:
            call.respond(503, {})
        else:
            answer_well(call)

    with FaultServer(fail_twice) as server, ChatClient(connect(server.url)) as client:
        client.complete(wire.MESSAGES, temperature=0, n=2)
        assert len({request.body for request in server.requests}) == 1
        assert len({request.headers["extra-parameters"] for request in server.requests}) == 1
