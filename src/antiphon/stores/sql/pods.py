"""Statements about pods, claims and takeovers: plain functions inside one transaction."""

import secrets as random
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select, text, update

from antiphon.ids import now_ms
from antiphon.model import Turn
from antiphon.stores.sql import rows
from antiphon.stores.sql.schema import ACTIVE, pods, secrets, turns

_BEAT = update(pods).where(pods.c.id == bindparam("pod_id")).values(lease_until=bindparam("until"))
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


def register(conn: Connection, pod: str, lease_until: int) -> None:
    """Insert a pod's row."""
    conn.execute(insert(pods), {"id": pod, "started_at": now_ms(), "lease_until": lease_until})


def heartbeat(conn: Connection, pod: str, lease_until: int) -> bool:
    """Extend a lease; a pod without a row (new, or buried) gets one."""
    if conn.execute(_BEAT, {"pod_id": pod, "until": lease_until}).rowcount:
        return True
    register(conn, pod, lease_until)
    return False


def claim(conn: Connection, pod: str, limit: int) -> Sequence[Turn]:
    """Take queued turns."""
    claimed = [rows.turn(row) for row in conn.execute(_CLAIM, {"pod_id": pod, "count": limit})]
    return sorted(claimed, key=lambda turn: (turn.created_at, turn.id))


def bury(conn: Connection, lease_before: int, keep: str) -> int:
    """Remove dead pods and queue their turns."""
    dead = (
        conn.execute(
            delete(pods).where(pods.c.lease_until < lease_before, pods.c.id != keep).returning(pods.c.id)
        )
        .scalars()
        .all()
    )
    return _queue(conn, dead)


def release(conn: Connection, pod: str) -> int:
    """Remove a pod that leaves and queue its turns."""
    conn.execute(delete(pods).where(pods.c.id == pod))
    return _queue(conn, [pod])


def _queue(conn: Connection, owners: Sequence[str]) -> int:
    if not owners:
        return 0
    queued = update(turns).where(text(ACTIVE), turns.c.state == "running", turns.c.pod.in_(owners))
    return conn.execute(queued.values(state="queued", pod=None)).rowcount


def secret(conn: Connection, name: str) -> str:
    """Return the named secret, made when missing."""
    found = conn.execute(select(secrets.c.value).where(secrets.c.name == name)).scalar_one_or_none()
    if found is None:
        found = random.token_urlsafe(32)
        conn.execute(insert(secrets), {"name": name, "value": found})
    return str(found)
