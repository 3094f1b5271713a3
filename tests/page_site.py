"""The application with nothing but its pages, on a folder that stands in for a build."""

import gzip
from collections import Counter

from antiphon.transports.http import Application
from antiphon.transports.identity import Identity
from antiphon.transports.loopback import Loopback
from antiphon.transports.origins import Origins
from antiphon.transports.pages import Pages, add_pages
from antiphon.transports.rest import make_rest

SCRIPT = b"export const answer = 42;\n" * 50
FILES = {
    "index.html": b"<!doctype html><title>page</title>",
    "assets/index-abc123.js": SCRIPT,
    "assets/index-abc123.js.gz": gzip.compress(SCRIPT),
    "assets/index-abc123.js.br": b"as if brotli",
    "assets/plain-abc123.js": SCRIPT,
    "icons/icon.svg": b"<svg/>",
    **dict.fromkeys(("manifest.webmanifest", "sw.js", "widget.js", "widget.mjs"), b"{}"),
    "widget-demo.html": b"<style>a{}</style><script>x()</script><script src=/widget.js></script>",
    ".vite/manifest.json": b"{}",
    "lonely.gz": b"no variant of anything",
}
OTHERS = {"Flask": "https://flask.example:5000/base", "Twin": "https://flask.example:5000"}


def make_build(folder):
    """Put the files of a build into a folder; return it."""
    for name, body in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.pairs = [(name.decode(), value.decode()) for name, value in headers]
        self.headers = dict(self.pairs)
        self.body = body


class Site:
    """The application; ``ask`` needs no socket."""

    def __init__(self, folder, *, local=True, origins=(), servers=None, believes_anyone=False):
        loopback = Loopback(believes_anyone=believes_anyone)
        pages = Pages(OTHERS if servers is None else servers, loopback, local, folder)
        fastapi = make_rest(_Nothing(), _Nothing(), pages.routes)
        add_pages(fastapi, pages, pages.routes)
        self.app = Application(
            pages.routes,
            fastapi,
            Identity("x" * 16),
            Origins(frozenset(origins)),
            body_limit=1000,
            most_connections=10,
            hosts=frozenset(),
            refused=Counter(),
        )

    async def ask(self, path, method="GET", client="127.0.0.1", **headers):
        sent = []
        headers = {"host": "localhost:8000", **{k.replace("_", "-"): v for k, v in headers.items()}}
        scope = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
            "client": (client, 1),
        }

        async def receive():
            return {"type": "http.request", "body": b""}

        async def send(message):
            sent.append(message)

        await self.app(scope, receive, send)
        body = b"".join(part.get("body", b"") for part in sent[1:])
        return Answer(sent[0]["status"], sent[0]["headers"], body)


class _Nothing:
    """Stands for the engine: no page asks it anything."""

    def __getattr__(self, name):
        return self
