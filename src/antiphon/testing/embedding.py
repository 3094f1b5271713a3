"""Embeddings to test with: vectors that follow from their text alone.

Model names: ``embed-<dimensions>``, and behind it ``-status<n>``: answer with HTTP status n.
"""

import base64
import re
import struct
import zlib
from typing import Any, NamedTuple

import msgspec

_NAME = re.compile(r"embed-(\d{1,4})(?:-status([45]\d\d))?")


class EmbeddingRequest(msgspec.Struct):
    """What is understood of OpenAI's request."""

    model: str
    input: str | list[str | int | list[int]]
    encoding_format: str = "float"
    dimensions: int | None = None


class Embedder(NamedTuple):
    """What a model's name asks for; status 0 is none."""

    dimensions: int
    status: int


def parse_embedder(model: str) -> Embedder | None:
    """Return what the name asks for, None if it is no embedding model's."""
    found = _NAME.fullmatch(model)
    return Embedder(int(found[1]), int(found[2] or 0)) if found else None


def expected_vector(text: object, dimensions: int) -> list[float]:
    """Return the vector of a text, or of tokens: numbers that 32 bits hold exactly."""
    name = text if isinstance(text, str) else repr(text)
    return [(zlib.crc32(f"{k} {name}".encode()) % 2048 - 1024) / 1024 for k in range(dimensions)]


def embed(request: EmbeddingRequest, embedder: Embedder) -> dict[str, Any]:
    """Return the answer."""
    given = request.input
    # A list of numbers is one text in tokens.
    texts = [given] if isinstance(given, str) or (given and isinstance(given[0], int)) else given
    dimensions = request.dimensions or embedder.dimensions
    data = []
    for index, text in enumerate(texts):
        vector: Any = expected_vector(text, dimensions)
        if request.encoding_format == "base64":
            vector = base64.b64encode(struct.pack(f"<{dimensions}f", *vector)).decode()
        data.append({"object": "embedding", "index": index, "embedding": vector})
    tokens = sum(len(text) if isinstance(text, list) else len(str(text).split()) for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": request.model, "usage": usage}
