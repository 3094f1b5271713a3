"""``ANTIPHON_SERVERS``: other servers that the page can be switched to."""

import re
from urllib.parse import urlsplit

COMPARED = {"Flask": "http://localhost:5000", "Node": "http://localhost:3000"}
"""The two stacks of the comparison, where they listen when started as they come."""
MOST = 20
_NAME = re.compile(r"[^=,]{1,40}")
# What a Content-Security-Policy can name: that has no word for addresses of IPv6.
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_PATH = re.compile(r"(/[A-Za-z0-9_.~-]+)*/?")


def other_servers(text: str) -> dict[str, str]:
    """Read ``name=url, name=url``; URLs lose the slash at their end. Raises ValueError for what is wrong."""
    found: dict[str, str] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, url = (piece.strip() for piece in part.partition("="))
        if not _NAME.fullmatch(name) or not _is_server(url):
            raise ValueError(
                f"{part!r} must look like name=https://host:port (a path may follow; no user, query or "
                "address of IPv6)"
            )
        if name in found:
            raise ValueError(f"two servers are called {name!r}")
        found[name] = url.rstrip("/")
    if len(found) > MOST:
        raise ValueError(f"{len(found)} servers are more than {MOST}")
    return found


def _is_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    host = f"{parts.hostname}:{port}" if port is not None else parts.hostname or ""
    plain = parts.scheme in ("http", "https") and parts.netloc.lower() == host
    return (
        plain
        and bool(_HOST.fullmatch(parts.hostname or "") and _PATH.fullmatch(parts.path))
        and not (parts.query or parts.fragment or url.endswith(("?", "#")))
    )
