"""What clients say they take (RFC 9110, 12.5), and so who asks: a person, or a program."""

from collections.abc import Sequence

from antiphon.transports.asgi import Request

ANYTHING = "*/*"
_FOR_PROGRAMS = ("application/json", "application/problem+json")


def weights(values: Sequence[str]) -> dict[str, float]:
    """Return how much each is liked that an ``Accept`` or ``Accept-Encoding`` names, from 0 to 1."""
    found: dict[str, float] = {}
    for part in ",".join(values).split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        found[name] = _weight(parameters)
    return found


def _weight(parameters: Sequence[str]) -> float:
    """Return the ``q`` of an element: 1 without one, 0 for one that is no number of the range."""
    given = next((p.removeprefix("q=").strip() for p in parameters if p.startswith("q=")), "1")
    try:
        weight = float(given)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0


def is_navigation(request: Request) -> bool:
    """Whether a person has opened this address in a browser; else a program asks, or a page's script.

    Browsers say so themselves, but not to a server that is reached by plain HTTP over the network: there they
    are known by liking HTML best.
    """
    mode = request.header(b"sec-fetch-mode")
    if mode is not None:
        return mode == "navigate"
    liked = weights([request.header(b"accept") or ""])
    page = liked.get("text/html", 0.0)
    return page >= liked.get(ANYTHING, 0.0) and page > max(liked.get(kind, 0.0) for kind in _FOR_PROGRAMS)
