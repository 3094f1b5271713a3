"""Those who use the fleet: they write through any pod, and read through another one every few chunks."""

import asyncio
import dataclasses
import time
from contextlib import aclosing

import aiohttp

from antiphon.testing.model_server import expected_text
from chaos.accounts import Account, Report
from chaos.wires import WAYS, Gone, listen
from serving import Event

HANGS_S = 120.0
"""A reply that has not ended by then is lost."""
BROKEN = (aiohttp.ClientError, ConnectionError, TimeoutError)


@dataclasses.dataclass
class Patience:
    """How long a reader hears nothing before it tries another pod, and after how many chunks it moves."""

    silence_s: float = 3.0
    chunks: int = 20

    def timeout(self):
        return aiohttp.ClientTimeout(total=None, sock_connect=self.silence_s, sock_read=self.silence_s)


@dataclasses.dataclass
class Ask:
    """One message to be answered: all that is needed to send it again, and to know what it must give."""

    session: str
    user: str
    text: str
    provider: str
    tokens: int
    delay: int
    key: str
    board: bool = False
    turn_id: str = ""
    number: int = 0
    reply_id: str = ""
    asked: float = 0.0

    @property
    def right(self):
        return expected_text(self.text, self.tokens)

    @property
    def model(self):
        return f"test-{self.tokens}-{self.delay}-0"


class Crowd:
    """What everybody shares: the fleet, the dice, the report, the connections."""

    def __init__(self, fleet, dice, report: Report, patience: Patience | None = None):
        self.fleet = fleet
        self.dice = dice
        self.report = report
        self.patience = patience or Patience()
        self.http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True), cookie_jar=aiohttp.DummyCookieJar()
        )

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.http.close()

    def pod(self, but=None):
        """Return any pod, dead or alive: that is for the caller to find out. Or nginx, which finds out."""
        return self.dice.choice([door for door in self.fleet.doors if door is not but])

    async def call(self, method, path, user, pod=None, key=None, **more):
        """Call until some pod answers; return the body."""
        deadline = time.monotonic() + HANGS_S
        headers = {"X-User-ID": user} | ({"Idempotency-Key": key} if key else {})
        timeout = aiohttp.ClientTimeout(total=8)
        while True:
            pod = pod or self.pod()
            try:
                async with self.http.request(
                    method, pod.url + path, headers=headers, timeout=timeout, **more
                ) as response:
                    if response.status not in (429, 502, 503, 504):
                        body = await response.json(content_type=None)
                        if response.status >= 400:
                            raise AssertionError(f"{method} {path}: {response.status} {body}")
                        return body
            except BROKEN:
                pass
            self.report.resent += method == "POST"
            if time.monotonic() > deadline:
                raise AssertionError(f"{method} {path}: no pod has answered for {HANGS_S:g} s")
            pod = None
            await asyncio.sleep(0.1)

    async def send(self, ask: Ask, pod=None):
        """Send the message, once or more often: it must give one turn."""
        if ask.board:
            body = {"session_id": ask.session, "user_id": ask.user, "message": ask.text}
            body |= {"ai_provider": ask.provider, "model": ask.model}
            found = await self.call("POST", "/api/chat", ask.user, pod, key=ask.key, json=body)
            turn_id = found["correlation_id"]
        else:
            await self.call("POST", "/api/sessions", ask.user, pod, json={"id": ask.session})
            body = {"text": ask.text, "model": f"{ask.provider}/{ask.model}", "idempotency_key": ask.key}
            path = f"/api/sessions/{ask.session}/messages"
            turn_id = (await self.call("POST", path, ask.user, pod, json=body))["turn"]["id"]
        turn = await self.call("GET", f"/api/turns/{turn_id}", ask.user)
        ask.turn_id, ask.number, ask.reply_id = turn_id, turn["number"], turn["message_id"]
        ask.asked = time.monotonic()
        return ask


