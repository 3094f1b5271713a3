"""What the pods of a fleet are doing, in one statement."""

from collections.abc import Sequence

from sqlalchemy import func, select, text

from antiphon.stores.port import PodState
from antiphon.stores.sql.connection import Connection
from antiphon.stores.sql.dialects import clock
from antiphon.stores.sql.schema import ACTIVE, pods, turns

# Counted once for all pods, by the partial index of active turns: its condition stands here word for word.
_running = (
    select(turns.c.pod, func.count().label("running"))
    .where(text(ACTIVE), turns.c.state == "running")
    .group_by(turns.c.pod)
    .subquery("running_turns")
)
_FLEET = (
    select(
        pods.c.id,
        pods.c.started_at,
        (pods.c.lease_until - clock()).label("lease_left"),
        pods.c.works,
        func.coalesce(_running.c.running, 0).label("running"),
    )
    .select_from(pods.outerjoin(_running, _running.c.pod == pods.c.id))
    .order_by(pods.c.started_at, pods.c.id)
)


def fleet(conn: Connection) -> Sequence[PodState]:
    """Return all registered pods."""
    return [
        PodState(
            id=row.id,
            started_at=row.started_at,
            lease_left=row.lease_left,
            works=bool(row.works),
            running=row.running,
        )
        for row in conn.execute(_FLEET)
    ]
