"""Replies under way, readers that hang up, a server that is killed: every token accounted for."""

import asyncio
import dataclasses
import random
import time
from pathlib import Path

import aiohttp

from antiphon.testing.model_server import expected_text, serve
from serving import Client, Reply, ServerProcess, model_toml

DROP_EVERY = 20


@dataclasses.dataclass
class Report:
    """What a run found; the first three must be 0."""

    lost: int = 0
    repeated: int = 0
    wrong: int = 0
    replies: int = 0
    kills: int = 0
    reconnects: int = 0
    takeovers: int = 0
    longest_stall_s: float = 0.0
    faults: list[str] = dataclasses.field(default_factory=list)

    @property
    def clean(self):
        return self.lost == self.repeated == self.wrong == 0

    def __str__(self):
        figures = {k: v for k, v in dataclasses.asdict(self).items() if k != "faults"}
        figures["longest_stall_s"] = round(self.longest_stall_s, 2)
        return "\n".join([*(f"{name:16} {value}" for name, value in figures.items()), *self.faults[:10]])


class Reader:
    """Reads one reply to its end, hanging up every ``DROP_EVERY`` chunks and whenever the server dies."""

    def __init__(self, client: Client, turn, report: Report):
        self.client = client
        self.turn = turn
        self.report = report
        self.reply = Reply()

    async def read(self):
        heard = time.monotonic()
        while self.reply.end is None:
            before = self.reply.next
            try:
                await self.client.follow(self.turn["id"], self.reply, most=DROP_EVERY)
            except (aiohttp.ClientError, ConnectionError, TimeoutError):
                await asyncio.sleep(0.05)
            except AssertionError as fault:
                self._fault(str(fault))
                return self
            self.report.reconnects += 1
            now = time.monotonic()
            if self.reply.next > before:
                self.report.longest_stall_s = max(self.report.longest_stall_s, now - heard)
                heard = now
        return self

    def _fault(self, text: str):
        self.report.faults.append(f"{self.turn['id']}: {text}")
        if "was due" in text:
            came, due = int(text.split()[1]), int(text.split()[-3])
            if came < due:
                self.report.repeated += 1
            else:
                self.report.lost += 1
        else:
            self.report.lost += 1

    async def check(self, text: str, tokens: int):
        """Compare with the one right text and with what is stored."""
        if self.reply.end is None:
            return
        stored = await self.client.call("GET", f"/api/messages/{self.turn['message_id']}")
        right = expected_text(text, tokens)
        complete = self.reply.end["state"] == "complete"
        same_id = self.reply.message_ids == {stored["id"]}
        if not complete or not same_id or not self.reply.text == stored["content"] == right:
            self.report.wrong += 1
            self.report.faults.append(f"{self.turn['id']}: {self.reply.end} {self.reply.text[-40:]!r}")
        if stored["metadata"]["seams"]:
            self.report.takeovers += 1


async def chaos(
    folder: Path,
    *,
    kills: int,
    replies_a_kill: int,
    tokens: int = 100,
    seed: int = 0,
    program: tuple[str, ...] = ("-m", "antiphon"),
) -> Report:
    """Run ``kills`` rounds of replies with one kill at a random point of each; return what was found."""
    report, dice = Report(), random.Random(seed)
    model = await serve("127.0.0.1", 0)
    server = ServerProcess(folder, model_toml(model.port), program=program, LOG_LEVEL="warning")
    try:
        async with server, Client(server.url) as client:
            for n in range(kills):
                await _round(server, client, report, dice, f"round {n}", replies_a_kill, tokens)
                if not report.clean:
                    break
    finally:
        await model.close()
    return report


async def _round(server, client, report, dice, name, replies, tokens):
    delay = dice.choice([5, 10, 15])
    texts = [f"{name}, reply {i}" for i in range(replies)]
    readers = []
    for text in texts:
        session = await client.session()
        turn = await client.send(session, text, model=f"test/test-{tokens}-{delay}-0")
        readers.append(Reader(client, turn, report))
    reading = [asyncio.create_task(reader.read()) for reader in readers]
    await asyncio.sleep(dice.uniform(0, tokens * delay / 1000))
    await server.kill()
    report.kills += 1
    await server.start()
    async with asyncio.timeout(60):
        await asyncio.gather(*reading)
    report.replies += replies
    for reader, text in zip(readers, texts, strict=True):
        await reader.check(text, tokens)
