"""Finding texts in what a database elsewhere holds: it compares them itself, by a regular expression.

PostgreSQL's take as long as the text, whatever the expression. What is beyond the bytes is not even read: the
length of a long text is known without it.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Integer, Text, and_, bindparam, case, func, or_, select

from antiphon.stores.sql import rows
from antiphon.stores.sql.connection import Connection
from antiphon.stores.sql.dialects import one_of
from antiphon.stores.sql.letters import pattern
from antiphon.stores.sql.schema import messages, sessions
from antiphon.stores.sql.sessions import last_used_first

_regex = bindparam("regex", type_=Text)
_texts = (
    select(
        sessions.c.id,
        sessions.c.title,
        messages.c.content,
        func.sum(func.coalesce(func.octet_length(messages.c.content), 0))
        .over(order_by=(*last_used_first, messages.c.ordinal.desc()))
        .label("so_far"),
    )
    .outerjoin(
        messages,
        and_(
            messages.c.session_id == sessions.c.id,
            messages.c.ordinal >= 2 * (sessions.c.turn_count - bindparam("newest", type_=Integer)),
        ),
    )
    .where(one_of(sessions.c.id, bindparam("ids")))
    .subquery()
)
_within = _texts.c.so_far <= bindparam("most", type_=BigInteger)
_has_it = or_(_texts.c.title.regexp_match(_regex), _texts.c.content.regexp_match(_regex))
_MATCHING = select(
    _texts.c.id,
    func.bool_or(case((_within, _has_it), else_=False)).label("has"),
    func.bool_and(_within).label("whole"),
).group_by(_texts.c.id)


def matching(
    conn: Connection, given: Sequence[Any], text: str, most_turns: int, most_bytes: int
) -> list[bool]:
    """Tell whether the first of the given sessions have the text, of as many as the bytes allow."""
    ids = rows.to_json([session.id for session in given])
    values = {"ids": ids, "newest": most_turns - 1, "most": most_bytes, "regex": pattern(text)}
    found = {row.id: row for row in conn.execute(_MATCHING, values)}
    have_it: list[bool] = []
    for session in given:
        row = found[session.id]
        if not (row.whole or row.has):  # as for texts_here
            return have_it or [False]
        have_it.append(row.has)
    return have_it
