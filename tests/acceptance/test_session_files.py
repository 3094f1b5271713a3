"""Conversations exported and imported, over HTTP."""

import json
import re
from urllib.parse import unquote

import pytest

from archives import EXPORTED, THEN, bring_in, export, file_of, ids, regenerate, say
from serving import Client, ServerProcess, events, model_toml


def shape(messages):
    """Return a tree without its ids: what each message is, and which one (by its place) it follows."""
    places = {message["id"]: place for place, message in enumerate(messages)}
    kept = EXPORTED - {"id", "parent_id"}
    return [({k: m[k] for k in kept}, places.get(m["parent_id"])) for m in messages]


async def make_tree(client, session):
    """Make two branches, a regenerated reply, a rated one, a stopped one and a failed one."""
    first = await say(client, session, "one", model="test/test-5-1000-0", bot=None)
    await say(client, session, "two \U0001f3bc \u2028")
    await regenerate(client, first)
    await say(client, session, "other", parent=first["message_id"])
    failed = await client.send(session, "fail", model="test/test-20-1-0-status401")
    await client.follow(failed["id"])
    slow = await client.send(session, "slow", model="test/test-200-20-0")
    await client.follow(slow["id"], most=3)
    await client.call("POST", f"/api/turns/{slow['id']}/cancel", 202)
    await client.follow(slow["id"])
    rating = {"rating": "down", "comment": "no \u202e"}
    await client.call("PUT", f"/api/messages/{first['message_id']}/feedback", json=rating)


async def test_what_is_exported_is_imported_as_it_was(client):
    session = await client.session(title="Größe / ?", context={"k": [1]})
    await make_tree(client, session)
    file = await export(client, session)
    assert file.keys() == {"format", "version", "exported_at", "session", "messages"}
    assert all(message.keys() == EXPORTED for message in file["messages"])
    stored = await client.messages(session)
    assert [m["id"] for m in file["messages"]] == [m["id"] for m in stored]

    made = await bring_in(client, file)
    assert (made["title"], made["context"]) == ("Größe / ?", {"k": [1]})
    assert made["created_at"] == file["session"]["created_at"]
    assert made["turn_count"] == 6
    assert (await ids(client))[0] == made["id"] != session
    copied = await client.messages(made["id"])
    assert shape(copied) == shape(stored)
    assert not {m["id"] for m in copied} & {m["id"] for m in stored}
    assert [m["ordinal"] for m in copied] == [m["ordinal"] for m in stored]
    again = await export(client, made["id"])
    assert shape(again["messages"]) == shape(file["messages"])


async def test_an_imported_conversation_is_one_like_any_other(client):
    session = await client.session()
    await make_tree(client, session)
    made = (await bring_in(client, await export(client, session)))["id"]
    assert (await client.call("GET", f"/api/sessions/{made}"))["running"] == []
    copied = await client.messages(made)
    for reply in (m for m in copied if m["role"] == "assistant"):
        turn = await client.call("GET", f"/api/turns/{reply['turn_id']}")
        assert (turn["state"], turn["message_id"]) == (reply["status"], reply["id"])
        followed = await client.follow(turn["id"])
        assert (followed.text, followed.next) == (reply["content"], 2 if reply["content"] else 1)
        assert followed.end["message_id"] == reply["id"]
        assert {k: followed.end.get(k) for k in ("state", "usage", "error")} == {
            "state": reply["status"],
            "usage": reply["usage"],
            "error": reply["metadata"].get("error"),
        }
        if turn["model"] != "test/test-20-1-0-status401":
            await regenerate(client, turn)
    edited = await say(client, made, "edited", parent=copied[2]["parent_id"])
    assert edited["number"] == made_turns(copied) + 6
    following = await say(client, made, "go on")
    assert (await client.call("GET", f"/api/messages/{following['prompt_id']}"))["parent_id"] == edited[
        "message_id"
    ]
    await client.call("DELETE", f"/api/sessions/{made}", 204)


def made_turns(messages):
    return sum(m["role"] == "assistant" for m in messages)


async def test_a_follower_without_a_cursor_is_not_owed_what_was_imported(client):
    made = await bring_in(client, file_of(("a", "user", None), ("b", "assistant", "a")))
    turn = await say(client, made["id"], "now")
    async with client.http.get(f"{client.url}/api/sessions/{made['id']}/events") as response:
        async for event in events(response):
            if event.name == "turn":
                assert event.data["id"] == turn["id"]
                break


