"""Vectors: their formats and lengths."""

import base64
import struct

import pytest


def vector(client, **options):
    """The first vector of an answer."""
    return client.post("/embeddings", json={"input": ["x y", "z"], **options}).json()["data"][0]["embedding"]


def test_encodings(client):
    """Each format holds the same vector."""
    plain = vector(client)
    raw = base64.b64decode(vector(client, encoding_format="base64"))
    assert list(struct.unpack("<16f", raw)) == pytest.approx(plain)
    largest = max(map(abs, plain))
    int8 = vector(client, encoding_format="int8")
    assert int8 == [round(n / largest * 127) for n in plain]
    assert vector(client, encoding_format="uint8") == [n + 128 for n in int8]
    bits = "".join("1" if n > 0 else "0" for n in plain)
    assert vector(client, encoding_format="ubinary") == [int(bits[:8], 2), int(bits[8:], 2)]
    assert vector(client, encoding_format="binary") == [int(bits[:8], 2) - 128, int(bits[8:], 2) - 128]


def test_dimensions(client):
    """`dimensions` shortens the vectors, which stay of length one."""
    short = vector(client, dimensions=4)
    assert len(short) == 4
    assert sum(n * n for n in short) == pytest.approx(1)


def test_a_familys_length_keeps_the_angles(client):
    """A family with longer vectors than the engine's has the same similarities."""

    def similarity(path):
        one, two = (d["embedding"] for d in client.post(path, json={"input": ["x", "y"]}).json()["data"])
        return len(one), sum(a * b for a, b in zip(one, two, strict=True))

    length, angle = similarity("/cohere-embed-v3/embeddings")
    assert length == 1024
    assert angle == pytest.approx(similarity("/embeddings")[1], abs=1e-5)
