"""Looking for sessions by what is said in them, a stretch of the list at a time."""

import itertools
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, Integer, bindparam, exists, or_, select

from antiphon.model import Principal
from antiphon.stores.archive_port import Found
from antiphon.stores.sql import rows
from antiphon.stores.sql.connection import Connection
from antiphon.stores.sql.dialects import has_text, one_of, patterns
from antiphon.stores.sql.schema import messages, sessions
from antiphon.stores.sql.sessions import FOREVER

# What one look goes through at most: this many sessions, with this many messages in all.
MOST_SESSIONS = 500
MOST_MESSAGES = 1_000
# Of a session with more turns than a look goes through, the newest ones.
MOST_TURNS = 10_000

_STRETCH = (
    select(sessions.c.id, sessions.c.updated_at, sessions.c.turn_count)
    .where(
        sessions.c.owner == bindparam("who"),
        sessions.c.archived == bindparam("put_away", type_=Boolean),
        sessions.c.updated_at < bindparam("before"),
    )
    .order_by(sessions.c.updated_at.desc(), sessions.c.id.desc())
    .limit(bindparam("count"))
)
_said = exists(
    select(messages.c.id).where(
        messages.c.session_id == sessions.c.id,
        messages.c.ordinal >= 2 * (sessions.c.turn_count - bindparam("newest", type_=Integer)),
        has_text(messages.c.content),
    )
)
_MATCHING = (
    select(sessions)
    .where(one_of(sessions.c.id, bindparam("ids")), or_(has_text(sessions.c.title), _said))
    .order_by(sessions.c.updated_at.desc(), sessions.c.id.desc())
)


def search(conn: Connection, principal: Principal, text: str, before: int | None, archived: bool) -> Found:
    """Look through the sessions that come next in the list, as far as one look goes."""
    values = {
        "who": principal.id,
        "put_away": archived,
        "before": FOREVER if before is None else before,
        "count": MOST_SESSIONS,
    }
    listed = conn.execute(_STRETCH, values).all()
    looked = _one_look(listed)
    if not looked:
        return Found(sessions=[], before=None)
    given = {"ids": rows.to_json([row.id for row in looked]), "newest": MOST_TURNS - 1}
    found = [rows.session(row) for row in conn.execute(_MATCHING, given | patterns(rows.to_text(text)))]
    more = len(looked) < len(listed) or len(listed) == MOST_SESSIONS
    return Found(sessions=found, before=looked[-1].updated_at if more else None)


def _one_look(listed: Sequence[Any]) -> Sequence[Any]:
    """Return as many of the sessions as may be looked through, the first one in any case.

    Those of one millisecond stay together: the next look goes by time alone.
    """
    looked: list[Any] = []
    messages_in_all = 0
    for _, together in itertools.groupby(listed, lambda row: row.updated_at):
        group = list(together)
        messages_in_all += sum(2 * row.turn_count for row in group)
        if looked and messages_in_all > MOST_MESSAGES:
            break
        looked += group
    return looked
