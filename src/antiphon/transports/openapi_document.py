"""``/openapi.json``: what all routes take and answer, from their own types.

FastAPI documents the routes it serves, with the types of answers from :func:`answers`; the raw routes are
added from what :class:`~antiphon.transports.http.Route` says of them. Clients may be generated from it, and
the tests hold every answer against it.
"""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from antiphon.errors import AntiphonError
from antiphon.transports.asgi import Problem, answer_problem
from antiphon.transports.http import WEBSOCKET, Route

_REFERENCE = "#/components/schemas/{name}"
_JSON = "application/json"
_PROBLEM = "application/problem+json"
_STREAM = "text/event-stream"
_TEXT = "text/plain"
# What any route may answer: not readable, a name or parameter that cannot be, failed, no room or no store.
_ALWAYS = (400, 422, 500, 503)
_WITH_BODY = (413, 415)
_BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
_WITH_RETRY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_RETRY_AFTER = {
    "Retry-After": {
        "description": "seconds until it may go better",
        "schema": {"type": "integer", "minimum": 1},
    }
}
# Who asks, see PROTOCOL.md. Nothing at all makes a guest.
_SCHEMES = {
    "user": {
        "type": "apiKey",
        "in": "header",
        "name": "X-User-ID",
        "description": "believed until there is sign-in",
    },
    "key": {"type": "http", "scheme": "bearer", "description": "what a key made belongs to whoever has it"},
}


def answers(
    kind: Any, *errors: int, status: int = 200, also: Sequence[tuple[int, str, Any]] = ()
) -> dict[int | str, dict[str, Any]]:
    """Return FastAPI's ``responses`` of a route that answers ``kind``, beside what any route may answer."""
    told = [(status, "" if kind is None else _JSON, kind), *also]
    found: dict[int | str, dict[str, Any]] = {}
    for number, content_type, type_ in told:
        found[number] = {"description": HTTPStatus(number).phrase}
        if content_type:
            found[number]["content"] = {content_type: {"schema": _reference(type_)}}
    for number in sorted({*_ALWAYS, *errors} - found.keys()):
        found[number] = _refusal(number, {_PROBLEM: {"schema": _reference(Problem)}})
    return found


def _reference(kind: Any) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(name=kind.__name__)}


def make_document(app: FastAPI, routes: Sequence[Route], named: Sequence[Any]) -> dict[str, Any]:
    """Return the document of FastAPI's routes and the raw ones; ``named``: the types given to ``answers``."""
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    documented = [route for route in routes if route.method != WEBSOCKET]  # OpenAPI has no word for those
    types = _Types([Problem, *named, *(t for route in documented for t in _types(route))])
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(types.components)
    components["securitySchemes"] = _SCHEMES
    document["security"] = [{}, *({name: []} for name in _SCHEMES)]
    taken = {o["operationId"] for path in document["paths"].values() for o in path.values()}
    for route in documented:
        operation = _operation(route, types)
        if operation["operationId"] in taken:
            operation["operationId"] = f"{operation['operationId']}_{_slug(route)}"
        taken.add(operation["operationId"])
        document["paths"].setdefault(_path(route), {})[route.method.lower()] = operation
    return document


class _Types:
    """The schemas of types, named once each in the document's components."""

    def __init__(self, kinds: Sequence[Any]) -> None:
        self._kinds = list(kinds)
        self._schemas, self.components = msgspec.json.schema_components(self._kinds, ref_template=_REFERENCE)
        codes = sorted({kind.code for kind in _family(AntiphonError)})
        self.components["Problem"]["properties"]["code"] = {"type": "string", "enum": codes}

    def __getitem__(self, kind: Any) -> dict[str, Any]:
        return next(s for k, s in zip(self._kinds, self._schemas, strict=True) if k is kind)


def _family(kind: type[AntiphonError]) -> list[type[AntiphonError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in _family(child))]


