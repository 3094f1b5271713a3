"""Looking for sessions by what is said in them, a stretch of the list at a time."""

import itertools
from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select

from antiphon.model import Principal
from antiphon.stores.archive_port import Found, SessionPlace
from antiphon.stores.sql import rows, texts_here, texts_there
from antiphon.stores.sql.connection import Connection, LocalConnection
from antiphon.stores.sql.dialects import one_of
from antiphon.stores.sql.schema import sessions
from antiphon.stores.sql.sessions import after_place, last_used_first, listed

# What one look goes through at most: this many sessions, with this many messages and bytes of text in all.
MOST_SESSIONS = 500
MOST_MESSAGES = 1_000
MOST_BYTES = 8_000_000
# Of a session with more turns or bytes than a look goes through, the newest ones.
MOST_TURNS = 10_000

_STRETCH = (
    select(sessions.c.id, sessions.c.title, sessions.c.updated_at, sessions.c.turn_count)
    .where(listed)
    .order_by(*last_used_first)
    .limit(bindparam("count"))
)
_FOUND = select(sessions).where(one_of(sessions.c.id, bindparam("ids"))).order_by(*last_used_first)


def search(
    conn: Connection, principal: Principal, text: str, before: SessionPlace | None, archived: bool
) -> Found:
    """Look through the sessions that come next in the list, as far as one look goes."""
    following = conn.execute(_STRETCH, after_place(principal, before, MOST_SESSIONS, archived)).all()
    given = _one_look(following)
    if not given:
        return Found(sessions=[], before=None)
    # A database in this process hands its texts over at little cost; another would have to send them.
    wanted = rows.to_text(text)
    if isinstance(conn, LocalConnection):
        have_it = texts_here.matching(conn, given, wanted, MOST_TURNS, MOST_BYTES)
    else:
        have_it = texts_there.matching(conn, given, wanted, MOST_TURNS, MOST_BYTES)
    looked = given[: len(have_it)]
    ids = rows.to_json(list(itertools.compress([row.id for row in looked], have_it)))
    found = [rows.session(row) for row in conn.execute(_FOUND, {"ids": ids})] if any(have_it) else []
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
