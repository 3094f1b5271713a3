"""Many requests in flight at once over one subscription.

The client's own ``request`` costs a future, a timer and a random name each, and knows one answer a request;
here all requests of a round share one future, and an answer may have many messages.
"""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from antiphon.connections.nats import STALLED_BYTES, NatsConnection
from antiphon.errors import StoreUnavailable

SILENCE_S = 2.0
"""A round that hears nothing for so long (and at most twice that) is given up."""

NO_RESPONDERS = "503"


class Request(msgspec.Struct, frozen=True, gc=False):
    """A message that is answered; the headers are NATS headers."""

    subject: str
    payload: bytes
    headers: dict[str, str] | None = None


class _Round:
    """Requests sent together, and what is still missing of their answers."""

    __slots__ = ("answers", "done", "heard", "left", "many", "timer")

    def __init__(self, size: int, *, many: bool) -> None:
        self.answers: list[list[Msg]] = [[] for _ in range(size)]
        self.left = size
        self.many = many
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard = True
        self.watch()

    def watch(self) -> None:
        """Give up when nothing has come since the last look."""
        if not self.heard:
            self.give_up()
            return
        self.heard = False
        self.timer = asyncio.get_running_loop().call_later(SILENCE_S, self.watch)

    def give_up(self) -> None:
        """End the wait, whole or not."""
        if not self.done.done():
            self.done.set_result(None)


class Inbox:
    """Sends rounds of requests and collects their answers."""

    def __init__(self, connection: NatsConnection) -> None:
        self._connection = connection
        self._client: Client | None = None
        self._subject = ""
        self._number = 0
        self._waiting: dict[int, tuple[_Round, int]] = {}
        connection.on_loss(self._give_up)

    async def ask(self, requests: Sequence[Request], *, many: bool = False) -> list[list[Msg]]:
        """Send all requests, then return for each the messages that answered it.

        ``many``: an answer goes on until a message with a status. An answer that did not come (whole) before
        the server fell silent, or the connection broke, is an empty list. Raises StoreUnavailable and errors
        of the client if nothing could be sent.
        """
        if not requests:
            return []
        client = await self._connection.client()
        if client is not self._client:
            await self._subscribe(client)
        if client.pending_data_size > STALLED_BYTES:
            raise StoreUnavailable("NATS could not be used (it does not read).", retry_after=1)
        asked = _Round(len(requests), many=many)
        first = self._number + 1
        self._number += len(requests)
        try:
            for number, request in enumerate(requests, start=first):
                self._waiting[number] = (asked, number - first)
                reply = f"{self._subject}.{number}"
                await client.publish(request.subject, request.payload, reply, request.headers)
            await asked.done
        finally:
            asked.timer.cancel()
            if asked.left:
                for number in range(first, first + len(requests)):
                    late = self._waiting.pop(number, None)
                    if late is not None:
                        asked.answers[late[1]] = []
        return asked.answers

    async def _subscribe(self, client: Client) -> None:
        # Noted first: whoever asks meanwhile must not subscribe too, and its question goes out behind this.
        self._client, self._subject = client, client.new_inbox()
        try:
            await client.subscribe(f"{self._subject}.*", cb=self._take)
        except BaseException:
            self._client = None
            raise

    async def _take(self, message: Msg) -> None:
        number = int(message.subject.rpartition(".")[2])
        found = self._waiting.get(number)
        if found is None:
            return
        asked, index = found
        asked.heard = True
        asked.answers[index].append(message)
        if asked.many and status(message) is None:
            return
        del self._waiting[number]
        asked.left -= 1
        if not asked.left:
            asked.give_up()

    def _give_up(self) -> None:
        for asked, _ in tuple(self._waiting.values()):
            asked.give_up()


def status(message: Msg) -> str | None:
    """Return the status that a message from the server itself has."""
    headers: Mapping[str, str] | None = message.headers
    return headers.get("Status") if headers else None
