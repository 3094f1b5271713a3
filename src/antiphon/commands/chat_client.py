"""A client of the native API that brings a reply home whole, whatever happens to the connection."""

import asyncio
import os
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec

from antiphon.commands.chat_reply import ChatError, End, Event, Problem, Refused, Reply, Unreachable
from antiphon.errors import ProviderGarbled
from antiphon.providers.sse import SSEParser

PATIENCE_S = 60.0
"""How long a server that went away is waited for."""
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 3.0
SILENCE_S = 40.0
"""A stream silent for longer is dead: heartbeats are at most 15 s apart."""
STEADY_S = 5.0
"""A connection that held for longer ends the waiting even if nothing was said on it."""
CONNECT_S = 10.0
ANSWER_S = 30.0
MAX_PROBLEM = 1 << 16
MAX_ANSWER = 16 << 20

_OK = 200
_NO_CONTENT = 204
_REDIRECT = 300
_ERROR = 400
_GONE = 410
_PASSING = frozenset({502, 503, 504})
_PASSING_ONCE_SENT = _PASSING | {429, 500}
_BROKEN = (aiohttp.ClientError, OSError, TimeoutError)
_NO_CONNECTION = (aiohttp.ClientConnectorError, aiohttp.ClientSSLError, aiohttp.ConnectionTimeoutError)

T = TypeVar("T")
Say = Callable[[str], None]
Show = Callable[[Event], None]


