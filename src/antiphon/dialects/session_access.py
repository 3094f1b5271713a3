"""Whose a session of contract C is. Its clients name no user, so that knowing an id may be the key."""

import hashlib

from antiphon.engine.submit import check_session_id
from antiphon.errors import Conflict, Invalid, NotFound
from antiphon.model import Principal, Session
from antiphon.stores.port import SessionStore
from antiphon.transports.asgi import Request

LONGEST_CLIENT_ID = 200


def capability(session_id: str) -> Principal:
    """Return the principal that whoever knows the id is."""
    return Principal(f"session:{hashlib.sha256(session_id.encode()).hexdigest()[:32]}")


def check_client_id(client_id: str) -> str:
    """Return the id if it may name a client. Raises Invalid."""
    if not client_id.isprintable() or not 0 < len(client_id) <= LONGEST_CLIENT_ID:
        raise Invalid(f"A client id is 1 to {LONGEST_CLIENT_ID} printable characters.")
    return client_id


class SessionAccess:
    """Finds and creates sessions for those who ask."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store

    async def find(self, request: Request, session_id: str) -> tuple[Principal, Session]:
        """Return a session and whom it belongs to: the asker, or all who know its id. Raises NotFound."""
        check_session_id(session_id)
        for principal in _askers(request, session_id):
            try:
                return principal, await self._store.session(principal, session_id)
            except NotFound:
                continue
        raise NotFound(f"There is no session {session_id!r}. Create it with POST /chat/session.")

    async def create(
        self, request: Request, session_id: str, context: dict[str, object]
    ) -> tuple[Principal, Session]:
        """Store a session, or return the one of this id, unchanged. Raises Conflict if it is another's."""
        check_session_id(session_id)
        principal = _askers(request, session_id)[0]
        try:
            return principal, await self._store.create_session(principal, session_id, "", context)
        except NotFound:
            try:
                return await self.find(request, session_id)
            except NotFound:
                raise Conflict("This session_id is taken. Choose another, or none.") from None


def _askers(request: Request, session_id: str) -> list[Principal]:
    """Return who asks: somebody identified before whoever knows the id."""
    anyone = capability(session_id)
    return [anyone] if request.new_guest else [request.principal, anyone]
