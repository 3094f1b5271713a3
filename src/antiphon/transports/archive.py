"""Export and import of whole conversations."""

import asyncio
from collections.abc import AsyncIterator, Callable, MutableMapping
from typing import Any, Literal
from urllib.parse import quote

from antiphon.engine.engine import Engine
from antiphon.engine.submit import check_key
from antiphon.errors import BadRequest, Invalid, Overloaded, TooLarge
from antiphon.model import Principal, Session
from antiphon.transports import session_file, views
from antiphon.transports.asgi import Request, answer_json
from antiphon.transports.http import Route

# So long an import may take to come in: it is held in memory meanwhile.
UPLOAD_S = 60.0
# So long a reader of an export may take for a piece: the export holds one of a few places meanwhile.
TAKEN_S = 30.0
SENT_AT_ONCE = 65_536
LONGEST_NAME = 80
# What file systems do not take in a name, or take for something else.
_UNFIT = frozenset('/\\:*?"<>|')


class Archive:
    """Handlers of export and import."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def export(self, request: Request) -> None:
        """Export a session: all of it as JSON, or one branch as Markdown (``leaf``: its last message)."""
        form, leaf = request.query("format") or "json", request.query("leaf")
        if form not in ("json", "markdown"):
            raise Invalid(f"format is json or markdown, not {form!r}.")
        if form == "json" and leaf is not None:
            raise Invalid("leaf goes with format=markdown: as JSON a session is exported whole.")
        session = await self._engine.store.session(request.principal, request.params[0])
        with self._engine.archive.exporting(request.principal, request.address):
            if form == "json":
                whole = self._whole(request.principal, session)
                await _send(request, session, ".json", "application/json", whole)
            else:
                branch = self._branch(request.principal, session, leaf)
                await _send(request, session, ".md", "text/markdown; charset=utf-8", branch)

    async def _whole(self, principal: Principal, session: Session) -> AsyncIterator[bytes]:
        yield session_file.head(session)
        comma = b""
        async for message in self._engine.archive.messages(principal, session.id):
            yield comma + session_file.entry(message)
            comma = b",\n"
        yield session_file.TAIL

    async def _branch(self, principal: Principal, session: Session, leaf: str | None) -> AsyncIterator[bytes]:
        messages = await self._engine.archive.branch(principal, session.id, leaf)
        yield session_file.markdown_title(session).encode()
        async for message in messages:
            yield session_file.markdown(message).encode()

    async def import_session(self, request: Request) -> None:
        """Import a session: a new one is made of an exported file, with ids of its own."""
        archive, bounds = self._engine.archive, self._engine.bounds
        principal, address = request.principal, request.address
        key = check_key(request.header(b"idempotency-key"))
        # As much as any other body may have to say of one message.
        most_given, request.body_limit = request.body_limit, bounds.import_bytes
        async with archive.uploading(principal, address) as came:
            body = await self._arrived(request, came)
            async with archive.importing(principal, len(body), address):
                given = session_file.read_file(body, bounds.metadata_bytes, most_given)
                self._engine.check_context(given.context)
                made = await archive.bring_in(principal, given, key)
        await answer_json(request, 201, views.session(made))

    async def _arrived(self, request: Request, came: Callable[[int], None]) -> bytes:
        """Return the file once it is there whole; ``came`` is told the size of each piece."""
        receive = request.receive

        async def counted() -> MutableMapping[str, Any]:
            message = await receive()
            came(len(message.get("body", b"")))
            return message

        request.receive = counted
        try:
            async with asyncio.timeout(UPLOAD_S):
                return await request.json_body()
        except TimeoutError as error:
            raise BadRequest(f"The file took longer than {UPLOAD_S:g} s to arrive. Try again.") from error
        except TooLarge as error:
            raise TooLarge(
                f"The file has more than {self._engine.bounds.import_bytes} bytes. "
                "Raise ANTIPHON_MAX_IMPORT_BYTES to take more."
            ) from error


async def _send(
    request: Request, session: Session, ending: str, content_type: str, parts: AsyncIterator[bytes]
) -> None:
    """Send a file in pieces, however long it is; what is refused is refused before it begins."""
    waiting = [await anext(parts)]
    name = quote(_file_name(session.title) + ending, safe="")
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-disposition", f"attachment; filename*=UTF-8''{name}".encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    await request.start(200, headers)
    left = asyncio.create_task(request.hung_up())
    size = 0
    try:
        async for part in parts:
            waiting.append(part)
            size += len(part)
            if size > SENT_AT_ONCE:
                await _send_piece(request, b"".join(waiting), more=True)
                waiting, size = [], 0
            if left.done():
                return
        await _send_piece(request, b"".join(waiting), more=False)
    finally:
        left.cancel()


async def _send_piece(request: Request, piece: bytes, *, more: bool) -> None:
    try:
        async with asyncio.timeout(TAKEN_S):
            await request.send({"type": "http.response.body", "body": piece, "more_body": more})
    except TimeoutError as error:
        raise Overloaded(f"A piece of a file was not taken within {TAKEN_S:g} s.") from error


def _file_name(title: str) -> str:
    """Return a name for a file, without what would hide its ending or lead to another folder."""
    fit = "".join(c if c.isprintable() and c not in _UNFIT else " " for c in title)
    return " ".join(fit.split())[:LONGEST_NAME].strip(" .") or "conversation"


def routes(engine: Engine) -> list[Route]:
    """Return the routes."""
    archive = Archive(engine)
    exported = ((200, "application/json", session_file.ExportedSession), (200, "text/markdown"))
    return [
        Route(
            "GET",
            "/api/sessions/{session_id}/export",
            archive.export,
            parameters=(("format", Literal["json", "markdown"]), "leaf"),
            answers=exported,
            tag="sessions",
        ),
        Route(
            "POST",
            "/api/sessions/import",
            archive.import_session,
            body=session_file.SessionFile,
            headers=("Idempotency-Key",),
            answers=((201, "application/json", views.SessionView),),
            errors=(429,),
            tag="sessions",
        ),
    ]
