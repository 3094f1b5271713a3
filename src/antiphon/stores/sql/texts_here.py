"""Finding texts in what a database in this process holds: here it is read, row by row, and compared.

What a database can do itself, a pattern, takes as many steps a character as the pattern is long: a search for
200 characters in a text made for it took a second a message, and nothing can end that.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import LargeBinary, bindparam, cast, select

from antiphon.stores.sql.connection import LocalConnection
from antiphon.stores.sql.letters import fold
from antiphon.stores.sql.schema import messages

_TEXTS = (
    select(cast(messages.c.content, LargeBinary).label("text"))
    .where(messages.c.session_id == bindparam("sid"), messages.c.ordinal >= bindparam("oldest"))
    .order_by(messages.c.ordinal.desc())
)


def matching(
    conn: LocalConnection, given: Sequence[Any], text: str, most_turns: int, most_bytes: int
) -> list[bool]:
    """Tell whether the first of the given sessions have the text, of as many as the bytes allow."""
    wanted = fold(text)
    left = most_bytes
    have_it: list[bool] = []
    for session in given:
        has = wanted in fold(session.title)
        oldest = 2 * (session.turn_count - most_turns + 1)
        for row in () if has else conn.stream(_TEXTS, {"sid": session.id, "oldest": oldest}):
            left -= len(row.text)
            if left < 0:  # looked through in part: unless it is all of this look, the next begins with it
                return have_it or [False]
            has = wanted in fold(row.text.decode())
            if has:
                break
        have_it.append(has)
    return have_it
