"""Looking for sessions by what is said in them, a stretch of the list at a time."""

import itertools
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, bindparam, exists, or_, select

from antiphon.model import Principal
from antiphon.stores.archive_port import Found, SessionPlace
from antiphon.stores.sql import rows
from antiphon.stores.sql.connection import Connection
from antiphon.stores.sql.dialects import has_text, one_of, patterns
from antiphon.stores.sql.schema import messages, sessions
from antiphon.stores.sql.sessions import after_place, last_used_first, listed

# What one look goes through at most: this many sessions, with this many messages in all.
MOST_SESSIONS = 500
MOST_MESSAGES = 1_000
# Of a session with more turns than a look goes through, the newest ones.
MOST_TURNS = 10_000

_STRETCH = (
    select(sessions.c.id, sessions.c.updated_at, sessions.c.turn_count)
    .where(listed)
    .order_by(*last_used_first)
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
    .order_by(*last_used_first)
)


def search(
    conn: Connection, principal: Principal, text: str, before: SessionPlace | None, archived: bool
) -> Found:
    """Look through the sessions that come next in the list, as far as one look goes."""
    following = conn.execute(_STRETCH, after_place(principal, before, MOST_SESSIONS, archived)).all()
    looked = _one_look(following)
    if not looked:
        return Found(sessions=[], before=None)
    given = {"ids": rows.to_json([row.id for row in looked]), "newest": MOST_TURNS - 1}
    found = [rows.session(row) for row in conn.execute(_MATCHING, given | patterns(rows.to_text(text)))]
    more = len(looked) < len(following) or len(following) == MOST_SESSIONS
    last = SessionPlace(looked[-1].updated_at, looked[-1].id)
    return Found(sessions=found, before=last if more else None)


def _one_look(following: Sequence[Any]) -> Sequence[Any]:
    """Return as many of the sessions as may be looked through, the first one in any case."""
    messages_in_all = itertools.accumulate(2 * row.turn_count for row in following)
    return [
        row
        for n, (row, so_far) in enumerate(zip(following, messages_in_all, strict=True))
        if not n or so_far <= MOST_MESSAGES
    ]