def _types(route: Route) -> list[Any]:
    """Return all types that a route is documented with."""
    found = [kind for _, kind in _parameters(route)]
    found += _alternatives(route.body)
    found += [kind for each in route.answers for rest in each[2:] for kind in _alternatives(rest)]
    return [*found, *_alternatives(route.fault)]


def _alternatives(kind: Any) -> list[Any]:
    """Return the types of which one fits."""
    if kind is None:
        return []
    return list(kind) if isinstance(kind, tuple) else [kind]


def _parameters(route: Route) -> list[tuple[str, Any]]:
    return [(each, str) if isinstance(each, str) else each for each in route.parameters]


def _schema(kind: Any, types: _Types) -> dict[str, Any]:
    found = [types[each] for each in _alternatives(kind)]
    if not found:
        return {"type": "object"}
    return found[0] if len(found) == 1 else {"anyOf": found}


def _operation(route: Route, types: _Types) -> dict[str, Any]:
    text = (route.handler.__doc__ or "").strip()
    operation: dict[str, Any] = {
        "summary": text.split("\n")[0],
        "operationId": getattr(route.handler, "__name__", _slug(route)),
        "tags": [route.tag],
        "parameters": _all_parameters(route, types),
        "responses": _responses(route, types),
    }
    if route.body is not None:
        content: dict[str, Any] = {_JSON: {"schema": _schema(route.body, types)}}
        if route.examples:
            content[_JSON]["examples"] = {name: {"value": body} for name, body in route.examples.items()}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _all_parameters(route: Route, types: _Types) -> list[dict[str, Any]]:
    text = {"type": "string", "minLength": 1}
    in_path = re.findall(r"\{(\w+)\}", _path(route))
    found = [{"name": n, "in": "path", "required": True, "schema": text} for n in in_path]
    for name, kind in _parameters(route):
        place = {"name": name.rstrip("!"), "in": "query", "required": name.endswith("!")}
        found.append({**place, "schema": types[kind]})
    headers = [*route.headers, *(["Last-Event-ID"] if _resumes(route) else [])]
    found += [{"name": n, "in": "header", "required": False, "schema": {"type": "string"}} for n in headers]
    return found


def _resumes(route: Route) -> bool:
    """Whether this is a stream that a browser's EventSource reads, and comes back to with its last id."""
    return route.method == "GET" and any(each[1] == _STREAM for each in route.answers)


def _responses(route: Route, types: _Types) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in route.answers:
        status, content_type = each[:2]
        answer = found.setdefault(str(status), {"description": HTTPStatus(status).phrase})
        if content_type and status not in _BODILESS and route.method != "HEAD":
            kind = next(iter(each[2:]), None)
            schema = {} if kind is None else {"schema": _schema(kind, types)}
            answer.setdefault("content", {})[content_type] = schema
    shapes = _shapes(route, types)
    errors = {*_ALWAYS, *route.errors}
    errors |= {HTTPStatus.NOT_FOUND} if "{" in route.path else set()
    errors |= set(_WITH_BODY) if route.body is not None else set()
    for status in sorted(errors):
        found.setdefault(str(int(status)), _refusal(status, shapes))
    return found


def _shapes(route: Route, types: _Types) -> dict[str, Any]:
    """Return what errors look like, by content type."""
    if route.error is answer_problem:
        return {_PROBLEM: {"schema": types[Problem]}}
    kinds = _alternatives(route.fault)
    found: dict[str, Any] = {}
    if str in kinds:
        found[_TEXT] = {"schema": types[str]}
    in_json = tuple(kind for kind in kinds if kind is not str)
    if in_json or not found:
        found[_JSON] = {"schema": _schema(in_json, types)}
    return found


def _refusal(status: int, shapes: dict[str, Any]) -> dict[str, Any]:
    refusal: dict[str, Any] = {"description": HTTPStatus(status).phrase, "content": shapes}
    if status in _WITH_RETRY:
        refusal["headers"] = _RETRY_AFTER
    return refusal


def _path(route: Route) -> str:
    return route.path.replace(":path}", "}")


def _slug(route: Route) -> str:
    return "_".join([route.method.lower(), *re.findall(r"\w+", _path(route))])
