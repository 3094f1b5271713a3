"""A JetStream stream as the log needs it: made when missing, written and read in rounds."""

import datetime as dt
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec
import structlog
from nats.aio.msg import Msg

from antiphon.connections.nats import NatsConnection
from antiphon.connections.nats_inbox import NO_RESPONDERS, Inbox, Request, status
from antiphon.errors import StoreUnavailable

OLDEST_SERVER = (2, 11)
"""The first that reads many messages of a subject at once, and keeps single messages for a time."""
# What 32 answers of so many bytes hold is far below the 64 MiB for which a server cuts a slow reader off.
WINDOW, READ_BYTES, READ_MESSAGES = 32, 512 << 10, 1_000
# An expected number did not hold; the second: another message for the subject is just being stored.
WRONG_LAST_SEQUENCE = frozenset({10071, 10164})
STREAM_NOT_FOUND, NAME_IN_USE = 10059, 10058
REFUSED = 0

logger = structlog.get_logger(__name__)


class _Error(msgspec.Struct):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Answer(msgspec.Struct):
    """What the API answers: an error, or fields of interest."""

    error: _Error | None = None
    seq: int = 0
    created: dt.datetime | None = None


class Post(msgspec.Struct, frozen=True, gc=False):
    """A message to be stored if its subject's last one has the number ``expected`` (None: in any case)."""

    subject: str
    payload: bytes
    expected: int | None
    headers: dict[str, str] = {}


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Answer).decode


class Stream:
    """One stream; ``config`` is what JetStream's API takes, without the name."""

    def __init__(self, connection: NatsConnection, inbox: Inbox, name: str, config: dict[str, Any]) -> None:
        self.name = name
        self._connection = connection
        self._inbox = inbox
        self._config = {**config, "name": name}
        self._made = False

    def subject(self, name: str) -> str:
        """Return the subject of that name in this stream."""
        return f"{self.name}.{name}"

    async def created(self) -> int:
        """Return when the stream came into being (Unix ms), making it if it is not there."""
        answer = await self._api(f"STREAM.INFO.{self.name}")
        if answer.error is not None and answer.error.err_code == STREAM_NOT_FOUND:
            answer = await self._create()
        if answer.error is not None or answer.created is None:
            raise _failed(answer.error)
        self._made = True
        return int(answer.created.timestamp() * 1000)

    async def post(self, posts: Sequence[Post]) -> "list[int | StoreUnavailable]":
        """Store messages; return each one's sequence number, REFUSED, or why that is not known.

        A subject is in a round once: the number of the message before is not known earlier.
        """
        await self._make()
        requests = [
            Request(
                post.subject,
                post.payload,
                post.headers
                if post.expected is None
                else {"Nats-Expected-Last-Subject-Sequence": str(post.expected), **post.headers},
            )
            for post in posts
        ]
        told = [self._stored(answer) for answer in await self._inbox.ask(requests)]
        if not self._made:
            # It has vanished: what was to be stored is refused, so that all is read anew from the new one.
            await self._make()
        return told

    async def fetch(self, places: Sequence[tuple[str, int]]) -> list[list[tuple[int, bytes]]]:
        """Return the messages of each subject from a sequence number on, with their own numbers."""
        await self._make()
        found: list[list[tuple[int, bytes]]] = [[] for _ in places]
        todo = deque((index, subject, start) for index, (subject, start) in enumerate(places))
        while todo:
            batch = [todo.popleft() for _ in range(min(WINDOW, len(todo)))]
            # From 0 on: from the first message on, wherever that is.
            queries = [{"next_by_subj": subject, "seq": start} for _, subject, start in batch]
            answers = await self._get(queries)
            for (index, subject, _), (messages, more) in zip(batch, answers, strict=True):
                found[index] += messages
                if more and messages:
                    todo.append((index, subject, messages[-1][0] + 1))
        return found

    async def oldest(self) -> list[tuple[int, bytes]]:
        """Return the oldest messages of the stream, as many as one answer holds."""
        await self._make()
        ((messages, _),) = await self._get([{"seq": 1}])
        return messages

    async def drop_through(self, sequence: int) -> None:
        """Drop all messages up to that sequence number."""
        answer = await self._api(f"STREAM.PURGE.{self.name}", {"seq": sequence + 1})
        if answer.error is not None:
            raise _failed(answer.error)

    async def _make(self) -> None:
        if not self._made:
            await self.created()

    async def _create(self) -> _Answer:
        version = (await self._connection.client()).connected_server_version
        if (version.major, version.minor) < OLDEST_SERVER:
            raise StoreUnavailable(
                f"NATS could not be used (it is {version.major}.{version.minor}; 2.11 or newer is needed)."
            )
        # Numbers begin at the microseconds of now, and so do not come again in a stream that takes the place
        # of a lost one: a writer that names a number of the old one must not hit a message of the new.
        config = {**self._config, "first_seq": time.time_ns() // 1_000}
        answer = await self._api(f"STREAM.CREATE.{self.name}", config)
        if answer.error is not None and answer.error.err_code == NAME_IN_USE:
            # Another process was faster, and its settings differ from ours: its own stand.
            answer = await self._api(f"STREAM.INFO.{self.name}")
        elif answer.error is None:
            logger.info("nats_stream_made", stream=self.name)
        return answer

    async def _api(self, call: str, body: dict[str, Any] | None = None) -> _Answer:
        (messages,) = await self._inbox.ask([Request(f"$JS.API.{call}", _encode(body) if body else b"")])
        if not messages:
            raise _silent()
        if status(messages[0]) == NO_RESPONDERS:
            raise StoreUnavailable("NATS could not be used (JetStream is not switched on).", retry_after=1)
        return _decode(messages[0].data)

    async def _get(self, queries: Sequence[dict[str, Any]]) -> list[tuple[list[tuple[int, bytes]], bool]]:
        """Return for each query what it found, and whether there is more."""
        subject = f"$JS.API.DIRECT.GET.{self.name}"
        bounds = {"batch": READ_MESSAGES, "max_bytes": READ_BYTES}
        answers = await self._inbox.ask(
            [Request(subject, _encode({**query, **bounds})) for query in queries], many=True
        )
        return [self._found(answer) for answer in answers]

    def _found(self, answer: list[Msg]) -> tuple[list[tuple[int, bytes]], bool]:
        if not answer:
            raise _silent()
        *messages, end = answer
        told = status(end)
        if told == NO_RESPONDERS:
            self._made = False
        elif told not in ("204", "404"):
            raise StoreUnavailable(f"NATS could not be used (a read ended with {told}).", retry_after=1)
        more = told == "204" and int((end.headers or {}).get("Nats-Num-Pending", "0")) > 0
        return [(int((m.headers or {})["Nats-Sequence"]), m.data) for m in messages], more

    def _stored(self, answer: list[Msg]) -> "int | StoreUnavailable":
        if not answer:
            return _silent()
        if status(answer[0]) == NO_RESPONDERS:
            self._made = False
            return REFUSED
        ack = _decode(answer[0].data)
        if ack.error is None:
            return ack.seq
        return REFUSED if ack.error.err_code in WRONG_LAST_SEQUENCE else _failed(ack.error)


def _silent() -> StoreUnavailable:
    return StoreUnavailable("NATS could not be used (it did not answer).", retry_after=1)


def _failed(error: _Error | None) -> StoreUnavailable:
    words = error.description if error is not None and error.description else "an answer without meaning"
    return StoreUnavailable(f"NATS could not be used ({words}).", retry_after=1)
