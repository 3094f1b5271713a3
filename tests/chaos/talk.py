"""Conversations: what is asked, who follows it and how, and the reckoning at the end."""

import asyncio

from chaos.people import Ask, Crowd, Patience, Reader, check, check_stored
from chaos.wires import WAYS

LASTING = [way for way in WAYS if way.lasts]


def ask(crowd: Crowd, name, n, *, tokens=100, delay=20, provider="test", board=False):
    """Return a message of its own text and key."""
    text = f"{name}, message {n}"
    return Ask(name, f"user of {name}", text, provider, tokens, delay, f"{name}-{n}".replace(" ", "-"), board)


async def converse(crowd: Crowd, name, *, tokens=100, delays=(10, 20, 40)):
    """One conversation as the dice will have it; whatever is wrong with it is in the report."""
    dice = crowd.dice
    asks = [
        ask(
            crowd,
            name,
            n,
            tokens=tokens,
            delay=dice.choice(delays),
            provider=dice.choice(["test", "test", "again"]),
            board=dice.random() < 0.4,
        )
        for n in range(dice.choice([1, 1, 2]))
    ]
    at_once = len(asks) > 1 and dice.random() < 0.5
    # Followed one by one, replies may be read any way; two at once need a stream of both.
    ways = LASTING if at_once else [*WAYS, None, None]
    readers = [
        Reader(crowd, f"reader {i}", asks[0], dice.choice(ways)) for i in range(dice.choice([1, 1, 2]))
    ]
    try:
        if at_once:
            await together(crowd, asks, readers)
        else:
            for one in asks:
                await together(crowd, [one], readers)
        await asyncio.gather(*(check(crowd, reader, one) for reader in readers for one in asks))
        await check_stored(crowd, asks)
    except AssertionError as error:
        crowd.report.fault("lost", f"{name}: {error}")


async def together(crowd: Crowd, asks, readers):
    """Send messages, at once if several, and have the readers follow; some were there before."""
    for reader in readers:
        reader.expected = len(reader.asks) + len(asks)
    lasting = [r for r in readers if r.way is not None and r.way.lasts and crowd.dice.random() < 0.5]
    early = {reader: asyncio.create_task(reader.read()) for reader in lasting}
    try:
        await asyncio.gather(*(crowd.send(one) for one in asks))
        for reader in readers:
            for one in sorted(asks, key=lambda each: each.number):
                reader.expect(one)
        await asyncio.gather(*(early.get(reader) or reader.read() for reader in readers))
    finally:
        for task in early.values():
            task.cancel()


async def many(crowd: Crowd, count, name, *, way=None, patience: Patience | None = None, **more):
    """Ask at once what has one reader each; return the asks and the running readers' tasks."""
    asks = [ask(crowd, f"{name}-{n}", 0, **more) for n in range(count)]
    await asyncio.gather(*(crowd.send(one) for one in asks))
    readers = []
    for one in asks:
        reader = Reader(crowd, "reader", one, way(one) if callable(way) else way, patience)
        reader.expect(one)
        readers.append(reader)
    return asks, readers


async def settle(crowd: Crowd, asks, readers):
    """Check the replies of ``many`` once all is read."""
    for one, reader in zip(asks, readers, strict=True):
        await check(crowd, reader, one)
        await check_stored(crowd, [one])
