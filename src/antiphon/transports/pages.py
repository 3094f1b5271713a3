"""The page, what it is made of, the widget, and the API's documentation.

The page is built from ``web/`` into ``static/web`` and served from there. Its addresses are one document;
everything with a hash in its name may be kept for ever, the rest is asked for again.
"""

import hashlib
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from re import findall
from typing import NamedTuple, TypedDict, cast
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from antiphon import __version__
from antiphon.errors import AntiphonError, Forbidden, NotFound
from antiphon.transports.accept import is_navigation
from antiphon.transports.asgi import Request as RawRequest
from antiphon.transports.asgi import answer_json
from antiphon.transports.http import Route
from antiphon.transports.loopback import Loopback
from antiphon.transports.web_files import WebFile, answer_file, read_file, read_files

STATIC = Path(str(files("antiphon.transports"))) / "static"
BUILT = STATIC / "web"
SHELL, DEMO = "index.html", "widget-demo.html"
ADDRESSES = ("/", "/c/{session_id}", "/board", "/status")
"""Where the page is. Which of its views is shown is the page's own affair."""
FIGURES = "/status"
FOREVER = "public, max-age=31536000, immutable"
DAILY = "public, max-age=86400"
SHORTLY = "public, max-age=300"
ASK_AGAIN = "no-cache"
NEVER = "no-store"
# A response with a guest's cookie: a cache that many share must not hand it to others.
OWN = "private, no-cache"
NOT_BUILT = (
    "The web files are not built.\n\nIn a checkout: run `make web` and start the server again. "
    "The API works without them: see /docs.\n"
)
ErrorHandler = Callable[[Request, Exception], Awaitable[Response]]
_DOCUMENT = {"Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"}
_EVERYWHERE = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
_LOCAL_SERVERS = "http://localhost:* http://127.0.0.1:*"


class OtherServer(TypedDict):
    """Another server that the page can be switched to; ``url`` has no slash at its end."""

    name: str
    url: str


class PageSettings(TypedDict):
    """What the page has to know of its server; ``status``: whether the asker may read the figures page."""

    version: str
    servers: list[OtherServer]
    status: bool


