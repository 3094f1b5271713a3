"""Statements about pods, claims and takeovers: plain functions inside one transaction."""

import secrets as random
from collections.abc import Sequence

from sqlalchemy import bindparam, delete, insert, select, text, update

from antiphon.ids import now_ms
from antiphon.model import Turn
from antiphon.stores.sql import rows
from antiphon.stores.sql.connection import Connection
from antiphon.stores.sql.schema import ACTIVE, pods, secrets, turns

_BEAT = update(pods).where(pods.c.id == bindparam("pod_id")).values(lease_until=bindparam("until"))
_REGISTER = insert(pods)
_REMOVE = delete(pods).where(pods.c.id == bindparam("pod_id"))
_BURY = (
    delete(pods)
    .where(pods.c.lease_until < bindparam("before"), pods.c.id != bindparam("keep"))
    .returning(pods.c.id)
)
_SECRET = select(secrets.c.value).where(secrets.c.name == bindparam("wanted"))
_KEEP_SECRET = insert(secrets)
# The condition of the partial indexes stands in the statements word for word, or they are not used.
_CLAIM = (
    update(turns)
    .where(
        turns.c.id.in_(
            select(turns.c.id)
            .where(text(ACTIVE), turns.c.state == "queued")
            .order_by(turns.c.created_at, turns.c.id)
            .limit(bindparam("count"))
            .with_for_update(skip_locked=True)
        )
    )
    .values(state="running", pod=bindparam("pod_id"), epoch=turns.c.epoch + 1)
    .returning(*turns.c)
)

_QUEUE = (
    update(turns)
    .where(text(ACTIVE), turns.c.state == "running", turns.c.pod == bindparam("pod_id"))
    .values(state="queued", pod=None)
)


def heartbeat(conn: Connection, pod: str, lease_until: int) -> bool:
    """Extend a lease; a pod without a row (new, or buried) gets one."""
    if conn.execute(_BEAT, {"pod_id": pod, "until": lease_until}).rowcount:
        return True
    conn.execute(_REGISTER, {"id": pod, "started_at": now_ms(), "lease_until": lease_until})
    return False


def claim(conn: Connection, pod: str, limit: int) -> Sequence[Turn]:
    """Take queued turns."""
    claimed = [rows.turn(row) for row in conn.execute(_CLAIM, {"pod_id": pod, "count": limit})]
    return sorted(claimed, key=lambda turn: (turn.created_at, turn.id))


def bury(conn: Connection, lease_before: int, keep: str) -> int:
    """Remove dead pods and queue their turns."""
    dead = conn.execute(_BURY, {"before": lease_before, "keep": keep}).all()
    return sum(conn.execute(_QUEUE, {"pod_id": row.id}).rowcount for row in dead)


def release(conn: Connection, pod: str) -> int:
    """Remove a pod that leaves and queue its turns."""
    conn.execute(_REMOVE, {"pod_id": pod})
    return conn.execute(_QUEUE, {"pod_id": pod}).rowcount


def secret(conn: Connection, name: str) -> str:
    """Return the named secret, made when missing."""
    found = conn.execute(_SECRET, {"wanted": name}).scalar()
    if found is None:
        found = random.token_urlsafe(32)
        conn.execute(_KEEP_SECRET, {"name": name, "value": found})
    return str(found)