async def test_a_session_is_exported_while_a_reply_runs(client):
    session = await client.session()
    slow = await client.send(session, "slow", model="test/test-200-20-0")
    await client.follow(slow["id"], most=2)
    beside = await say(client, session, "beside")
    file = await export(client, session)
    asked, running, *_ = file["messages"]
    assert (running["id"], running["status"], running["content"]) == (slow["message_id"], "stopped", "")
    assert file["messages"][2]["parent_id"] == running["id"]
    assert file["messages"][3]["id"] == beside["message_id"]
    copied = await client.messages((await bring_in(client, file))["id"])
    assert [m["content"] for m in copied] == [asked["content"], "", "beside", "beside"]
    turn = await client.call("GET", f"/api/turns/{copied[1]['turn_id']}")
    assert turn["state"] == "stopped"
    await client.call("POST", f"/api/turns/{slow['id']}/cancel", 202)
    await regenerate(client, await client.call("GET", f"/api/turns/{copied[3]['turn_id']}"))


async def test_a_message_without_a_reply_gets_an_empty_one(client):
    file = file_of(("a", "user", None), ("b", "assistant", "a"), ("c", "user", "b"), ("d", "user", None))
    made = await bring_in(client, file)
    assert made["turn_count"] == 3
    copied = await client.messages(made["id"])
    assert [(m["ordinal"], m["content"], m["status"]) for m in copied] == [
        (2, "a", "complete"),
        (3, "b", "complete"),
        (4, "c", "complete"),
        (5, "", "stopped"),
        (6, "d", "complete"),
        (7, "", "stopped"),
    ]
    again = await regenerate(client, await client.call("GET", f"/api/turns/{copied[3]['turn_id']}"))
    assert again["prompt_id"] == copied[2]["id"]


async def test_what_a_file_says_of_replies_is_kept_only_where_it_fits(client):
    metadata = {
        "model": "elsewhere/x", "finish_reason": 5, "pod": ["p"], "cached": True, "total_ms": 7,
        "evil": "<b>", "first_token_ms": -1, "error": "no", "tool_calls": [{"id": 1}],
        "seams": [{"chunk": 0}], "given": [{"role": "system", "content": "x"}],
    }  # fmt: skip
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}", "x": 1}}]
    parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://x"}}]
    shown = [{"role": "user", "content": parts}]
    file = file_of(
        ("a", "user", None, {"metadata": {"given": shown, "evil": 1}}),
        ("b", "assistant", "a", {"metadata": metadata, "sender": "Somebody"}),
        ("c", "assistant", "a", {"metadata": {"tool_calls": calls}, "created_at": "9999-12-31T23:59:59Z"}),
        ("d", "user", "c", {"metadata": {"given": ["no message"]}, "created_at": "0001-01-01T00:00:00Z"}),
    )
    made = await bring_in(client, file)
    a, b, c, d, _ = await client.messages(made["id"])
    assert a["metadata"] == {"given": shown}
    assert b["metadata"] == {
        "model": "elsewhere/x", "finish_reason": "stop", "cached": True, "total_ms": 7, "seams": []
    }  # fmt: skip
    assert (b["sender"], b["created_at"], b["usage"]) == ("Somebody", THEN, None)
    assert "tool_calls" not in c["metadata"], "nobody sees them"
    assert c["created_at"] <= made["updated_at"], "no time is later than now"
    assert (d["metadata"], d["created_at"]) == ({}, "1970-01-01T00:00:00.000Z")
    # Neither bot nor model are known here: the usual bot answers once more.
    again = await regenerate(client, await client.call("GET", f"/api/turns/{b['turn_id']}"))
    assert (again["bot"], again["model"]) == ("sizebot", "builtin/sizebot")


async def test_a_file_does_not_tell_a_model_what_its_reader_does_not_see(client):
    for given in ([{"role": "user", "content": "unseen"}], [{"role": "system", "content": "a"}], HIDDEN, 5):
        made = await bring_in(client, file_of(("a", "user", None, {"metadata": {"given": given}})))
        asked = (await client.messages(made["id"]))[0]
        assert (asked["content"], asked["metadata"]) == ("a", {})


