"""Statements about the message board, and the way posts of one process are stored together."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from antiphon.errors import Invalid
from antiphon.ids import now_ms
from antiphon.model import Post
from antiphon.stores.sql import rows
from antiphon.stores.sql.connection import Connection
from antiphon.stores.sql.schema import counters, posts

MOST_TOGETHER = 200
_COUNTER = "posts"
_AFTER_ALL = 2**63 - 1

# The row is locked until the commit, and so whoever gets the next numbers commits after this one: an id is
# never visible before a lower one. A sequence would not do that.
_TAKE = (
    update(counters)
    .where(counters.c.name == bindparam("counter"))
    .values(value=counters.c.value + bindparam("how_many"))
    .returning(counters.c.value)
)
_INSERT_COUNTER = insert(counters)
_INSERT = insert(posts)
_PAGE = (
    select(posts)
    .where(posts.c.id < bindparam("before"))
    .order_by(posts.c.id.desc())
    .limit(bindparam("count"))
)


Add = Callable[[Sequence[tuple[str, str]]], Awaitable[Sequence[Post]]]


def add(conn: Connection, new: Sequence[tuple[str, str]]) -> list[Post]:
    """Insert posts of (sender, message) in their order."""
    values = {"counter": _COUNTER, "how_many": len(new)}
    last = conn.execute(_TAKE, values).scalar()
    if last is None:
        conn.execute(_INSERT_COUNTER, {"name": _COUNTER, "value": 0})
        last = conn.execute(_TAKE, values).scalar_one()
    # Looked at under the lock, so that times do not go back (as far as the clocks of the pods agree).
    now = now_ms()
    made = [
        Post(id=number, sender=sender, message=message, created_at=now)
        for number, (sender, message) in enumerate(new, last - len(new) + 1)
    ]
    conn.execute(
        _INSERT,
        [
            {
                "id": post.id,
                "sender": rows.to_text(post.sender),
                "message": rows.to_text(post.message),
                "created_at": post.created_at,
            }
            for post in made
        ],
    )
    return made


def page(conn: Connection, before: int | None, limit: int) -> Sequence[Post]:
    """Return the newest posts below an id."""
    values = {"before": _AFTER_ALL if before is None else before, "count": limit}
    return [rows.post(row) for row in conn.execute(_PAGE, values)]


class Posting:
    """Stores the posts of this process one transaction after another, each with all that wait.

    Posts wait for each other in any case (see ``_TAKE``). Here they wait without a connection each, which
    others need, and share the cost of a commit.
    """

    def __init__(self, add_all: Add) -> None:
        self._add = add_all
        self._waiting: list[tuple[tuple[str, str], asyncio.Future[Post]]] = []
        self._task: asyncio.Task[None] | None = None

    async def post(self, sender: str, message: str) -> Post:
        """See BoardStore."""
        stored: asyncio.Future[Post] = asyncio.get_running_loop().create_future()
        self._waiting.append(((sender, message), stored))
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="posting")
        return await stored

    async def close(self) -> None:
        """Wait for what was accepted."""
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        try:
            while self._waiting:
                together, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
                await self._store(together)
        finally:
            self._task = None

    async def _store(self, together: list[tuple[tuple[str, str], asyncio.Future[Post]]]) -> None:
        try:
            made = await self._add([new for new, _ in together])
        except Invalid as error:
            if len(together) == 1:
                _refuse(together, error)
                return
            for each in together:  # one of them is why
                await self._store([each])
        except Exception as error:  # noqa: BLE001 - raised to all who wait for it
            _refuse(together, error)
        else:
            for (_, stored), post in zip(together, made, strict=True):
                if not stored.done():  # its caller was cancelled
                    stored.set_result(post)


def _refuse(together: Sequence[tuple[Any, asyncio.Future[Post]]], error: Exception) -> None:
    for _, stored in together:
        if not stored.done():
            stored.set_exception(error)
