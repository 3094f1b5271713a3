"""Statements about pods, claims and takeovers: plain functions inside one transaction."""

import secrets as random
from collections.abc import Sequence

from sqlalchemy import bindparam, delete, func, insert, select, text, true, update

from antiphon.ids import now_ms
from antiphon.model import Turn
from antiphon.stores.sql import rows
from antiphon.stores.sql.connection import Connection
from antiphon.stores.sql.dialects import clock
from antiphon.stores.sql.schema import ACTIVE, STOPPING, pods, secrets, turns

# A pod takes at least so many of the turns that wait: sharing a few evenly is not worth the wait.
SMALLEST_SHARE = 8

# The condition of the partial indexes stands in the statements word for word, or they are not used.
_active = text(ACTIVE)
_running_here = _active & (turns.c.state == "running") & (turns.c.pod == bindparam("pod_id"))

_BEAT = (
    update(pods)
    .where(pods.c.id == bindparam("pod_id"))
    .values(lease_until=clock() + bindparam("lease"), works=bindparam("working"))
)
_REGISTER = insert(pods)
_REMOVE = delete(pods).where(pods.c.id == bindparam("pod_id"))
_BURY = (
    delete(pods)
    .where(pods.c.lease_until < clock() - bindparam("silent"), pods.c.id != bindparam("keep"))
    .returning(pods.c.id)
)
_SECRET = select(secrets.c.value).where(secrets.c.name == bindparam("wanted"))
_KEEP_SECRET = insert(secrets)
_WAITING = select(
    select(func.count())
    .select_from(turns)
    .where(_active, turns.c.state == "queued")
    .scalar_subquery()
    .label("turns"),
    select(func.count()).select_from(pods).where(pods.c.works == true()).scalar_subquery().label("pods"),
)
# Locked until the commit: a pod that is being buried gets no turns that nobody would queue again.
_REGISTERED = (
    select(pods.c.id).where(pods.c.id == bindparam("pod_id")).with_for_update(read=True, key_share=True)
)
_picked = (
    select(turns.c.id)
    .where(_active, turns.c.state == "queued")
    .order_by(turns.c.created_at, turns.c.id)
    .limit(bindparam("count"))
    .with_for_update(skip_locked=True)
).cte("picked")
_CLAIM = (
    update(turns)
    .where(turns.c.id.in_(select(_picked.c.id)))
    .values(state="running", pod=bindparam("pod_id"), epoch=turns.c.epoch + 1)
    .returning(*turns.c)
)
_QUEUE = update(turns).where(_running_here).values(state="queued", pod=None)
_OWNS = select(turns.c.id).where(
    turns.c.id == bindparam("tid"), turns.c.epoch == bindparam("ep"), turns.c.state == "running"
)
# Whatever has a pod and has not ended runs; to say so would make the index of all that run look better.
_STOPS = select(turns.c.id).where(text(STOPPING), turns.c.pod == bindparam("pod_id"))
_HELD = select(turns.c.id, turns.c.epoch).where(_running_here)
_REQUEUE = (
    update(turns)
    .where(turns.c.id == bindparam("tid"), turns.c.epoch == bindparam("ep"), turns.c.state == "running")
    .values(state="queued", pod=None)
)


def heartbeat(conn: Connection, pod: str, lease: int, works: bool) -> bool:
    """Extend a lease; a pod without a row (new, or buried) gets one."""
    values = {"pod_id": pod, "lease": lease, "working": works}
    if conn.execute(_BEAT, values).rowcount:
        return True
    conn.execute(_REGISTER, {"id": pod, "started_at": now_ms(), "lease_until": 0, "works": works})
    conn.execute(_BEAT, values)
    return False


def claim(conn: Connection, pod: str, limit: int) -> Sequence[Turn]:
    """Take this pod's share of the queued turns."""
    waiting = conn.execute(_WAITING).one()
    if not waiting.turns or not conn.execute(_REGISTERED, {"pod_id": pod}).all():
        return []
    share = max(SMALLEST_SHARE, -(-waiting.turns // max(1, waiting.pods)))
    found = conn.execute(_CLAIM, {"pod_id": pod, "count": min(limit, share)})
    return sorted((rows.turn(row) for row in found), key=lambda turn: (turn.created_at, turn.id))


def bury(conn: Connection, keep: str, silent: int) -> int:
    """Remove dead pods and queue their turns."""
    dead = conn.execute(_BURY, {"silent": silent, "keep": keep}).all()
    return sum(conn.execute(_QUEUE, {"pod_id": row.id}).rowcount for row in dead)


def release(conn: Connection, pod: str) -> int:
    """Remove a pod that leaves and queue its turns."""
    conn.execute(_REMOVE, {"pod_id": pod})
    return conn.execute(_QUEUE, {"pod_id": pod}).rowcount


def owns(conn: Connection, turn: Turn) -> bool:
    """Tell whether the turn's epoch is the running one."""
    return bool(conn.execute(_OWNS, {"tid": turn.id, "ep": turn.epoch}).all())


def stops(conn: Connection, pod: str) -> Sequence[str]:
    """Return running turns of the pod that are to be stopped."""
    return [row.id for row in conn.execute(_STOPS, {"pod_id": pod})]


def held(conn: Connection, pod: str) -> Sequence[tuple[str, int]]:
    """Return all running turns of the pod."""
    return [(row.id, row.epoch) for row in conn.execute(_HELD, {"pod_id": pod})]


def requeue(conn: Connection, turns: Sequence[tuple[str, int]]) -> int:
    """Queue turns under exactly these epochs."""
    return sum(conn.execute(_REQUEUE, {"tid": turn, "ep": epoch}).rowcount for turn, epoch in turns)


def secret(conn: Connection, name: str) -> str:
    """Return the named secret, made when missing."""
    found = conn.execute(_SECRET, {"wanted": name}).scalar()
    if found is None:
        found = random.token_urlsafe(32)
        conn.execute(_KEEP_SECRET, {"name": name, "value": found})
    return str(found)
