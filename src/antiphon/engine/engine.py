"""What transports and dialects see of it all."""

import asyncio
from typing import Any

import structlog

from antiphon.engine.archive import Archive
from antiphon.engine.bounds import Bounds
from antiphon.engine.catalogue import Catalogue
from antiphon.engine.committer import Committer
from antiphon.engine.connections import Connections
from antiphon.engine.contexts import Contexts
from antiphon.engine.cursor import Cursor
from antiphon.engine.deliver import Channel, Hub
from antiphon.engine.embedding import Embedding
from antiphon.engine.figures import Figures
from antiphon.engine.follow import SessionFollow, SessionReader
from antiphon.engine.generate import Generator
from antiphon.engine.passing import Passing
from antiphon.engine.places import Places
from antiphon.engine.pod import Keeper, new_pod_id
from antiphon.engine.ports import Ports
from antiphon.engine.rates import Rates
from antiphon.engine.relay import Relay
from antiphon.engine.reply_cache import ReplyCache
from antiphon.engine.sessions import SessionFollows
from antiphon.engine.submit import Ask, Submitter, check_json
from antiphon.engine.whole import Whole, whole
from antiphon.engine.worker import Worker
from antiphon.errors import NotFound
from antiphon.ids import now_ms
from antiphon.model import Principal, Session, Turn
from antiphon.stores.port import Submitted

logger = structlog.get_logger(__name__)
DRAIN_S = 10.0
# So long a leaving pod waits for replies that nobody else can go on with.
PASSING_DRAIN_S = 5.0


