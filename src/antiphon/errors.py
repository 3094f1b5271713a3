"""Every error a user can meet, one tree.

    AntiphonError
    ├── BadRequest              400  not understood at all: not JSON, not UTF-8, an unreadable cursor
    ├── Forbidden               403  a page of an origin that is not allowed
    ├── NotFound                404  no such thing, or another principal's
    ├── MethodNotAllowed        405  the path takes another method
    ├── Conflict                409  contradicts what is stored
    ├── CursorExpired           410  the chunks at that cursor are gone
    ├── TooLarge                413  over a size bound
    ├── Unsupported             415  a body that is not JSON by its own declaration
    ├── Invalid                 422  understood, but not acceptable
    ├── RateLimited             429  too often; ``retry_after`` says when to try again
    ├── Overloaded              503  a bound of this pod is reached, or it is draining
    │   └── StoreUnavailable         the database does not answer or cannot write
    ├── LogLost                 500  a reply's chunks went down with the process that held them
    └── ProviderError           502  the model's side failed
        ├── ProviderUnreachable      no connection, or it broke before the first token
        ├── ProviderTimeout          nothing came within the time allowed
        ├── ProviderRateLimited      429 from the provider
        ├── ProviderRefused          the provider will not serve this request (400, 401, 403, 404 …)
        └── ProviderGarbled          bytes that are not the provider's protocol, or a cut in mid-reply

    Fenced                      a newer epoch owns the turn (internal: never reaches a user)

``code`` is stable and meant for programs; the message is for people and says what to do.
"""

from typing import ClassVar


class AntiphonError(Exception):
    """Base of all errors that are answered to a user."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


class BadRequest(AntiphonError):
    """The request cannot be read."""

    status = 400
    code = "bad_request"


class Forbidden(AntiphonError):
    """Whoever asks may not."""

    status = 403
    code = "forbidden"


class NotFound(AntiphonError):
    """No such thing, or it belongs to another principal: the two are told apart by nobody."""

    status = 404
    code = "not_found"


class MethodNotAllowed(AntiphonError):
    """There is such a path, but it takes another method."""

    status = 405
    code = "method_not_allowed"


class Conflict(AntiphonError):
    """The request contradicts what is stored."""

    status = 409
    code = "conflict"


class CursorExpired(AntiphonError):
    """The chunks after this cursor are no longer kept."""

    status = 410
    code = "cursor_expired"


class TooLarge(AntiphonError):
    """A size bound is exceeded."""

    status = 413
    code = "too_large"


class Unsupported(AntiphonError):
    """The body's content type is not one that is read."""

    status = 415
    code = "unsupported_media_type"


class Invalid(AntiphonError):
    """The request was read but cannot be accepted."""

    status = 422
    code = "invalid"


class RateLimited(AntiphonError):
    """Too many requests; ``retry_after`` is in seconds."""

    status = 429
    code = "rate_limited"


class Overloaded(AntiphonError):
    """A bound of this pod is reached; another pod, or the same a little later, will serve."""

    status = 503
    code = "overloaded"


class StoreUnavailable(Overloaded):
    """The database does not answer or cannot be written; nothing was stored."""

    code = "store_unavailable"


class LogLost(AntiphonError):
    """The chunks of a running reply are gone, and so it cannot go on."""

    code = "log_lost"


class ProviderError(AntiphonError):
    """The model's side failed.

    ``retryable`` tells whether the same request may succeed a little later; it says nothing about whether
    tokens were already received. ``provider_status`` is the HTTP status that the provider answered with.
    """

    status = 502
    code = "provider_error"
    retryable: ClassVar[bool] = False

    def __init__(
        self, message: str, *, retry_after: float | None = None, provider_status: int | None = None
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.provider_status = provider_status


class ProviderUnreachable(ProviderError):
    """No connection to the provider, or a 5xx answer from it."""

    code = "provider_unreachable"
    retryable = True


class ProviderTimeout(ProviderError):
    """The provider was silent for longer than allowed."""

    status = 504
    code = "provider_timeout"
    retryable = True


class ProviderRateLimited(ProviderError):
    """The provider answered 429; ``retry_after`` is what it asked for, in seconds."""

    status = 429
    code = "provider_rate_limited"
    retryable = True


class ProviderRefused(ProviderError):
    """The provider will not serve this request, however often it is asked."""

    code = "provider_refused"


class ProviderGarbled(ProviderError):
    """The provider's stream ended early or is not in its protocol."""

    code = "provider_garbled"
    retryable = True


class Fenced(Exception):
    """A newer epoch owns this turn: whoever gets this must stop writing."""
