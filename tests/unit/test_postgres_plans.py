"""Every statement on a warm path uses an index of PostgreSQL, whatever its parameters are."""

import asyncio
import re

import asyncpg
import pytest
from sqlalchemy.dialects.postgresql import asyncpg as dialects

from antiphon.connections.postgres import Address
from antiphon.logs import postgres as log
from antiphon.stores.sql import texts_there
from backends import postgres
from backends.services import need
from plans import PARTIAL, STATEMENTS

OWN = STATEMENTS | {"texts_there._MATCHING": texts_there._MATCHING}
COMPILED = {name: str(value.compile(dialect=dialects.dialect())) for name, value in OWN.items()}
LOG_STATEMENTS = {
    f"log.{name}": getattr(log, name)
    for name in (
        "_APPEND",
        "_APPEND_AND_BEGIN",
        "_LOCK",
        "_OPEN",
        "_ROWS",
        "_READ",
        "_EXPIRE_HEADS",
        "_EXPIRE_ROWS",
    )
}
ALL = COMPILED | LOG_STATEMENTS
# Pods are a handful, secrets and counters fewer.
SMALL = ("pods", "secrets", "counters")
# 4,000 sessions of five turns each, of which 1 % are under way, and of three clients; 20,000 posts on the
# board; 5,000 turns in the log.
FILL = """
    INSERT INTO sessions SELECT 'ses_' || n, 'user:' || n % 200, 'title', '{}', 5, n, n
        FROM generate_series(1, 4000) n;
    INSERT INTO turns SELECT 'turn_' || n, 'ses_' || (n % 4000 + 1), n / 4000,
        CASE WHEN n % 200 = 0 THEN 'queued' WHEN n % 200 = 1 THEN 'running' ELSE 'complete' END,
        CASE WHEN n % 200 <> 0 THEN 'pod_' || n % 5 END, 1, 'msg_' || 2 * n, 'msg_' || 2 * n + 1, 'bot', 'm',
        '{}', 'key_' || n, n % 1000 = 1, n % 2 = 0, CASE WHEN n % 200 > 1 THEN 'x'::bytea END, n,
        CASE WHEN n % 200 > 1 THEN n END
        FROM generate_series(0, 19999) n;
    INSERT INTO messages SELECT 'msg_' || n, 'ses_' || (n / 2 % 4000 + 1), n / 8000 * 2 + n % 2, 'user',
        'ann', 'complete', 'text', 'msg_' || n - 1, 'turn_' || n / 2, NULL, '{}', n
        FROM generate_series(0, 39999) n;
    INSERT INTO pods SELECT 'pod_' || n, n, n FROM generate_series(0, 4) n;
    INSERT INTO posts SELECT n, 'ann', 'text', n FROM generate_series(1, 20000) n;
    INSERT INTO counters VALUES ('posts', 20000);
    INSERT INTO places SELECT 'ses_' || n % 4000 + 1, 'client_' || n / 4000, '1.1', n
        FROM generate_series(0, 11999) n;
    INSERT INTO chunk_heads SELECT 'turn_' || n, 1, 20, true, n FROM generate_series(1, 5000) n;
    INSERT INTO chunk_rows SELECT 'turn_' || n / 10, n % 10 * 2, 'x'::bytea FROM generate_series(10, 50009) n;
    ANALYZE;
"""


@pytest.fixture
async def database(filled):
    url = await postgres.database()
    connection = await asyncpg.connect(url)
    if not filled:
        await postgres.empty(url)
        await connection.execute(FILL)
        filled["once"] = True
    yield connection
    await connection.close()


@pytest.fixture
async def new_database(filled):
    """One with empty tables, on a connection as the executor has it."""
    if "new" not in filled:
        filled["new"] = await postgres.create(need("POSTGRES_URL"))
    connection = await Address(filled["new"]).connect()
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
def filled():
    kept = {}
    yield kept
    if "new" in kept:
        asyncio.run(postgres.drop(need("POSTGRES_URL"), kept["new"]))


async def explain(connection, statement):
    # What PostgreSQL settles for after a statement's first few runs.
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    prepared = await connection.prepare(statement)
    count = len(prepared.get_parameters())
    await connection.execute(f"PREPARE explained AS {statement}")
    nothing = f"({', '.join(['NULL'] * count)})" if count else ""
    rows = await connection.fetch(f"EXPLAIN EXECUTE explained{nothing}")
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize("name", sorted(ALL))
async def test_no_table_is_scanned(name, database):
    plan = await explain(database, ALL[name])
    scanned = re.findall(r"Seq Scan on (\w+)", plan)
    assert not [table for table in scanned if table not in SMALL], plan
    assert PARTIAL.get(name, "") in plan, plan


@pytest.mark.parametrize("name", sorted(ALL))
async def test_plans_made_while_the_tables_are_empty_are_good_later(name, new_database):
    plan = await explain(new_database, ALL[name])
    # The table read, and on the next line how: an index without a condition is read whole.
    for way, table, condition in re.findall(r"(\w+) Scan (?:.* )?on (\w+).*\n\s+(\w+ \w+)?", plan):
        if table not in SMALL and way in {"Seq", "Only", "Index"}:
            assert condition == "Index Cond", plan
    assert not [table for table in re.findall(r"Seq Scan on (\w+)", plan) if table not in SMALL], plan
