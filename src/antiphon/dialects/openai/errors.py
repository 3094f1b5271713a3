"""Errors as OpenAI tells them: ``{"error": {"message", "type", "param", "code"}}``."""

import re
from typing import TypedDict

import msgspec
import structlog

from antiphon.engine.faults import error_of
from antiphon.errors import AntiphonError, Invalid, NotFound, ProviderRefused
from antiphon.model import Fault
from antiphon.transports.asgi import Request, answer_json

# Statuses of a provider that blame the request: whoever sent it can set it right. The others blame the
# provider's configuration here (its key, its account), which is nothing that the asker could change.
_ASKERS = frozenset({400, 404, 405, 409, 413, 415, 422})
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_CODES = {"rate_limited": "rate_limit_exceeded", "provider_rate_limited": "rate_limit_exceeded"}
_SERVER_ERROR = 500
_CONTEXT = re.compile(r"context[ _](length|window)", re.IGNORECASE)


class Error(TypedDict):
    """What went wrong; ``code`` is for programs, ``param`` the place in the body that is to blame."""

    message: str
    type: str
    param: str | None
    code: str


class ErrorResponse(TypedDict):
    """An answer that tells an error."""

    error: Error


ERRORS = (403, 404, 429, 502, 504)
"""Statuses of errors that any route may answer which asks a provider."""


class InvalidParameter(Invalid):
    """A parameter that cannot be accepted; ``param`` is its place in the body (``messages[0].role``)."""

    status = 400
    code = "invalid_value"

    def __init__(self, message: str, param: str | None, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.param = param
        self.openai_code = code


class ModelNotFound(NotFound):
    """The name stands for no model here."""

    code = "model_not_found"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An error as it is answered. ``again`` is False where a client's retry is in vain."""

    status: int
    type: str
    code: str
    message: str
    param: str | None = None
    retry_after: float | None = None
    again: bool = True

    def body(self) -> ErrorResponse:
        """Return the JSON of the answer."""
        told: Error = {
            "message": self.message,
            "type": self.type,
            "param": self.param,
            "code": self.code,
        }
        return {"error": told}

    def headers(self) -> dict[str, str]:
        """Return the headers that tell clients whether and when to try again (the official SDKs do)."""
        headers = {"x-request-id": request_id()}
        if self.retry_after is not None:
            headers["retry-after"] = str(max(1, round(self.retry_after)))
        if not self.again:
            headers["x-should-retry"] = "false"
        return headers


def of_error(error: AntiphonError) -> Told:
    """Return how an error is told."""
    if isinstance(error, InvalidParameter):
        return _told(400, error.openai_code, error.message, param=error.param)
    if isinstance(error, ProviderRefused):
        return _refused(error)
    status = 400 if isinstance(error, Invalid) else error.status
    param = "model" if isinstance(error, ModelNotFound) else None
    return _told(status, error.code, error.message, param=param, retry_after=error.retry_after)


def of_fault(fault: Fault) -> Told:
    """Return how the failure of a reply is told."""
    return of_error(error_of(fault))


def _refused(error: ProviderRefused) -> Told:
    status = error.provider_status
    if status not in _ASKERS:
        return _told(error.status, error.code, error.message, again=False)
    if status == NotFound.status:
        return _told(status, ModelNotFound.code, error.message, param="model")
    context = _CONTEXT.search(error.message) is not None
    return _told(status, "context_length_exceeded" if context else error.code, error.message)


def request_id() -> str:
    """Return the id of the request under way, by which its lines in the log are found."""
    return str(structlog.contextvars.get_contextvars().get("request", ""))


async def answer_error(request: Request, error: AntiphonError) -> None:
    """Send an error in this contract's shape."""
    await answer_told(request, of_error(error))


async def answer_told(request: Request, told: Told) -> None:
    """Send an error."""
    request.set_cookie = None  # a program that calls an API keeps none
    await answer_json(request, told.status, told.body(), told.headers())


def _told(
    status: int,
    code: str,
    message: str,
    *,
    param: str | None = None,
    retry_after: float | None = None,
    again: bool = True,
) -> Told:
    blamed = "server_error" if status >= _SERVER_ERROR else "invalid_request_error"
    return Told(
        status=status,
        type=_TYPES.get(status, blamed),
        code=_CODES.get(code, code),
        message=message,
        param=param,
        retry_after=retry_after,
        again=again,
    )