async def test_an_import_by_the_same_key_is_made_once(client):
    file = file_of(("a", "user", None), ("b", "assistant", "a"))
    key = {"Idempotency-Key": "once"}
    first, again = [
        await client.call("POST", "/api/sessions/import", 201, json=file, headers=key) for _ in range(2)
    ]
    other = await bring_in(client, file)
    assert first == again
    assert other["id"] != first["id"]


HIDDEN = [{"role": "user", "content": "a"}, {"role": "tool", "tool_call_id": "c", "content": "x"}]
USER = ("a", "user", None)
REFUSED = {
    "format": (file_of(format="other"), "$.format"),
    "version": (file_of(version=2), "$.version"),
    "no messages": ({**file_of(), "messages": None}, "$.messages"),
    "a role": (file_of(("a", "system", None)), "$.messages[0].role"),
    "a reply first": (file_of(("a", "assistant", None)), "messages[0].parent_id"),
    "a reply to a reply": (
        file_of(USER, ("b", "assistant", "a"), ("c", "assistant", "b")),
        "messages[2].parent_id 'b' is of the wrong role",
    ),
    "a message after a message": (file_of(USER, ("b", "user", "a")), "messages[1].parent_id 'a'"),
    "unknown parent": (file_of(USER, ("b", "assistant", "x")), "messages[1].parent_id 'x' is none"),
    "a cycle": (file_of(("a", "user", "b"), ("b", "assistant", "a")), "messages[0].parent_id 'b' is none"),
    "itself": (file_of(("a", "user", "a")), "messages[0].parent_id 'a' is none"),
    "twice": (file_of(USER, ("a", "assistant", "a")), "messages[1].id 'a'"),
    "feedback on a message": (
        file_of(("a", "user", None, {"feedback": {"rating": "up", "created_at": THEN}})),
        "messages[0].feedback",
    ),
    "a rating": (
        file_of(USER, ("b", "assistant", "a", {"feedback": {"rating": "so", "created_at": THEN}})),
        "$.messages[1].feedback.rating",
    ),
    "a stopped message": (file_of(("a", "user", None, {"status": "stopped"})), "messages[0].status"),
    "usage": (
        file_of(USER, ("b", "assistant", "a", {"usage": {"prompt_tokens": -1, "completion_tokens": 1}})),
        "$.messages[1].usage.prompt_tokens",
    ),
    "a time": (file_of(("a", "user", None, {"created_at": "yesterday"})), "$.messages[0].created_at"),
    "a time of no zone": (
        file_of(("a", "user", None, {"created_at": "2020-01-01T00:00:00"})),
        "$.messages[0].created_at",
    ),
    "a long message": (file_of(("a", "user", None, {"content": "x" * 100_001})), "messages[0].content"),
    "a long title": (
        file_of(session={"title": "x" * 201, "created_at": THEN}),
        "$.session.title",
    ),
    "NUL in a title": (file_of(session={"title": "a\0", "created_at": THEN}), "$.session.title"),
    "NUL in a sender": (file_of(("a", "user", None, {"sender": "\0"})), "$.messages[0].sender"),
    "too many": (file_of(*[USER] * 21), "21 messages; at most 20"),
}


@pytest.fixture
async def small(tmp_path):
    """A server that takes few messages in a file, and files larger than other bodies."""
    settings = {
        "ANTIPHON_MAX_IMPORT_MESSAGES": "20",
        "ANTIPHON_MAX_IMPORT_BYTES": "300000",
        "ANTIPHON_MAX_BODY_BYTES": "200000",
    }
    async with ServerProcess(tmp_path, "", **settings) as server, Client(server.url) as client:
        yield client


async def test_a_file_that_does_not_fit_is_refused_whole(small, subtests):
    for name, (file, where) in REFUSED.items():
        with subtests.test(name):
            told = await bring_in(small, file, 422)
            assert (told["code"], where in told["detail"]) == ("invalid", True), told["detail"]
    assert await ids(small) == []
    context = {"title": "", "context": {"k": "x" * 20_000}, "created_at": THEN}
    assert (await bring_in(small, file_of(session=context), 413))["code"] == "too_large"
    assert (await bring_in(small, file_of(*[(str(n), "user", None) for n in range(20)])))["turn_count"] == 20


