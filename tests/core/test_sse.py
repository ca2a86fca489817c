"""The decoder of event streams: any split of the bytes, every line end, bounded and linear."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azure_inference_core._response.sse import Event, SseDecoder
from azure_inference_core.errors import ResponseTooLargeError

LINE_ENDS = (b"\n", b"\r\n", b"\r")
texts = st.text(alphabet=st.characters(exclude_characters="\r\n", exclude_categories=("Cs",)), max_size=12)
data_lines = st.builds(
    lambda text, space: f"data:{' ' if space or text[:1] == ' ' else ''}{text}", texts, st.booleans()
)
other_lines = st.one_of(
    texts.map(lambda text: f": {text}"),
    texts.map(lambda text: f"id: {text}"),
    texts.map(lambda text: f"unknown: {text}"),
    st.just("retry: 10"),
)
blocks = st.lists(st.one_of(data_lines, other_lines), max_size=5)


def decode(data: bytes, cuts: list[int], limit: int = 1 << 20) -> list[Event]:
    """Decode bytes that arrive in pieces."""
    decoder = SseDecoder(limit)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    events: list[Event] = []
    for start, end in itertools.pairwise(edges):
        events += decoder.feed(data[start:end])
    return events + decoder.flush()


def expected(events: list[list[str]]) -> list[bytes]:
    """What the lines of events say, by the definition of the format."""
    datas = [[line[5:].removeprefix(" ") for line in lines if line.startswith("data:")] for lines in events]
    return ["\n".join(data).encode() for data in datas if data]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(blocks, max_size=5), st.sampled_from(LINE_ENDS), st.lists(st.integers(0, 10_000), max_size=12)
)
def test_any_split_of_the_bytes_gives_the_same_events(
    events: list[list[str]], end: bytes, cuts: list[int]
) -> None:
    """Whatever the line end and wherever the network cuts, the events are those that were written."""
    data = b"".join(end.join(line.encode() for line in [*lines, "", ""]) for lines in events)
    assert [data for _, data in decode(data, cuts)] == expected(events)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
def test_any_bytes_decode_alike_in_one_piece_or_many(data: bytes, cuts: list[int]) -> None:
    """Bytes that are no stream at all still decode the same however they arrive."""
    assert decode(data, cuts) == decode(data, [])


@pytest.mark.parametrize("end", LINE_ENDS)
def test_every_cut_of_one_stream(end: bytes) -> None:
    """A stream cut in two at every byte, in a line end and in a character too, gives the same events."""
    data = end.join(
        ["data: naïve 日本".encode(), b": ping", b"event: x", b"data:two", b"", b"data: [DONE]", b"", b""]
    )
    whole = decode(data, [])
    assert [data for _, data in whole] == ["naïve 日本\ntwo".encode(), b"[DONE]"]
    assert all(decode(data, [cut]) == whole for cut in range(len(data)))


def test_an_event_line_names_its_event_only() -> None:
    """The name of an event is given with it and forgotten after it."""
    assert decode(b"event: error\ndata: a\n\ndata: b\n\n", []) == [(b"error", b"a"), (b"", b"b")]


@pytest.mark.parametrize(
    ("data", "event"),
    [
        (b"event: error\n\n", (b"error", b"")),
        (b"event: error\n", (b"error", b"")),
        (b'error: {"code": 500}\n\n', (b"error", b'{"code": 500}')),
        (b'{"error": "oops"}\n\n', (b"", b'{"error": "oops"}')),
    ],
)
def test_what_may_report_a_failure_is_not_dropped(data: bytes, event: Event) -> None:
    """An error without data, a line called an error and an object without a name are events, wherever they are cut."""
    good = b"data: a\n\n"
    for cut in range(len(good + data)):
        assert decode(good + data, [cut]) == [(b"", b"a"), event]


def test_an_event_without_data_is_none() -> None:
    """An event of any other name that has no data does not happen."""
    assert decode(b"event: ping\n\ndata: a\n\n", []) == [(b"", b"a")]


def test_a_byte_order_mark_is_skipped() -> None:
    """A byte order mark before the first line is skipped, cut in pieces too, and before any other."""
    marked = b"\xef\xbb\xbfdata: a\n\n"
    for cut in range(len(marked)):
        assert [data for _, data in decode(marked * 2, [cut, cut + 1, cut + len(marked)])] == [b"a", b"a"]


def test_an_unfinished_event_is_given_out_at_the_end() -> None:
    """What the end of the stream cuts off is handed over for the caller to judge."""
    assert [data for _, data in decode(b"data: a\n\ndata: hal", [])] == [b"a", b"hal"]


@pytest.mark.parametrize("make", [lambda n: b"data: " + b"a" * n, lambda n: b"data: aaaa\n" * (n // 4 + 1)])
def test_an_event_over_the_limit_raises(make: object) -> None:
    """One long line or many short ones: an event over the limit is refused, one under it is not."""
    assert callable(make)
    decoder = SseDecoder(1000)
    decoder.feed(make(900))
    with pytest.raises(ResponseTooLargeError, match=r"1,000 bytes"):
        SseDecoder(1000).feed(make(1100))


def test_a_limit_counts_across_pieces() -> None:
    """A line that grows piece by piece is refused when it passes the limit, not when it ends."""
    decoder = SseDecoder(1000)
    for _ in range(10):
        decoder.feed(b"a" * 100)
    with pytest.raises(ResponseTooLargeError):
        decoder.feed(b"a")


def seconds(size: int) -> float:
    """Processor time to decode one line of this size, in small pieces; the best of five."""
    piece = b"a" * 4096
    best = float("inf")
    for _ in range(5):
        decoder = SseDecoder(64 << 20)
        started = time.process_time()
        for _ in range(size // len(piece)):
            decoder.feed(piece)
        decoder.feed(b"\n\n")
        best = min(best, time.process_time() - started)
    return best


def test_time_grows_with_the_input_and_no_faster() -> None:
    """Twice the line takes about twice the time: quadratic decoding would take four times."""
    seconds(1 << 20)
    assert seconds(16 << 20) <= 3.2 * seconds(8 << 20) + 0.01
