"""What one native WebSocket follows: sessions and turns, each with a cursor of its own."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import msgspec

from antiphon.engine.cursor import Cursor
from antiphon.engine.deliver import Channel
from antiphon.engine.engine import Engine
from antiphon.engine.follow import SessionFollow
from antiphon.errors import AntiphonError, Conflict, NotFound, RateLimited
from antiphon.model import Chunk, Principal, Turn
from antiphon.transports import views
from antiphon.transports.native import chunk_fields
from antiphon.transports.socket import Socket, text_frame

_encode = msgspec.json.encode
MOST_FOLLOWS = 32
"""What one socket follows at most."""
RETRY_S = 0.5

Id = str | int | None
Key = tuple[str, str]
"""``session_id`` or ``turn_id``, and which: a session may be called what a turn is."""


def answer(kind: str, reference: Id, **fields: Any) -> dict[str, Any]:
    """Return the frame that answers a request; without ``id`` if it had none."""
    named = {} if reference is None else {"id": reference}
    return {"type": kind, **named, **fields}


def session_frames(turn: Turn, first: int, chunks: Sequence[Chunk], others: str) -> bytes:
    """Return chunks as a follower of the session gets them; ``others`` as for SessionReader."""
    tail = b',"session_id":%b,"cursor":"%d.' % (_encode(turn.session_id), turn.number)
    rest = others.encode()
    return b"".join(
        text_frame(b'{%b%b%d%b"}' % (chunk_fields(turn.number, seq, chunk), tail, seq + 1, rest))
        for seq, chunk in enumerate(chunks, first)
    )


def turn_frames(turn: Turn, first: int, chunks: Sequence[Chunk]) -> bytes:
    """Return chunks as a follower of the turn gets them."""
    session, turn_id = _encode(turn.session_id), _encode(turn.id)
    tail = b',"session_id":%b,"turn_id":%b,"cursor":"%d.' % (session, turn_id, turn.number)
    return b"".join(
        text_frame(b'{%b%b%d"}' % (chunk_fields(turn.number, seq, chunk), tail, seq + 1))
        for seq, chunk in enumerate(chunks, first)
    )


class Follower(Protocol):
    """One follow of a socket."""

    @property
    def names(self) -> dict[str, str]:
        """The fields that tell whose its frames are."""
        ...

    @property
    def cursor(self) -> str:
        """Where it is."""
        ...

    def stop(self) -> None:
        """Follow no more."""
        ...


class SessionFollower:
    """Follows all replies of a session. What comes before the follow is complete is sent as one."""

    def __init__(self, follows: "Follows", session_id: str, reference: Id) -> None:
        self._follows = follows
        self._reference = reference
        self.session_id = session_id
        self.key: Key = ("session_id", session_id)
        self.names = {"session_id": session_id}
        self.follow: SessionFollow | None = None
        self.over = False
        self.held: list[bytes] | None = []

    @property
    def cursor(self) -> str:
        """See Follower."""
        return self.follow.cursor if self.follow is not None else ""

    def stop(self) -> None:
        """See Follower."""
        self.over = True
        if self.follow is not None:
            self._follows.unfollow_session(self.session_id, self.follow)

    def begun(self, follow: SessionFollow) -> None:
        """Send what was held; from now on write at once."""
        self.follow = follow
        held, self.held = self.held or [], None
        self._write(b"".join(held))

    def ready(self, cursor: str) -> None:
        """See SessionReader."""
        self._write_json(answer("following", self._reference, **self.names, cursor=cursor))

    def begin(self, turn: Turn) -> None:
        """See SessionReader."""
        self._write_json({"type": "turn", **views.turn(turn)})

    def feed(
        self, turn: Turn, first: int, chunks: Sequence[Chunk], others: str, memo: dict[Any, bytes]
    ) -> bool:
        """See SessionReader."""
        key = (SessionFollower, others)
        data = memo.get(key)
        if data is None:
            data = memo[key] = session_frames(turn, first, chunks, others)
        self._write(data)
        return not self.over and self._follows.socket.outlet.alive

    def after_end(self, turn: Turn, received: int, end: Chunk, others: str) -> None:
        """See SessionReader: natively nothing follows the end."""

    def lost(self, turn: Turn) -> None:  # noqa: ARG002 - whichever turn it was
        """See SessionReader."""
        self._end()

    def gone(self, cursor: str) -> None:  # noqa: ARG002 - it is the follow's own by now
        """See SessionReader."""
        self._end()

    def _end(self) -> None:
        if self.held is None:
            self._follows.lose(self)
        else:
            self.over = True

    def _write_json(self, value: dict[str, Any]) -> None:
        self._write(text_frame(_encode(value)))

    def _write(self, data: bytes) -> None:
        if self.held is not None:
            self.held.append(data)
        elif not self.over:
            self._follows.socket.outlet.write(data)


class TurnFollower:
    """Follows one turn to its end."""

    def __init__(self, follows: "Follows", channel: Channel, received: int) -> None:
        self._follows = follows
        self._channel = channel
        self._received = received
        turn = channel.turn
        self.key: Key = ("turn_id", turn.id)
        self.names = {"session_id": turn.session_id, "turn_id": turn.id}

    @property
    def cursor(self) -> str:
        """See Follower."""
        return f"{self._channel.turn.number}.{self._received}"

    def stop(self) -> None:
        """See Follower."""
        self._channel.detach(self)

    def attach(self) -> None:
        """Introduce the turn and follow it."""
        turn = {"type": "turn", **views.turn(self._channel.turn), "turn_id": self._channel.turn.id}
        self._follows.socket.send_json(turn)
        self._channel.attach(self, self._received)

    def feed(self, turn: Turn, first: int, chunks: Sequence[Chunk], memo: dict[Any, bytes]) -> None:
        """See Reader."""
        data = memo.get(TurnFollower)
        if data is None:
            data = memo[TurnFollower] = turn_frames(turn, first, chunks)
        self._follows.socket.outlet.write(data)
        self._received = first + len(chunks)
        if chunks[-1].kind == "end":
            self._follows.forget(self.key)

    def lost(self, turn: Turn) -> None:  # noqa: ARG002 - it has only one
        """See Reader."""
        self._follows.lose(self)


class Follows:
    """All that one socket follows."""

    def __init__(self, engine: Engine, principal: Principal, socket: Socket) -> None:
        self._engine = engine
        self._principal = principal
        self.socket = socket
        self._known: dict[Key, Follower] = {}
        self._promised = 0
        self._closed = False
        # What was missed is sent for one follow after the other, each when the reader has room for it.
        self._catching_up = asyncio.Lock()

    def __contains__(self, key: Key) -> bool:
        return key in self._known

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Keep a place for one more. Raises RateLimited."""
        if len(self._known) + self._promised >= MOST_FOLLOWS:
            raise RateLimited(
                f"A socket follows at most {MOST_FOLLOWS} sessions and turns. Unfollow one, or open another."
            )
        self._promised += 1
        try:
            yield
        finally:
            self._promised -= 1

    async def session(self, session_id: str, cursor: Cursor | None, reference: Id) -> None:
        """Follow a session. Raises Conflict, RateLimited, NotFound, CursorExpired, Overloaded, Closed."""
        self._check_new(("session_id", session_id))
        with self.place():
            async with self._catching_up:
                await self.socket.outlet.room()
                follower = SessionFollower(self, session_id, reference)
                follow = await self._engine.follow_session(self._principal, session_id, follower, cursor)
                lost = follower.over
                follower.over = self._closed
                follower.begun(follow)
                self._known[follower.key] = follower
                if self._closed:
                    self._known.pop(follower.key).stop()
                elif lost:
                    self.lose(follower)

    async def turn(self, turn: Turn, cursor: Cursor | None, reference: Id) -> None:
        """Follow a turn and say so. Raises as ``session`` does."""
        self._check_new(("turn_id", turn.id))
        with self.place():
            received = cursor.of(turn.number) if cursor else 0
            channel = await self._engine.channel(turn, received or 0)
            channel.check(received or 0)
            names = {"session_id": turn.session_id, "turn_id": turn.id}
            if channel.ended and (received is None or received >= len(channel.chunks)):
                at = f"{turn.number}.{len(channel.chunks)}"
                told = answer("following", reference, **names, cursor=at, ended=True)
                self.socket.send_json(told)
                return
            at = f"{turn.number}.{received or 0}"
            told = answer("following", reference, **names, cursor=at, ended=False)
            await self._attach(channel, received or 0, told)

    async def reply(self, turn: Turn) -> None:
        """Follow a turn that was just begun on this socket, from its first chunk. Raises Closed."""
        if ("turn_id", turn.id) in self._known:
            return
        try:
            await self._attach(await self._engine.channel(turn), 0)
        except AntiphonError:  # the message is stored nevertheless: only following must be tried again
            self._send_back({"session_id": turn.session_id, "turn_id": turn.id}, f"{turn.number}.0")

    def stop(self, key: Key) -> Follower:
        """Follow something no more and return what it was. Raises NotFound."""
        follower = self._known.pop(key, None)
        if follower is None:
            raise NotFound("This socket does not follow that, or no more.")
        follower.stop()
        return follower

    def forget(self, key: Key) -> None:
        """Learn that a turn is over."""
        self._known.pop(key, None)

    def lose(self, follower: SessionFollower | TurnFollower) -> None:
        """Give up a follow that cannot go on here, and tell the reader to come back with its cursor."""
        cursor = follower.cursor
        if self._known.pop(follower.key, None) is not None:
            follower.stop()
            self._send_back(follower.names, cursor)

    def unfollow_session(self, session_id: str, follow: SessionFollow) -> None:
        """End the engine's part of a session's follow."""
        self._engine.unfollow_session(self._principal, session_id, follow)

    def close(self) -> None:
        """Follow nothing any more."""
        self._closed = True
        while self._known:
            self._known.popitem()[1].stop()

    async def _attach(self, channel: Channel, received: int, told: dict[str, Any] | None = None) -> None:
        async with self._catching_up:
            await self.socket.outlet.room()
            if self._closed or ("turn_id", channel.turn.id) in self._known:
                return
            if told is not None:
                self.socket.send_json(told)
            follower = TurnFollower(self, channel, received)
            self._known[follower.key] = follower
            follower.attach()

    def _send_back(self, names: dict[str, str], cursor: str) -> None:
        self.socket.send_json({"type": "resume", **names, "cursor": cursor, "retry_after": RETRY_S})

    def _check_new(self, key: Key) -> None:
        if key in self._known:
            raise Conflict("This socket follows that already. Unfollow it first to begin elsewhere.")
