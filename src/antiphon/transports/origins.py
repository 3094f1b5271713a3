"""Which web pages may use this server from a browser (the Fetch standard's CORS protocol)."""

from urllib.parse import SplitResult, urlsplit

from antiphon.errors import Forbidden
from antiphon.transports.asgi import Request

LOCAL = ("localhost", "127.0.0.1", "::1")
METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
PREFLIGHT_S = 7200
# What pages may read of an answer beside the few headers that all may.
EXPOSED = (
    b"Retry-After, X-Request-ID, ETag, Location, Stream-Next-Offset, Stream-Cursor, Stream-Up-To-Date, "
    b"Stream-Closed, X-Vercel-AI-UI-Message-Stream"
)


class Origins:
    """The origins allowed: their names, ``*`` for any, ``local`` for all pages of this machine."""

    def __init__(self, allowed: frozenset[str]) -> None:
        self._allowed = allowed

    def greet(self, request: Request) -> bool:
        """Give the answer the headers its page needs; tell whether the request only asked for those."""
        origin = request.header(b"origin")
        if origin is None or not self._knows(origin):
            return False
        anyone = "*" in self._allowed and origin.lower() not in self._allowed
        request.cors = [
            (b"access-control-allow-origin", b"*" if anyone else origin.encode()),
            (b"access-control-expose-headers", EXPOSED),
            (b"vary", b"Origin"),
        ]
        if not anyone:
            request.cors.append((b"access-control-allow-credentials", b"true"))
        asked = request.header(b"access-control-request-method")
        if request.scope.get("method") != "OPTIONS" or asked is None:
            return False
        wanted = request.header(b"access-control-request-headers") or ""
        request.cors += [
            (b"access-control-allow-methods", METHODS),
            (b"access-control-allow-headers", wanted.encode() if wanted.isascii() else b""),
            (b"access-control-max-age", b"%d" % PREFLIGHT_S),
        ]
        return True

    def check(self, request: Request) -> None:
        """Refuse a socket that a page of another origin opens: browsers let it, with the user's cookies."""
        origin = request.header(b"origin")
        if origin is None or self._knows(origin):
            return
        host = _split(origin).netloc.lower()
        if not host or host != (request.header(b"host") or "").lower():
            raise Forbidden(f"Pages of {origin!r} may not connect. Add it to ANTIPHON_ALLOWED_ORIGINS.")

    def _knows(self, origin: str) -> bool:
        if "*" in self._allowed or origin.lower() in self._allowed:
            return True
        return "local" in self._allowed and _split(origin).hostname in LOCAL


def _split(origin: str) -> SplitResult:
    """Return the parts of an origin; none of what no browser sends."""
    try:
        return urlsplit(origin if origin.isascii() else "")
    except ValueError:
        return urlsplit("")
