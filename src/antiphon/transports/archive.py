"""Export and import of whole conversations."""

import asyncio
from collections.abc import AsyncIterator
from typing import Literal
from urllib.parse import quote

from antiphon.engine.engine import Engine
from antiphon.errors import BadRequest, Invalid, TooLarge
from antiphon.model import Principal, Session
from antiphon.transports import session_file, views
from antiphon.transports.asgi import Request, answer_json
from antiphon.transports.http import Route

# So long an import may take to come in: it holds one of a few places meanwhile.
UPLOAD_S = 60.0
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
        if form == "json":
            await _send(
                request, session, ".json", "application/json", self._whole(request.principal, session)
            )
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
        engine = self._engine
        request.body_limit = engine.bounds.import_bytes
        async with engine.archive.importing(request.principal, request.address):
            try:
                async with asyncio.timeout(UPLOAD_S):
                    body = await request.json_body()
            except TimeoutError as error:
                raise BadRequest(f"The file took longer than {UPLOAD_S:g} s to arrive. Try again.") from error
            except TooLarge as error:
                raise TooLarge(
                    f"The file has more than {engine.bounds.import_bytes} bytes. "
                    "Raise ANTIPHON_MAX_IMPORT_BYTES to take more."
                ) from error
            await engine.archive.count(request.principal, len(body), request.address)
            # Off the event loop: a long file takes a while.
            given = await asyncio.to_thread(session_file.read_file, body)
            engine.check_context(given.context)
            key = request.header(b"idempotency-key")
            made = await engine.archive.bring_in(request.principal, given, key)
        await answer_json(request, 201, views.session(made))


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
                await request.send(
                    {"type": "http.response.body", "body": b"".join(waiting), "more_body": True}
                )
                waiting, size = [], 0
            if left.done():
                return
        await request.send({"type": "http.response.body", "body": b"".join(waiting)})
    finally:
        left.cancel()


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
