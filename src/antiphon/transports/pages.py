"""The page at ``/`` and the API's documentation at ``/docs``, from files of this package."""

import hashlib
from base64 import b64encode
from importlib.resources import files
from re import findall

from fastapi import FastAPI, Response

PAGES = {"/": "chat.html", "/docs": "docs.html"}


def add_pages(app: FastAPI) -> None:
    """Serve the pages. Each runs the scripts it holds itself and nothing else."""
    for path, name in PAGES.items():
        text = (files("antiphon.transports") / "static" / name).read_text("utf-8")
        _add(app, path, text)


def _add(app: FastAPI, path: str, text: str) -> None:
    headers = {"Content-Security-Policy": _policy(text), "Cache-Control": "no-cache", **_SAFE}

    @app.get(path, include_in_schema=False)
    async def page() -> Response:
        return Response(text, media_type="text/html", headers=headers)


_SAFE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"}


def _policy(text: str) -> str:
    """Return a Content-Security-Policy that names the page's own scripts and styles by their hashes."""
    scripts = " ".join(_hash(s) for s in findall(r"(?s)<script>(.*?)</script>", text))
    styles = " ".join(_hash(s) for s in findall(r"(?s)<style>(.*?)</style>", text))
    return (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hash(source: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
