"""Why a reply failed, as an error again: for contracts that answer only when a reply has ended."""

from collections.abc import Iterator

from antiphon.errors import AntiphonError, ProviderError
from antiphon.model import Fault


def _tree(kind: type[AntiphonError]) -> Iterator[type[AntiphonError]]:
    yield kind
    for under in kind.__subclasses__():
        yield from _tree(under)


_BY_CODE = {kind.code: kind for kind in _tree(AntiphonError)}


def error_of(fault: Fault | None) -> AntiphonError:
    """Return the error that a failed reply tells of, with the HTTP status that belongs to its code."""
    if fault is None:
        return AntiphonError("The reply failed. Try again.")
    kind = _BY_CODE.get(fault.code, AntiphonError)
    if issubclass(kind, ProviderError):
        return kind(fault.message, retry_after=fault.retry_after, provider_status=fault.provider_status)
    return kind(fault.message, retry_after=fault.retry_after)