class Pages(NamedTuple):
    """What is served: the built files, the servers that the page may be switched to, and who may see figures.

    ``local``: the server listens on this machine alone, and its page may talk to any other server of it.
    """

    servers: Mapping[str, str]
    loopback: Loopback
    local: bool
    folder: Path = BUILT

    @property
    def routes(self) -> list[Route]:
        """The page's own part of the API."""
        answers = ((200, "application/json", PageSettings),)
        return [Route("GET", "/api/page", self.page_settings, answers=answers, tag="service")]

    async def page_settings(self, request: RawRequest) -> None:
        """Tell the page of this server what it has to know."""
        servers: list[OtherServer] = [{"name": name, "url": url} for name, url in self.servers.items()]
        status = self.loopback.holds(request)
        told: PageSettings = {"version": __version__, "servers": servers, "status": status}
        await answer_json(request, 200, told, {"cache-control": NEVER})

    def policy(self) -> str:
        """Return the page's Content-Security-Policy: what the page is made of comes from here."""
        origins = [f"{url.scheme}://{url.netloc}" for url in map(urlsplit, self.servers.values())]
        connect = " ".join(["'self'", *dict.fromkeys(origins), *([_LOCAL_SERVERS] if self.local else [])])
        return (
            "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
            f"img-src 'self' data: blob:; connect-src {connect}; manifest-src 'self'; "
            "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )


def add_pages(app: FastAPI, pages: Pages, routes: Sequence[Route]) -> None:
    """Serve the built files and the documentation; ``routes`` are the raw ones of the API."""
    built = read_files(pages.folder)
    shell = built.pop(SHELL, None)
    _add_documentation(app)
    _add_shell(app, pages, shell)
    if shell is not None:
        _tell_people(app, pages, shell, routes)
    if DEMO in built:
        demo = built.pop(DEMO)
        _add(app, "/widget-demo", demo, _document(document_policy(demo.text, "'self'")))
    for folder, caching in (("assets", FOREVER), ("icons", DAILY)):
        inside = {name: built.pop(name) for name in tuple(built) if name.startswith(f"{folder}/")}
        _add_folder(app, folder, inside, caching)
    for name, file in built.items():
        _add(app, f"/{name}", file, _headers(name, pages.policy()))


def _headers(name: str, policy: str) -> dict[str, str]:
    """Return the headers of a file that is not of the page's assets."""
    if name == "sw.js":  # a worker's own policy holds for what it fetches
        return {
            "Cache-Control": ASK_AGAIN,
            "Service-Worker-Allowed": "/",
            "Content-Security-Policy": policy,
        }
    if name in ("widget.js", "widget.mjs"):
        return {"Cache-Control": SHORTLY, **_EVERYWHERE}
    return {"Cache-Control": ASK_AGAIN}


def _document(policy: str) -> dict[str, str]:
    return {"Cache-Control": OWN, "Content-Security-Policy": policy, **_DOCUMENT}


def _add_documentation(app: FastAPI) -> None:
    page = read_file(STATIC / "docs.html")
    _add(app, "/docs", page, _document(document_policy(page.text)))


def _add_shell(app: FastAPI, pages: Pages, shell: WebFile | None) -> None:
    headers = _document(pages.policy())

    async def page(request: Request) -> Response:
        if request.url.path == FIGURES:
            try:
                pages.loopback.check(_raw(request))
            except Forbidden as refusal:
                if shell is None or not is_navigation(_raw(request)):
                    raise
                return _refuse(request, shell, headers, refusal.status)
        if shell is None:
            return Response(NOT_BUILT, 503, {"Cache-Control": NEVER}, media_type="text/plain")
        return answer_file(request, shell, headers)

    for path in ADDRESSES:
        app.add_route(path, page, methods=["GET"], include_in_schema=False)


def _tell_people(app: FastAPI, pages: Pages, shell: WebFile, routes: Sequence[Route]) -> None:
    """Let the page say that an address names nothing, to people; programs are told as before.

    So is everybody below the API's roots: nothing there is for people.
    """
    headers = _document(pages.policy())
    paths = [route.path for route in routes] + [r.path for r in app.routes if isinstance(r, APIRoute)]
    api = tuple({f"/{path.split('/')[1]}/" for path in paths})
    tell = cast(ErrorHandler, app.exception_handlers[HTTPException])

    async def told(request: Request, error: Exception) -> Response:
        answer = await tell(request, error)
        if answer.status_code != NotFound.status or request.url.path.startswith(api):
            return answer
        if request.method != "GET" or not is_navigation(_raw(request)):
            return answer
        return _refuse(request, shell, headers, answer.status_code)

    app.add_exception_handler(HTTPException, told)


def _refuse(request: Request, shell: WebFile, headers: Mapping[str, str], status: int) -> Response:
    """Answer with the page, which finds out by its address what is wrong, in place of problem details."""
    headers = {**headers, "Cache-Control": NEVER}
    _settle(request, headers)
    return answer_file(request, shell, headers, status)


def _add(app: FastAPI, path: str, file: WebFile, headers: Mapping[str, str]) -> None:
    async def one(request: Request) -> Response:
        _settle(request, headers)
        return answer_file(request, file, headers)

    app.add_route(path, one, methods=["GET"], include_in_schema=False)


def _add_folder(app: FastAPI, folder: str, inside: Mapping[str, WebFile], caching: str) -> None:
    headers = {"Cache-Control": caching}
    refuse = cast(ErrorHandler, app.exception_handlers[AntiphonError])

    async def one_of(request: Request) -> Response:
        file = inside.get(f"{folder}/{request.path_params['name']}")
        _settle(request, headers)
        if file is None:
            told = "There is no such file in this version of the page. Load the page again."
            answer = await refuse(request, NotFound(told))
            # Another pod may have it, of another version: a cache must not say for it that there is none.
            answer.headers["Cache-Control"] = NEVER
            return answer
        return answer_file(request, file, headers)

    app.add_route(f"/{folder}/{{name:path}}", one_of, methods=["GET"], include_in_schema=False)


def _settle(request: Request, headers: Mapping[str, str]) -> None:
    """Take back what every answer gets and this file must not have.

    What caches may share carries nobody's cookie; and with two origins allowed a browser allows none.
    """
    raw = _raw(request)
    if headers["Cache-Control"] != OWN:
        raw.set_cookie = None
    if "Access-Control-Allow-Origin" in headers:
        raw.cors = []


def _raw(request: Request) -> RawRequest:
    found: RawRequest = request.scope["antiphon.request"]
    return found


def document_policy(text: str, *more: str) -> str:
    """Return the policy of a document that runs what scripts and styles it holds itself, and ``more``."""
    scripts = " ".join([*more, *(_hash(s) for s in findall(r"(?s)<script>(.*?)</script>", text))])
    styles = " ".join([*more, *(_hash(s) for s in findall(r"(?s)<style>(.*?)</style>", text))])
    return (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; connect-src 'self'; "
        "img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hash(source: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
