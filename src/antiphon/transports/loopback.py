"""Who is at this machine itself: for what is nobody else's until there is sign-in."""

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from antiphon.errors import Forbidden
from antiphon.transports.asgi import Request

_FOR = re.compile(r'(?i)\bfor\s*=\s*("[^"]*"|[^;,\s]*)')
HOW = (
    "Open this page on the machine itself, at http://127.0.0.1 and its port, or through a tunnel: "
    "ssh -L 8000:127.0.0.1:8000 <machine>, then http://127.0.0.1:8000/status."
)


class Loopback:
    """Tells requests of this machine from all others.

    ``believes_anyone``: X-Forwarded-For is believed whoever sends it, so that an address proves nothing.
    """

    def __init__(self, *, believes_anyone: bool = False) -> None:
        self._believes_anyone = believes_anyone

    def check(self, request: Request) -> None:
        """Let requests of this machine pass. Raises Forbidden, with a word on how to get there."""
        reason = self._refusal(request)
        if reason is not None:
            raise Forbidden(f"These figures are for this machine alone: {reason}. {HOW}")

    def holds(self, request: Request) -> bool:
        """Whether the request would pass."""
        return self._refusal(request) is None

    def _refusal(self, request: Request) -> str | None:
        """Return why the request may not be this machine's; None if it is."""
        if self._believes_anyone:
            return "ANTIPHON_TRUSTED_PROXIES=* lets everybody claim any address"
        if request.address is None or not is_loopback(request.address):
            return f"the request comes from {request.address or 'a local socket'}"
        # A proxy of this machine that is not believed, or another before it: its address is not the asker's.
        for name in _forwarded_for(request):
            if not is_loopback(name):
                return f"the request was forwarded for {name[:60]!r}"
        # A proxy of this machine that says nothing of whom it asks for still says what name it was asked by,
        # and so does a page anywhere that points a name of its own at this machine (DNS rebinding).
        host = _hostname(f"//{request.header(b'host') or ''}")
        if not is_own_name(host):
            return f"the request is for {host[:60]!r}"
        return _other_page(request)


def is_loopback(address: str) -> bool:
    """Whether an IP address is this machine's own; what is no address is not."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)


def is_own_name(host: str) -> bool:
    """Whether a host, without its port, always names the machine that asks: nobody's DNS has a say."""
    name = host.removeprefix("[").removesuffix("]")
    return is_loopback(name) or name == "localhost" or name.endswith(".localhost")


def _forwarded_for(request: Request) -> Iterator[str]:
    """Yield every address that the request was forwarded for, by any of the headers that tell it."""
    for name, value in request.scope["headers"]:
        text = value.decode("latin-1")
        if name in (b"x-forwarded-for", b"x-real-ip"):
            yield from (_bare(part) for part in text.split(","))
        elif name == b"forwarded":
            yield from (_bare(found.strip('"')) for found in _FOR.findall(text))


def _bare(node: str) -> str:
    """Return the address of a node, which may have a port: ``192.0.2.1:80``, ``[::1]:80``."""
    node = node.strip()
    if node.startswith("["):
        return node[1:].partition("]")[0]
    return node.partition(":")[0] if node.count(":") == 1 else node


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _other_page(request: Request) -> str | None:
    """Return why a request that a web page makes is not from a page of this server."""
    if (request.header(b"sec-fetch-site") or "none") not in ("none", "same-origin"):
        return "a page of another origin asks"
    origin = request.header(b"origin")
    if origin is not None and origin.partition("://")[2].lower() != (request.header(b"host") or "").lower():
        return "a page of another origin asks"
    return None
