"""Every statement on a warm path uses an index, however large the tables grow."""

import pytest
from sqlalchemy.dialects import sqlite

from antiphon.stores.sql import board, deletion, fleet, places, pods, search, sessions, transfer, turns
from antiphon.stores.sqlite_connection import connect

STATEMENTS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": value
    for module in (sessions, turns, search, transfer, deletion, places, board, pods, fleet)
    for name, value in vars(module).items()
    if name.startswith("_") and name.isupper() and hasattr(value, "compile")
}
# The CTE of a history is as long as the history, and that of a claim as what is claimed; lists are short, and
# pods are a handful.
SMALL = {"path", "picked", "json_each", "given", "pods", "CONSTANT"}
# Active turns are a few among very many ended ones: an index of their own finds them.
PARTIAL = {
    "turns._BEFORE_SUBMIT": "ix_turns_active_session",
    "turns._QUEUED": "ix_turns_active_pod",
    "sessions._BUSY": "ix_turns_active_session",
    "sessions._BY_OWNER": "ix_sessions_owner_updated_at",
    "search._STRETCH": "ix_sessions_owner_updated_at",
    "pods._WAITING": "ix_turns_active_pod",
    "pods._CLAIM": "ix_turns_active_pod",
    "pods._QUEUE": "ix_turns_active_pod",
    "pods._HELD": "ix_turns_active_pod",
    "pods._STOPS": "ix_turns_stopping",
    "fleet._FLEET": "ix_turns_active_pod",
}


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_no_table_is_scanned(name, migrated_database):
    statement = STATEMENTS[name]
    if statement.is_insert and statement.select is None:
        return
    compiled = STATEMENTS[name].compile(dialect=sqlite.dialect(paramstyle="named"))
    values = dict.fromkeys(compiled.params, 1)
    db = connect(migrated_database, "NORMAL")
    plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {compiled}", values)]
    db.close()
    scans = [step for step in plan if step.startswith("SCAN") and step.split()[1] not in SMALL]
    assert not scans, plan
    assert PARTIAL.get(name, "") in str(plan)
