"""GraphQL without a server: what is documented, negotiated and kept back."""

from pathlib import Path

import msgspec
import pytest
from graphql import GraphQLError

from antiphon.errors import Overloaded
from antiphon.model import Chunk, End, Fault, Seam, TurnState, Usage
from antiphon.transports.graphql.errors import failed
from antiphon.transports.graphql.events import projection
from antiphon.transports.graphql.schema import RENEW, definition, make_schema
from antiphon.transports.graphql.wire import JSON, RESPONSE, media_type
from stored import running_turn

DOCUMENT = Path(__file__).parents[2] / "docs" / "schema.graphql"


def test_the_document_is_up_to_date():
    assert DOCUMENT.read_text("utf-8") == definition(), f"docs/schema.graphql is out of date. Run: {RENEW}"


def test_what_failed_inside_is_not_told():
    told = failed(GraphQLError("secret", original_error=ValueError("secret"), path=["me"]))
    assert "secret" not in str(told)
    assert told["extensions"] == {"code": "internal_error", "status": 500}
    assert told["path"] == ["me"]
    known = failed(GraphQLError("x", original_error=Overloaded("Full.", retry_after=2)))
    assert known["extensions"] == {"code": "overloaded", "status": 503, "retry_after": 2}


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("application/graphql-response+json", RESPONSE),
        ("application/json, application/graphql-response+json", RESPONSE),
        ("application/graphql-response+json; charset=utf-8, application/json; q=0.9", RESPONSE),
        ("application/graphql-response+json; q=0.5, application/json", JSON),
        ("text/html, */*; q=0.8", JSON),
        ("text/html", None),
        ("application/json; q=0", None),
        ("application/json; q=x", None),
    ],
)
def test_media_type(accept, kind):
    assert media_type(accept) == kind


def test_events_show_every_field_of_the_schema():
    """The names are given twice, in the schema and in what events are made of: they must be the same."""
    types = make_schema()._schema.type_map

    def plan(name):
        fields = types[name].fields
        inner = {key: _object(field) for key, field in fields.items()}
        return tuple((key, key, found and plan(found)) for key, found in inner.items())

    def _object(field):
        inner = field.type
        while hasattr(inner, "of_type"):
            inner = inner.of_type
        return inner.name if hasattr(inner, "fields") else None

    turn = running_turn(number=3)
    end = End(
        state=TurnState.FAILED, finish_reason="error", model="m", message_id="r",
        usage=Usage(prompt_tokens=1, completion_tokens=2), error=Fault(code="c", message="m", retry_after=1),
        seams=[Seam(chunk=1, epoch=2, how="continued")], tool_calls=[{"id": "1"}], cached=True,
        pod="p", first_token_ms=1, total_ms=2,
    )  # fmt: skip
    shown = projection("events", plan("ReplyEvent"))
    chunks = [Chunk("content", "a\nb"), Chunk("end", msgspec.json.encode(end).decode())]
    results = [msgspec.json.decode(it)["data"]["events"] for it in shown.chunks(turn, 0, chunks, ",2.5", {})]
    assert set(results[0]) == set(types["ReplyEvent"].fields)
    missing = {key for key in results[0] if all(result[key] is None for result in results)}
    assert missing == set()
    assert results[0]["cursor"] == "3.1,2.5"
    for name, value in (("ReplyEnd", results[1]["end"]), ("Usage", results[1]["end"]["usage"])):
        assert set(value) == set(types[name].fields)
        assert None not in value.values()
    assert results[1]["end"]["error"] == {"code": "c", "message": "m", "retryAfter": 1.0}
    assert results[1]["end"]["seams"] == [{"chunk": 1, "epoch": 2, "how": "continued"}]
    enum = types["ReplyEventType"].values
    assert {it["type"] for it in results} < set(enum)
    assert {it.upper() for it in ("content", "reasoning", "tool", "seam", "reset", "end")} < set(enum)


def test_readers_that_select_the_same_share_the_bytes():
    assert projection("a", (("b", "text", None),)) is projection("a", (("b", "text", None),))
