"""What contract C writes: the frames of a reply, and those that answer a frame."""

from collections.abc import Sequence
from typing import Any

import msgspec

from antiphon.errors import AntiphonError
from antiphon.ids import now_ms
from antiphon.model import Chunk, End, Turn, TurnState
from antiphon.transports.views import iso

_encode = msgspec.json.encode
_end = msgspec.json.Decoder(End).decode


class Tally:
    """What a reader has got of one reply: the number of the next ``chunk`` frame, and the text so far."""

    __slots__ = ("_parts", "chunk_id")

    def __init__(self, received: Sequence[Chunk] = ()) -> None:
        self.chunk_id = 0
        self._parts: list[str] = []
        for chunk in received:
            self.count(chunk)

    def count(self, chunk: Chunk) -> None:
        """Note one more chunk of the log."""
        if chunk.kind == "content":
            self.chunk_id += 1
            self._parts.append(chunk.text)
        elif chunk.kind == "reset":
            self.chunk_id = 0
            self._parts.clear()

    @property
    def text(self) -> str:
        """The chunks' text, joined."""
        return "".join(self._parts)


class Frames:
    """The frames of one turn's chunks; a pod that begins in the middle writes the same ones."""

    __slots__ = ("_head", "_tally", "_turn")

    def __init__(self, turn: Turn, received: Sequence[Chunk] = ()) -> None:
        self._turn = turn
        self._tally = Tally(received)
        ids = _encode({"session_id": turn.session_id, "message_id": turn.prompt_id})
        self._head = b'{"type":"chunk",%b,"content":' % ids[1:-1]

    def of(self, first: int, chunks: Sequence[Chunk], others: str) -> list[tuple[str, bytes]]:
        """Return cursor and frame of chunks numbered from ``first``; ``others`` completes the cursors."""
        now = iso(now_ms())
        frames = []
        for received, chunk in enumerate(chunks, first + 1):
            chunk_id = self._tally.chunk_id
            self._tally.count(chunk)
            cursor = f"{self._turn.number}.{received}{others}"
            if chunk.kind == "content":
                tail = b',"chunk_id":%d,"timestamp":"%b","cursor":"%b"}'
                frame = self._head + _encode(chunk.text) + tail % (chunk_id, now.encode(), cursor.encode())
            elif chunk.kind != "seam":
                frame = _encode(self._other(chunk) | {"timestamp": now, "cursor": cursor})
            else:  # nothing changes for the reader
                continue
            frames.append((cursor, frame))
        return frames

    def _other(self, chunk: Chunk) -> dict[str, Any]:
        frame: dict[str, Any] = {
            "type": chunk.kind,
            "session_id": self._turn.session_id,
            "message_id": self._turn.prompt_id,
            "chunk_id": self._tally.chunk_id,
        }
        if chunk.kind == "end":
            return frame | ending(self._turn, _end(chunk.text), self._tally.text)
        if chunk.kind == "reset":
            return frame | {"content": msgspec.json.decode(chunk.text)["reason"]}
        if chunk.kind == "tool":
            return frame | {"tool_calls": msgspec.Raw(chunk.text.encode())}
        return frame | {"content": chunk.text}


def ending(turn: Turn, end: End, text: str) -> dict[str, Any]:
    """Return what tells the end of a reply, in a frame or in an answer."""
    if end.state is TurnState.FAILED and end.error is not None:
        told = {"type": "error", "content": end.error.message, "code": end.error.code}
        wait = end.error.retry_after
        return told if wait is None else told | {"retry_after": wait}
    ended_at = turn.ended_at or now_ms()
    metadata: dict[str, Any] = {
        "tokens_used": end.usage.completion_tokens if end.usage else 0,
        "response_time_ms": max(0, ended_at - turn.created_at),
        "sources": [],
        "sentiment_analysis": None,
        "model": end.model,
        "finish_reason": end.finish_reason,
    }
    if end.tool_calls:
        metadata["tool_calls"] = end.tool_calls
    cached = {"from_cache": True} if end.cached else {}
    return {"type": "complete", "content": text, **cached, "metadata": metadata}


def refusal(session_id: str, error: AntiphonError) -> dict[str, Any]:
    """Return the frame that answers a frame that was not accepted; it belongs to no message."""
    frame: dict[str, Any] = {
        "type": "error",
        "content": error.message,
        "code": error.code,
        "session_id": session_id,
        "message_id": None,
        "chunk_id": None,
        "timestamp": iso(now_ms()),
    }
    return frame if error.retry_after is None else frame | {"retry_after": error.retry_after}
