"""Every statement on a warm path uses an index, however large the tables grow."""

import pytest
from sqlalchemy.dialects import sqlite

from antiphon.stores.sql import texts_here
from antiphon.stores.sqlite_connection import connect
from plans import PARTIAL, STATEMENTS

ALL = STATEMENTS | {"texts_here._TEXTS": texts_here._TEXTS}
# The CTE of a history is as long as the history, and that of a claim as what is claimed; lists are short, and
# pods are a handful.
SMALL = {"path", "picked", "json_each", "given", "pods", "CONSTANT"}


@pytest.mark.parametrize("name", sorted(ALL))
def test_no_table_is_scanned(name, migrated_database):
    compiled = ALL[name].compile(dialect=sqlite.dialect(paramstyle="named"))
    values = dict.fromkeys(compiled.params, 1)
    db = connect(migrated_database, "NORMAL")
    plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {compiled}", values)]
    db.close()
    scans = [step for step in plan if step.startswith("SCAN") and step.split()[1] not in SMALL]
    assert not scans, plan
    assert PARTIAL.get(name, "") in str(plan)