class Reader:
    """Follows a session's replies, through another pod and maybe another way every few chunks."""

    def __init__(self, crowd: Crowd, name, first: Ask, way=None, patience: Patience | None = None):
        self.crowd = crowd
        self.name = name
        self.ask = first
        self.way = way
        self.patience = patience or crowd.patience
        self.accounts: dict[int, Account] = {}
        self.asks: list[Ask] = []
        self.cursor = None
        self.pod = self.stays_at = None
        self.gone = None
        self.expected = 1

    def expect(self, ask: Ask):
        """Wait for this reply too."""
        self.ask = ask
        self.asks.append(ask)
        account = self.account(ask.number)
        if not account.next:
            account.heard = ask.asked

    def account(self, number):
        if number not in self.accounts:
            who = f"{self.ask.session}/{number} {self.name}"
            self.accounts[number] = Account(who, self.crowd.report, time.monotonic())
        return self.accounts[number]

    @property
    def done(self):
        """Whether all that is expected has ended."""
        owed = self.way is not None and self.way.name == "board"
        return len(self.asks) >= self.expected and all(
            (account := self.account(ask.number)).state and (account.completes or not owed)
            for ask in self.asks
        )

    async def read(self):
        """Read until all that is expected has ended."""
        deadline = time.monotonic() + HANGS_S
        have = self._have()
        while not self.done and self.gone is None:
            await self._hop()
            self.crowd.report.hops += 1
            if self._have() != have:
                have, deadline = self._have(), time.monotonic() + HANGS_S
            elif time.monotonic() > deadline:
                self.gone = f"nothing for {HANGS_S:g} s"
        return self

    def _have(self):
        return sum(account.next for account in self.accounts.values()), len(self.asks)

    async def _hop(self):
        """Follow at some pod, until it breaks or enough has come."""
        crowd = self.crowd
        self.pod = self.stays_at or crowd.pod(but=self.pod)
        ways = [way for way in WAYS if way.lasts or self.ask.turn_id]
        way = self.way or crowd.dice.choice(ways)
        if self.cursor is None and self.asks:
            # It may have been given something that never arrived: what it knows is that it has nothing.
            self.cursor = ",".join(f"{ask.number}.0" for ask in reversed(self.asks))
        most = max(1, int(crowd.dice.gauss(self.patience.chunks, self.patience.chunks / 4)))
        try:
            stream = listen(crowd.http, self.pod.url, way, self.ask, self.cursor, self.patience)
            async with aclosing(stream):
                async for event in stream:
                    most -= 1
                    if self._take(way, event) or not most:
                        return
        except BROKEN:
            await asyncio.sleep(0.05)
        except Gone as error:
            self.gone = str(error)

    def _take(self, way, event: Event):
        """Take an event; tell whether to hang up."""
        if event.name == "resume":
            return True
        way.take(event, self.account, f"by {way.name} at {self.pod.name}")
        if event.id:
            self.cursor = event.id
        return self.done


async def check(crowd: Crowd, reader: Reader, ask: Ask):
    """Compare what a reader got with the one right text."""
    report, account = crowd.report, reader.account(ask.number)
    if account.state is None:
        told = reader.gone or "never ended"
        kind = "explicit" if "410" in told else "lost"
        report.fault(kind, f"{account.who}: {told}; it had {account.next} chunks, cursor {reader.cursor}")
        return
    if account.state == "failed":
        report.fault("explicit", f"{account.who}: {account.error}")
        return
    if account.completes > 1:
        report.fault("repeated", f"{account.who}: message_complete {account.completes} times")
    stored = await transcript(crowd, ask)
    differs = next(
        (i for i, pair in enumerate(zip(stored, account.chunks, strict=False)) if len({*pair}) > 1), -1
    )
    if account.message_ids != {ask.reply_id}:
        report.fault("wrong", f"{account.who}: messages {account.message_ids}, not {ask.reply_id}")
    elif account.text != ask.right:
        told = f"{difference(account.text, ask.right)}; the store differs from chunk {differs} on"
        report.fault("wrong", f"{account.who}: {told}")
    elif stored != account.chunks:
        report.fault("wrong", f"{account.who}: chunk {differs} is another one in the store ({len(stored)})")


async def transcript(crowd: Crowd, ask: Ask):
    """Return the chunks of an ended turn as any pod tells them to whoever comes late."""
    reader = Reader(crowd, "late", ask, WAYS[0], Patience(chunks=10**6))
    reader.expect(ask)
    reader.account(ask.number).heard = time.monotonic()
    await reader.read()
    return reader.account(ask.number).chunks


async def check_stored(crowd: Crowd, asks: list[Ask]):
    """Compare the session's messages with what was asked: one message and one reply each, and right."""
    report, first = crowd.report, asks[0]
    for ask in asks:
        await ended(crowd, ask)
    path = f"/api/sessions/{first.session}/messages"
    found = (await crowd.call("GET", path, first.user))["messages"]
    roles = sorted(message["role"] for message in found)
    if roles != ["assistant"] * len(asks) + ["user"] * len(asks):
        report.fault("wrong", f"{first.session}: {len(asks)} asked, stored are {roles}")
    for ask in asks:
        stored = await crowd.call("GET", f"/api/messages/{ask.reply_id}", ask.user)
        same = sum(m["role"] == "user" and m["content"] == ask.text for m in found)
        if stored["content"] != ask.right or stored["status"] != "complete" or same != 1:
            told = f"{stored['status']}, {same} times asked, {difference(stored['content'], ask.right)}"
            kind = "explicit" if stored["status"] == "failed" else "wrong"
            report.fault(kind, f"{first.session}/{ask.number} stored: {told}")
        seams = stored["metadata"]["seams"]
        report.takeovers += bool(seams)
        report.resets += any(seam["how"] == "restarted" for seam in seams)
        report.replies += 1


async def ended(crowd: Crowd, ask: Ask):
    """Wait for a turn that its reader gave up."""
    deadline = time.monotonic() + HANGS_S
    while (await crowd.call("GET", f"/api/turns/{ask.turn_id}", ask.user))["ended_at"] is None:
        if time.monotonic() > deadline:
            raise AssertionError(f"turn {ask.turn_id} does not end")
        await asyncio.sleep(0.2)


def difference(text, right):
    """Tell where two texts part."""
    n = next((i for i, (a, b) in enumerate(zip(text, right, strict=False)) if a != b), -1)
    if n < 0:
        return "equal" if text == right else f"{len(text)} characters, not {len(right)}"
    return f"from character {n} on {text[n : n + 30]!r}, not {right[n : n + 30]!r}"