class Engine:
    """Submit, follow, stop; start and leave. Everything that is stored is reached through ``store``.

    With ``works`` this pod runs replies; without, it leaves them to others.
    """

    def __init__(
        self,
        ports: Ports,
        catalogue: Catalogue,
        bounds: Bounds,
        *,
        pod: str | None = None,
        works: bool = True,
    ) -> None:
        store, log, bus = ports.store, ports.log, ports.bus
        self.pod = pod or new_pod_id()
        self.store = store
        self.catalogue = catalogue
        self.bounds = bounds
        # Whether the pod is about to leave: it still serves, but should be sent nothing more.
        self.leaving = False
        self._drained = False
        self._log = log
        self._bus = bus
        self.hub = Hub(store, log)
        self._relay = Relay(self.pod, bus, self.hub)
        self._sessions = SessionFollows(ports, self.hub, bounds)
        self._committer = Committer(log, store.owns, longest_tick=bounds.tick, gives_up=bounds.log_gives_up)
        self.replies = ReplyCache(ports.cache, bounds.reply_cache_seconds)
        self.contexts = Contexts(store, ports.cache, bounds.context_cache_seconds)
        self.figures = Figures()
        self.places = Places(store)
        generator = Generator(store, catalogue, self.replies, bounds)
        self.worker = Worker(
            self.pod,
            ports,
            self.hub,
            self._committer,
            generator,
            bounds=bounds,
            works=works,
            taken=self._relay.taken,
            figures=self.figures,
        )
        self.rates = Rates(ports.limiter)
        self.passing = Passing(catalogue, generator, self.rates, self.figures, bounds)
        self.embedding = Embedding(catalogue, self.rates)
        self.archive = Archive(store, catalogue, self.rates, bounds)
        announce = self._sessions.announce
        self._submitter = Submitter(
            ports, self.worker, catalogue, self.rates, self.contexts, bounds, announce=announce
        )
        self.connections = Connections(self.pod, ports.presence)
        self._keeper = self._make_keeper(ports)
        self._tasks: list[asyncio.Task[None]] = []

    def _make_keeper(self, ports: Ports) -> Keeper:
        return Keeper(
            self.pod,
            ports,
            self.worker,
            self.bounds,
            refresh=self.hub.refresh,
            look_for_turns=self._sessions.look,
            keep_connections=self.connections.keep,
            write_places=self.places.write,
        )

    @property
    def sound(self) -> bool:
        """Whether all that must run in the background runs."""
        return not any(task.done() for task in self._tasks)

    @property
    def pieces(self) -> int:
        """How many pieces of replies came here so far, see Desk; those of replies under way too."""
        return self._committer.pieces + self.passing.pieces

    @property
    def followed_sessions(self) -> int:
        """How many sessions are followed here."""
        return len(self._sessions)

    async def start(self, *, alone: bool) -> None:
        """Register the pod, take over what is orphaned and begin to serve; ``alone`` as for Keeper.begin."""
        await self._keeper.begin(alone=alone)
        await self.archive.sweep(alone=alone)
        self._tasks = [
            asyncio.create_task(self._committer.run(), name="committer"),
            asyncio.create_task(self.worker.run(), name="worker"),
            asyncio.create_task(self._keeper.run(), name="keeper"),
            asyncio.create_task(self.passing.run(), name="deliverer"),
        ]

    async def drain(self) -> None:
        """Hand running turns over. Followers are sent away to come back elsewhere.

        What is sent on connections that are still open is stored, for other pods to answer.
        """
        if self._drained:
            return
        self._drained = self.leaving = True
        await self.passing.drain(PASSING_DRAIN_S)
        committer, worker, keeper, _ = self._tasks
        keeper.cancel()
        try:
            async with asyncio.timeout(DRAIN_S):
                await self.worker.drain()
                await worker
                await self.worker.drain()  # what was being claimed meanwhile
                self._committer.close()
                await committer
                await self._keeper.leave()
                await self.places.write()
        except Exception as error:
            # The lease ends by itself: others take over then, only later.
            logger.exception("drain_failed", error=type(error).__name__)
            committer.cancel()
        await asyncio.gather(
            *self._tasks, self._sessions.close(), self.connections.close(), return_exceptions=True
        )
        self._relay.close()

    async def close(self) -> None:
        """Drain and release everything."""
        await self.drain()
        self._submitter.accepting = False
        for provider in self.catalogue.providers.values():
            await provider.close()
        await self._log.close()
        await self._bus.close()
        await self.store.close()

    async def submit(self, principal: Principal, ask: Ask) -> Submitted:
        """See Submitter."""
        return await self._submitter.submit(principal, ask)

    async def stop(self, principal: Principal, turn_id: str) -> Turn:
        """Ask for the turn to end; it ends with state ``stopped`` shortly after. Raises NotFound."""
        turn = await self.store.request_stop(principal, turn_id)
        if not turn.state.ended:
            self._bus.publish("stop", turn_id)
        return turn

    async def update_session(
        self,
        principal: Principal,
        session_id: str,
        title: str | None,
        context: dict[str, Any] | None,
        *,
        archived: bool | None = None,
    ) -> Session:
        """Change what is not None. Raises NotFound, Invalid, TooLarge."""
        self.check_context(context)
        changed = await self.store.update_session(principal, session_id, title, context, archived=archived)
        await self.contexts.keep(principal, session_id, changed.context)
        return changed

    def check_context(self, context: dict[str, Any] | None) -> None:
        """Raise Invalid or TooLarge for a context that is over its bounds."""
        check_json("context", context or {}, self.bounds.metadata_bytes)

    async def delete_session(self, principal: Principal, session_id: str) -> None:
        """Stop what runs in the session, delete it and send its followers away. Raises NotFound."""
        running = await self.store.undelivered(principal, session_id, now_ms())
        for turn in running:
            await self.stop(principal, turn.id)
        deleted = await self.store.delete_session(principal, session_id)
        self._sessions.announce_deleted(deleted)
        await self.contexts.forget(principal, session_id)
        for turn in running:
            self.hub.lose_unfed(turn.id)

    async def whole(self, turn: Turn) -> Whole:
        """Wait for the end of a turn and return its reply. Raises NotFound if it is deleted before."""
        again = False

        async def opened(received: int) -> Channel:
            nonlocal again
            if again and await self.store.ended([turn.id]) and await self.store.transcript(turn.id) is None:
                raise NotFound("The reply was deleted before it came to its end.")
            again = True
            return await self.channel(turn, received)

        return await whole(opened)

    async def channel(self, turn: Turn, received: int = 0) -> Channel:
        """Return what to attach to in order to follow the turn after so many chunks."""
        return await self.hub.channel(turn, received)

    async def follow_session(
        self, principal: Principal, session_id: str, reader: SessionReader, cursor: Cursor | None
    ) -> SessionFollow:
        """Feed the reader the session's replies: from the cursor, or what it is owed without one.

        Without a cursor these are running replies from their first chunk and those that ended within the
        retention and that no follower of the session has received. Raises NotFound for another
        principal's session; one that does not exist yet may be followed.
        """
        return await self._sessions.follow(principal, session_id, reader, cursor)

    def unfollow_session(self, principal: Principal, session_id: str, follow: SessionFollow) -> None:
        """End a follow."""
        self._sessions.unfollow(principal, session_id, follow)