class Patience:
    """Waits between attempts, longer each time; gives up after ``PATIENCE_S`` without success."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._since: float | None = None
        self._attempts = 0

    async def pause(self, error: ChatError) -> None:
        """Wait before the next attempt. Raises the error when it is time to give up."""
        now = asyncio.get_running_loop().time()
        if self._since is None:
            self._since = now
        pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0**self._attempts)
        pause *= random.uniform(0.75, 1.25)  # noqa: S311 - not all clients of a server come back at once
        pause = max(pause, getattr(error, "retry_after", None) or 0.0)
        if now + pause - self._since > PATIENCE_S:
            raise error
        self._attempts += 1
        if self._attempts == 2:  # noqa: PLR2004 - a break that is mended at once is not worth a word
            self._say(f"{error}; waiting for the server …")
        await asyncio.sleep(pause)

    def over(self) -> None:
        """Note success."""
        if self._attempts > 1:
            self._say("… the server is back")
        self._since = None
        self._attempts = 0


class Client:
    """Talks to one server as one user.

    Args:
        url: the server's address, without a slash at the end.
        user: who asks.
        say: told in a line of text that a server is waited for.
    """

    def __init__(self, url: str, user: str, say: Say) -> None:
        self.url = url
        self._say = say
        # A header carries ASCII only; the query carries every name.
        self._headers = {"X-User-ID": user} if user.isascii() else {}
        self._params = {} if user.isascii() else {"user_id": user}
        self._http: aiohttp.ClientSession | None = None
        self._met = False

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.close()

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return the JSON answer to one request. Raises Refused, Unreachable."""
        allowed = aiohttp.ClientTimeout(total=ANSWER_S, sock_connect=CONNECT_S)
        async with self._response(method, path, allowed, json=body) as response:
            try:
                return msgspec.json.decode(await _read(response, MAX_ANSWER))
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise Refused(f"{self.url} does not answer as Antiphon does: is it one?") from None

    async def persist(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Repeat an attempt while the server is away. Raises Refused, Unreachable."""
        patience = Patience(self._say)
        while True:
            try:
                result = await attempt()
            except Refused as error:
                if error.status not in _PASSING:
                    raise
                await patience.pause(error)
            except Unreachable as error:
                if error.at_once:
                    raise
                await patience.pause(error)
            else:
                patience.over()
                return result

    async def stop(self, reply: Reply) -> None:
        """Stop a reply, as soon as the server has told which turn it is."""
        await reply.known.wait()
        await self.persist(lambda: self.ask("POST", f"/api/turns/{part(reply.turn_id)}/cancel"))

    async def follow(self, reply: Reply, show: Show) -> None:
        """Send the message, if that has not been done, and show every chunk of the reply exactly once.

        Raises:
            Refused: the server will not answer this.
            Unreachable: the server stayed away for longer than ``PATIENCE_S``.
        """
        patience = Patience(self._say)
        clock = asyncio.get_running_loop().time
        while reply.end is None:
            begun = clock()
            problem: ChatError = Unreachable("the connection was lost")
            try:
                await self._follow_once(reply, show, patience)
            except Refused as error:
                self._recover(reply, error, show)
                problem = error
            except Unreachable as error:
                if error.at_once:
                    raise
                problem = error
            if reply.end is None:
                if clock() - begun > STEADY_S:
                    patience.over()
                await patience.pause(problem)

    def _recover(self, reply: Reply, error: Refused, show: Show) -> None:
        """Prepare to go on after a refusal; raise it if it is final."""
        if error.status == _GONE and reply.received:
            reply.begin_again()
            show(Event("reset", data={"reason": "what was there of it is lost"}))
        elif error.status not in (_PASSING_ONCE_SENT if reply.turn_id or reply.sends > 1 else _PASSING):
            raise error

    async def _follow_once(self, reply: Reply, show: Show, patience: Patience) -> None:
        """Show what comes on one connection, until the reply's end or until the server says to come back."""
        allowed = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S)
        if reply.turn_id is None:
            reply.sends += 1
            opened = self._response(
                "POST", f"/api/sessions/{part(reply.session)}/messages", allowed, json=reply.body
            )
        else:
            cursor = {"cursor": reply.cursor} if reply.cursor else {}
            opened = self._response("GET", f"/api/turns/{part(reply.turn_id)}/events", allowed, **cursor)
        async with opened as response:
            if response.status == _NO_CONTENT:
                turn = await self.ask("GET", f"/api/turns/{part(reply.turn_id)}")
                reply.end = End(str(turn["state"]))
                return
            if response.content_type != "text/event-stream":
                raise Refused(f"{self.url} does not answer as Antiphon does: is it one?")
            async with aclosing(_events(response)) as events:
                async for event in events:
                    if reply.take(event):
                        patience.over()
                        show(event)
                    if event.type == "resume" or reply.end is not None:
                        return

    @asynccontextmanager
    async def _response(
        self, method: str, path: str, allowed: aiohttp.ClientTimeout, *, json: Any = None, **query: str
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open a response that is no error; what breaks while it is read raises Unreachable as well."""
        if self._http is None:
            # Each request has its own connection: an idle one may be dead, and no loop runs at the prompt.
            connector = aiohttp.TCPConnector(force_close=True)
            self._http = aiohttp.ClientSession(connector=connector, headers=self._headers)
        headers = {"Accept": "text/event-stream, application/json"}
        try:
            async with self._http.request(
                method,
                self.url + path,
                params=self._params | query,
                json=json,
                headers=headers,
                timeout=allowed,
                allow_redirects=False,
            ) as response:
                self._met = True
                if response.status >= _REDIRECT:
                    raise await _refusal(response)
                yield response
        except (aiohttp.ClientResponseError, aiohttp.InvalidURL) as error:
            if isinstance(error, aiohttp.ServerDisconnectedError):
                raise Unreachable("the connection was lost") from None
            raise Refused(f"{self.url} does not speak HTTP ({type(error).__name__})") from None
        except _BROKEN as error:
            raise self._unreachable(error) from None

    def _unreachable(self, error: BaseException) -> Unreachable:
        at_once = not self._met and isinstance(error, _NO_CONNECTION)
        if isinstance(error, _NO_CONNECTION):
            number, said = getattr(error, "errno", None), getattr(error, "strerror", None)
            reason = os.strerror(number) if number and number > 0 else said or type(error).__name__
            return Unreachable(f"{self.url} cannot be reached ({reason})", at_once=at_once)
        return Unreachable("the connection was lost")


async def _events(response: aiohttp.ClientResponse) -> AsyncGenerator[Event, None]:
    """Read events. A cursor needs no ``id`` here: on a turn's stream it is the number and the seq."""
    parser = SSEParser()
    try:
        async for data in response.content.iter_any():
            for payload in parser.feed(data):
                yield msgspec.json.decode(payload, type=Event)
    except (msgspec.DecodeError, UnicodeDecodeError, ProviderGarbled):
        raise Refused("the server sent an event that cannot be read") from None


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > most:
            break
    return bytes(body[:most])


async def _refusal(response: aiohttp.ClientResponse) -> Refused:
    """Read an error answer, the server's own or that of something in front of it."""
    if response.status < _ERROR:
        return Refused(f"the server has moved to {response.headers.get('Location', 'another address')}")
    try:
        problem = msgspec.json.decode(await _read(response, MAX_PROBLEM), type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = Problem()
    after = problem.retry_after
    header = response.headers.get("Retry-After", "")
    if after is None and header.isdigit():
        after = float(header)
    text = problem.detail or f"the server answered {response.status} {response.reason or ''}".rstrip()
    notes = [problem.code] if problem.code else []
    if after is not None:
        notes.append(f"retry after {after:g} s")
    return Refused(
        f"{text} ({', '.join(notes)})" if notes else text, status=response.status, retry_after=after
    )


def part(value: str | None) -> str:
    """Return a value as one part of a path."""
    return quote(value or "", safe="")
