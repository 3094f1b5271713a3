"""Those who follow sessions: they hear of new turns and of the end of the session, wherever that happened."""

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Coroutine, Sequence

import msgspec

from antiphon.engine.bounds import Bounds
from antiphon.engine.cursor import Cursor
from antiphon.engine.deliver import Hub
from antiphon.engine.follow import SessionFollow, SessionReader
from antiphon.engine.ports import Ports
from antiphon.errors import AntiphonError, CursorExpired, NotFound
from antiphon.ids import now_ms
from antiphon.model import Principal, Session, Turn

_encode = msgspec.json.encode
# What is told on a session's topic: a new turn, or when the session was created that has been deleted.
_decode = msgspec.json.Decoder(Turn | int).decode
Key = tuple[str, str]


class _Followers:
    """The followers of one session in this process."""

    def __init__(self, principal: Principal, session_id: str) -> None:
        self.principal = principal
        self.session_id = session_id
        self.follows: set[SessionFollow] = set()
        self.unsubscribe: Callable[[], None] = lambda: None


class SessionFollows:
    """All follows of sessions in this process."""

    def __init__(self, ports: Ports, hub: Hub, bounds: Bounds) -> None:
        self._store = ports.store
        self._bus = ports.bus
        self._hub = hub
        self._bounds = bounds
        self._sessions: dict[Key, _Followers] = {}
        self._background: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._sessions)

    async def follow(
        self, principal: Principal, session_id: str, reader: SessionReader, cursor: Cursor | None
    ) -> SessionFollow:
        """See Engine.follow_session."""
        follow = SessionFollow(self._hub, reader, cursor, self._delivered)
        # First be told of new turns, then look which there are: none can fall between.
        self._enter(principal, session_id).follows.add(follow)
        try:
            session = await self._find(principal, session_id)
            follow.created_at = session.created_at if session else None
            owed, next_number = await self._owed(principal, session_id, session, cursor)
            await follow.begin(owed, next_number)
        except BaseException:
            self.unfollow(principal, session_id, follow)
            raise
        return follow

    def unfollow(self, principal: Principal, session_id: str, follow: SessionFollow) -> None:
        """End a follow."""
        follow.close()
        known = self._sessions.get((principal.id, session_id))
        if known is not None:
            known.follows.discard(follow)
            if not known.follows:
                known.unsubscribe()
                del self._sessions[principal.id, session_id]

    def announce(self, principal: Principal, turn: Turn) -> None:
        """Tell all followers of the session, in every pod, about a new turn."""
        told = msgspec.structs.replace(turn, params={})
        self._bus.publish(_topic(principal.id, turn.session_id), _encode(told).decode())

    def announce_deleted(self, session: Session) -> None:
        """Tell all followers of the session, in every pod, that it is no more."""
        key, text = (session.owner, session.id), str(session.created_at)
        # Here at once: else its turns that are lost now would have followers come back with their old cursor.
        self._heard(key, text)
        self._bus.publish(_topic(*key), text)

    async def look(self) -> None:
        """Find what nobody told of: new turns of followed sessions, and sessions that are no more."""
        sessions = tuple(self._sessions.values())
        if not sessions:
            return
        # As of now: what is read of the store may be older than what is heard meanwhile.
        newest = [[(follow, follow.newest) for follow in known.follows] for known in sessions]
        standings = await self._store.standings([known.session_id for known in sessions])
        for known, follows in zip(sessions, newest, strict=True):
            standing = standings.get(known.session_id)
            for follow, number in follows:
                if number is not None:
                    follow.look(number, standing)
            seen = _seen(known)
            if seen is not None and standing is not None and standing.turn_count > seen:
                await self._add_missed(known, seen)

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._background, return_exceptions=True)

    def _enter(self, principal: Principal, session_id: str) -> _Followers:
        key = principal.id, session_id
        known = self._sessions.get(key)
        if known is None:
            known = self._sessions[key] = _Followers(principal, session_id)
            known.unsubscribe = self._bus.subscribe(_topic(*key), lambda text: self._heard(key, text))
        return known

    def _heard(self, key: Key, text: str) -> None:
        known = self._sessions.get(key)
        if known is None:
            return
        turn = _decode(text)
        if isinstance(turn, int):
            for follow in tuple(known.follows):
                follow.deleted(turn)
            return
        seen = _seen(known)
        if seen is not None and turn.number > seen + 1:
            # Word of a turn before it, submitted at another pod, is late or lost. Taken up first, this one
            # would have cursors say that the other was received whole.
            self._spawn(self._add_missed(known, seen))
        else:
            self._spawn(self._add(tuple(known.follows), turn))

    async def _add_missed(self, known: _Followers, seen: int) -> None:
        # Looked for again later. One that became another's must not keep the others from being looked for.
        with contextlib.suppress(AntiphonError):
            await self._add_after(known, seen)

    async def _add_after(self, known: _Followers, seen: int) -> None:
        """Have the session's followers take up the turns above a number, in order."""
        most = self._bounds.turns_resumed
        for turn in await self._store.turns(known.principal, known.session_id, seen, most):
            await self._add(tuple(known.follows), turn)

    async def _add(self, follows: Sequence[SessionFollow], turn: Turn) -> None:
        for follow in follows:
            try:
                await follow.add(turn)
            except AntiphonError:
                follow.lost(turn)

    async def _find(self, principal: Principal, session_id: str) -> Session | None:
        """Return the session; None also for another's, which is refused when its turns are read."""
        try:
            return await self._store.session(principal, session_id)
        except NotFound:
            return None

    async def _owed(
        self, principal: Principal, session_id: str, session: Session | None, cursor: Cursor | None
    ) -> tuple[Sequence[Turn], int]:
        """Return the turns a follower has to be given and the number after the session's newest turn.

        That number was read first: a turn submitted in between is then given twice rather than never.
        """
        newest = session.turn_count if session else 0
        if cursor is None:
            ended_after = now_ms() - int(self._bounds.retention * 1000)
            owed = await self._store.undelivered(principal, session_id, ended_after)
        else:
            most = self._bounds.turns_resumed
            owed = await self._store.turns(principal, session_id, min(cursor.received) - 1, most + 1)
            if len(owed) > most:
                raise CursorExpired(f"More than {most} replies came since. Read the session's messages.")
        if cursor is not None and not _fits(cursor, newest, owed):
            raise CursorExpired(
                "This cursor is of another session, or of a deleted reply. Begin again without a cursor."
            )
        return owed, newest + 1

    def _delivered(self, turn: Turn) -> None:
        self._spawn(self._mark_delivered(turn))

    async def _mark_delivered(self, turn: Turn) -> None:
        # Without the mark a follower that comes without a cursor gets the reply once more, not never.
        with contextlib.suppress(AntiphonError):
            await self._store.mark_delivered([turn.id])

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _fits(cursor: Cursor, newest: int, owed: Sequence[Turn]) -> bool:
    """Whether all that the cursor has parts of is there; a turn to come has none yet."""
    there = {turn.number for turn in owed}
    return cursor.newest <= newest + 1 and all(
        number in there or not count for number, count in cursor.received.items()
    )


def _seen(known: _Followers) -> int | None:
    """Return the newest turn that all followers know of; None while none has begun."""
    here = [follow for follow in known.follows if not follow.closed]
    return min((follow.newest for follow in here if follow.newest is not None), default=None)


def _topic(owner: str, session_id: str) -> str:
    """Return the session's topic. It is a digest: ids hold what topics cannot."""
    return f"session.{hashlib.sha256(f'{owner} {session_id}'.encode()).hexdigest()[:32]}"
