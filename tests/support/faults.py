"""The fault table: what can go wrong, what the caller must get, how often the server must be asked.

One row is one way to fail. Rows whose point is a sequence of calls or an object's life (S15, K1-K6, L1-L8, ...)
are tests of their own, named in ``ELSEWHERE``; ``tests/core/test_faults.py`` checks that no id is missing.
"""

from __future__ import annotations

from tests.support.fault import Fault, Mode
from tests.support.faults_before_answers import connection_rows, redirect_rows, refused_rows, status_rows
from tests.support.faults_in_answers import body_rows, embedding_rows, framing_rows, stream_rows

__all__ = ["ELSEWHERE", "EVERY_ID", "FAULTS", "REPEATED_ON_ADAPTERS", "Fault", "Mode", "faults"]


def faults(*ids: str) -> list[Fault]:
    """The rows of these ids."""
    return [fault for fault in FAULTS if fault.id in ids]


FAULTS: tuple[Fault, ...] = (
    *connection_rows(),
    *refused_rows(),
    *status_rows(),
    *redirect_rows(),
    *body_rows(),
    *framing_rows(),
    *stream_rows(),
    *embedding_rows(),
)

REPEATED_ON_ADAPTERS = (
    "C1",
    "C6",
    "C9",
    "S2",
    "S5",
    "S7",
    "S9",
    "S14",
    "R1",
    "B2",
    "B9",
    "T3",
    "T6",
    "T9",
    "L1",
)

EVERY_ID = tuple(
    f"{letter}{number}"
    for letter, last in {"C": 11, "S": 15, "R": 4, "B": 10, "T": 15, "K": 6, "L": 8, "E": 6}.items()
    for number in range(1, last + 1)
)

ELSEWHERE: dict[str, str] = {
    "S15": "tests.core.test_retry:test_an_outage_is_met_with_few_extra_requests",
    "T11": "tests.core.test_streamed:test_a_repeated_chunk_is_passed_on",
    "T12": "tests.core.test_streamed:test_usage_comes_once_and_last",
    "T13": "tests.core.test_streamed:test_interleaved_tool_calls_are_joined_by_index",
    "K1": "tests.core.test_credentials:test_a_token_is_asked_for_once_a_lifetime",
    "K2": "tests.core.test_credentials:test_many_cold_threads_ask_for_one_token",
    "K3": "tests.core.test_credentials:test_a_refused_token_is_replaced_once",
    "K4": "tests.core.test_credentials:test_a_credential_that_fails_is_an_authentication_error",
    "K5": "tests.core.test_credentials:test_a_sync_credential_serves_async_calls",
    "K6": "tests.core.test_credentials:test_a_rotated_key_is_new_in_both_headers",
    "L1": "tests.core.test_lifecycle:test_cancelling_tells_the_server",
    "L2": "tests.core.test_lifecycle:test_leaving_a_stream_early_tells_the_server",
    "L3": "tests.core.test_lifecycle:test_fifty_event_loops_use_one_client",
    "L4": "tests.core.test_lifecycle:test_threads_share_a_client_without_mixing_answers",
    "L5": "tests.core.test_lifecycle:test_a_forked_child_opens_its_own_connections",
    "L6": "tests.core.test_lifecycle:test_a_thousand_calls_leave_nothing_behind",
    "L7": "tests.core.test_lifecycle:test_a_closed_client_opens_again",
    "L8": "tests.core.test_lifecycle:test_the_interpreter_ends_silently",
    "E1": "tests.core.test_embeddings:test_vectors_come_in_the_order_of_the_texts",
    "E4": "tests.core.test_embeddings:test_base64_is_taken_only_when_asked_for",
    "E5": "tests.core.test_embeddings:test_a_failed_batch_is_sent_again_alone",
}