async def test_files_have_a_bound_of_their_own(small):
    fits = file_of(*[(str(n), "user", None, {"content": "x" * 90_000}) for n in range(3)])
    assert len(json.dumps(fits)) > 200_000
    assert (await bring_in(small, fits))["turn_count"] == 3
    fits["messages"].append(fits["messages"][0] | {"id": "4"})
    told = await bring_in(small, fits, 413)
    assert told["code"] == "too_large"
    assert "300000 bytes" in told["detail"]
    assert "ANTIPHON_MAX_IMPORT_BYTES" in told["detail"]


async def test_imports_count_as_messages(tmp_path):
    settings = {"ANTIPHON_RATE_LIMITS": "on", "ANTIPHON_RATE_USER": "3/hour"}
    async with ServerProcess(tmp_path, "", **settings) as server, Client(server.url) as client:
        await bring_in(client, file_of())
        large = file_of(*[(str(n), "user", None, {"content": "x" * 90_000}) for n in range(13)])
        await bring_in(client, large)
        told = await bring_in(client, file_of(), 429)
        assert told["retry_after"] > 1
        assert len(await ids(client)) == 2


async def test_a_long_session_is_exported_whole(client):
    messages = [USER]
    for n in range(1, 1_500):
        role = "assistant" if n % 2 else "user"
        messages.append((f"m{n}", role, messages[-1][0], {"content": f"{n} " + "x" * 200}))
    made = (await bring_in(client, file_of(*messages)))["id"]
    file = await export(client, made)
    assert [m["content"].split()[0] for m in file["messages"]] == ["a", *map(str, range(1, 1_500))]
    text = await markdown(client, made)
    found = re.findall(r"^(\d+) x+$", text, re.MULTILINE)
    assert found == [str(n) for n in range(1, 1_500)]


async def markdown(client, session, query=""):
    url = f"{client.url}/api/sessions/{session}/export?format=markdown{query}"
    async with client.http.get(url) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, "text/markdown; charset=utf-8")
        return await response.text()


async def test_a_branch_is_exported_as_markdown(client):
    session = await client.session(title="Sizes\n# & more")
    first = await say(client, session, "**one**")
    await say(client, session, "two")
    await say(client, session, "other", parent=first["message_id"])
    text = await markdown(client, session)
    assert re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "WHEN", text) == (
        "# Sizes # & more\n"
        "\n**user** · WHEN\n\n**one**\n"
        "\n**echo** · WHEN\n\n**one**\n"
        "\n**user** · WHEN\n\nother\n"
        "\n**echo** · WHEN\n\nother\n"
    )
    assert "other" not in await markdown(client, session, f"&leaf={first['message_id']}")
    path = f"/api/sessions/{session}/export"
    for query in ("?format=pdf", "?leaf=x"):
        assert (await client.call("GET", path + query, 422))["code"] == "invalid"
    await client.call("GET", f"{path}?format=markdown&leaf=msg_none", 404)
    async with Client(client.url, "mallory") as mallory:
        await mallory.call("GET", path, 404)
        await mallory.call("GET", f"{path}?format=markdown", 404)


async def test_exports_are_files_with_harmless_names(client):
    names = {
        "Größe: “42”": "Größe “42”",
        "../../etc/passwd": "etc passwd",
        'a"; filename=b.exe\r\nX: y': "a ; filename=b.exe X y",
        "gpj\u202eexe": "gpj exe",
        "": "conversation",
        "...": "conversation",
        "x" * 200: "x" * 80,
    }
    for title, expected in names.items():
        session = await client.session(title=title)
        for query, ending in {"": ".json", "?format=markdown": ".md"}.items():
            async with client.http.get(f"{client.url}/api/sessions/{session}/export{query}") as response:
                told = response.headers["Content-Disposition"]
                assert response.headers["X-Content-Type-Options"] == "nosniff"
            prefix = "attachment; filename*=UTF-8''"
            assert told.startswith(prefix), told
            assert unquote(told.removeprefix(prefix)) == expected + ending


async def test_an_import_survives_a_restart_and_is_searched(tmp_path, model):
    toml = model_toml(model.port)
    async with ServerProcess(tmp_path, toml) as server, Client(server.url) as client:
        made = await bring_in(client, file_of(("Needle", "user", None), ("b", "assistant", "Needle")))
    async with ServerProcess(tmp_path, toml) as server, Client(server.url) as client:
        assert await ids(client, "?q=nEEdle") == [made["id"]]
        assert len(await client.messages(made["id"])) == 2
