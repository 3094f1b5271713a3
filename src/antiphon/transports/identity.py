"""Who asks, until there is sign-in: a guest known by a signed cookie, or whoever the request says.

A ``user_id`` (query) or ``X-User-ID`` (header) is believed as it stands. A guest's sessions are out of its
reach: the kinds of principal never share an id.
"""

import hashlib
import secrets

from itsdangerous import BadSignature, Signer

from antiphon.errors import Invalid
from antiphon.model import Principal
from antiphon.transports.asgi import Request

COOKIE = "antiphon_guest"
COOKIE_AGE_S = 365 * 24 * 3600
LONGEST_USER_ID = 180


def user(user_id: str) -> Principal:
    """Return the principal of a ``user_id`` that is believed. Raises Invalid."""
    if not user_id.strip() or len(user_id) > LONGEST_USER_ID or not user_id.isprintable():
        raise Invalid(f"A user_id is 1 to {LONGEST_USER_ID} printable characters.")
    return Principal(f"user:{user_id}")


class Identity:
    """Tells who asks."""

    def __init__(self, secret: str) -> None:
        self._signer = Signer(secret, salt="antiphon.guest", key_derivation="hmac")

    def identify(self, request: Request) -> None:
        """Set the request's principal; a new guest gets a cookie with the response.

        A program that sends an API key and nothing else is known by that key: it keeps no cookies.
        """
        claimed = request.header(b"x-user-id") or request.query("user_id")
        if claimed is not None:
            request.principal = user(claimed)
            return
        guest = self._guest(request.header(b"cookie"))
        key = (request.header(b"authorization") or "").partition(" ")[2].strip()
        if guest is None and key:
            request.principal = Principal(f"key:{hashlib.sha256(key.encode()).hexdigest()[:32]}")
            return
        request.new_guest = guest is None
        if guest is None:
            guest = secrets.token_hex(16)
            value = self._signer.sign(guest).decode()
            request.set_cookie = (
                f"{COOKIE}={value}; Path=/; Max-Age={COOKIE_AGE_S}; HttpOnly; SameSite=Lax"
                + ("; Secure" if request.scope.get("scheme") == "https" else "")
            ).encode()
        request.principal = Principal(f"guest:{guest}")

    def _guest(self, cookies: str | None) -> str | None:
        """Return the guest of a cookie that verifies; one that does not is as good as none."""
        for pair in (cookies or "").split(";"):
            name, _, value = pair.strip().partition("=")
            if name == COOKIE:
                try:
                    return self._signer.unsign(value).decode("ascii")
                except (BadSignature, UnicodeDecodeError):
                    return None
        return None
