"""Statements about the places of clients: plain functions over one connection, inside its transaction."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, Text, bindparam, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from antiphon.ids import now_ms
from antiphon.stores.sql import rows
from antiphon.stores.sql.connection import Connection
from antiphon.stores.sql.dialects import elements
from antiphon.stores.sql.schema import places, sessions

_PLACE = select(places.c.cursor).where(
    places.c.session_id == bindparam("sid"), places.c.client_id == bindparam("client")
)


def _note_statement() -> object:
    given = elements(bindparam("noted", type_=Text)).table_valued("value", name="given")
    session_id, client_id, cursor = (literal_column(f"given.value ->> {i}", Text) for i in range(3))
    noted = select(session_id, client_id, cursor, bindparam("now", type_=BigInteger)).select_from(given)
    # Looked up for each: EXISTS may be planned as a join with the whole table.
    known = noted.where(
        select(sessions.c.id).where(sessions.c.id == session_id).scalar_subquery().is_not(None)
    )
    new = insert(places).from_select(["session_id", "client_id", "cursor", "updated_at"], known)
    return new.on_conflict_do_update(
        index_elements=[places.c.session_id, places.c.client_id],
        set_={"cursor": new.excluded.cursor, "updated_at": new.excluded.updated_at},
    )


_NOTE = _note_statement()


def place(conn: Connection, session_id: str, client_id: str) -> str | None:
    """Return the cursor noted last."""
    found = conn.execute(_PLACE, {"sid": session_id, "client": rows.to_text(client_id)}).scalar()
    return None if found is None else str(found)


def note(conn: Connection, noted: Sequence[tuple[str, str, str]]) -> None:
    """Insert or change places: the last of each client, in one order everywhere, so that none deadlock."""
    last = {(session, rows.to_text(client)): cursor for session, client, cursor in noted}
    listed = sorted((session, client, cursor) for (session, client), cursor in last.items())
    if listed:
        conn.execute(_NOTE, {"noted": rows.to_json(listed), "now": now_ms()})
