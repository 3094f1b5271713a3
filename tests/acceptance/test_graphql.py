"""GraphQL: what can be asked and done, whose it is, and what is refused."""

import asyncio
import io

import pytest
import pytest_asyncio

from antiphon.testing.model_server import serve
from graphql_client import GraphQL
from serving import Client, ServerProcess, model_toml

pytestmark = pytest.mark.asyncio(loop_scope="module")
FAST = "test/test-20-0-0"
MESSAGES = """
query ($s: ID!, $first: Int, $after: String, $last: Int, $before: String, $filter: MessageFilter) {
  session(id: $s) {
    messages(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
      edges { cursor node { ordinal role content } }
      nodes { ordinal }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory):
    model = await serve("127.0.0.1", 0)
    settings = {"ANTIPHON_MAX_RUNNING_TURNS_A_SESSION": "100"}
    async with ServerProcess(
        tmp_path_factory.mktemp("graphql"), model_toml(model.port), **settings
    ) as process:
        yield process
    await model.close()


@pytest_asyncio.fixture(loop_scope="module")
async def ann(server):
    async with GraphQL(server.url) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def eve(server):
    async with GraphQL(server.url, "eve") as made:
        yield made


async def ended(client, turn):
    for _ in range(200):
        found = (await client.ask("query ($t: ID!) { turn(id: $t) { state } }", t=turn["id"]))["turn"]
        if found["state"] not in ("QUEUED", "RUNNING"):
            return found["state"]
        await asyncio.sleep(0.02)
    raise AssertionError("the turn did not end")


async def test_a_conversation(ann, server):
    """Everything there is to ask and to do, once; the native API sees the same."""
    assert await ann.ask("{ me { id kind } }") == {"me": {"id": "user:ann", "kind": "user"}}
    session = await ann.session(id="talk", title="Talk", context={"n": 2**53, "deep": [{"a": None}]})
    assert session == await ann.session(id="talk", title="another")
    changed = await ann.ask(
        'mutation { updateSession(id: "talk", input: { title: "Talks" }) '
        "{ title context turnCount createdAt } }"
    )
    assert changed["updateSession"]["title"] == "Talks"
    assert changed["updateSession"]["context"] == {"n": 2**53, "deep": [{"a": None}]}
    turn = await ann.send(session, "Sing.", model=FAST, idempotencyKey="k", metadata={"from": "test"})
    assert turn == {
        **await ann.send(session, "Sing.", model=FAST, idempotencyKey="k"),
        "state": turn["state"],
    }
    assert await ended(ann, turn) == "COMPLETE"
    again = await ann.ask(
        "mutation ($t: ID!) { regenerate(turnId: $t) { id number promptId } }", t=turn["id"]
    )
    again = again["regenerate"]
    assert (again["number"], again["promptId"]) == (2, turn["promptId"])
    assert await ended(ann, again) == "COMPLETE"
    slow = await ann.send(session, "Go on.", model="test/test-1000-20-0", parent=None)
    running = await ann.ask('{ session(id: "talk") { running { id state } } }')
    assert slow["id"] in [it["id"] for it in running["session"]["running"]]
    await ann.ask("mutation ($t: ID!) { stopReply(turnId: $t) { id } }", t=slow["id"])
    assert await ended(ann, slow) == "STOPPED"
    await same_as_native(ann, server, session, turn)
    assert await ann.ask('mutation { deleteSession(id: "talk") }') == {"deleteSession": "talk"}
    assert (await ann.refused('{ session(id: "talk") { id } }'))[0]["code"] == "not_found"


async def same_as_native(ann, server, session, turn):
    """See that a turn is shown as the native API shows it."""
    found = await ann.ask(
        """query ($t: ID!) { turn(id: $t) {
          id sessionId number state bot model createdAt endedAt promptId messageId
          prompt { content role sender parentId metadata }
          reply { id sessionId ordinal role status parentId turnId createdAt
                  usage { promptTokens completionTokens estimated } turn { id } content }
        } }""",
        t=turn["id"],
    )
    async with Client(server.url) as native:
        messages = await native.messages(session)
        stored = await native.call("GET", f"/api/turns/{turn['id']}")
    shown = found["turn"]
    assert (shown["state"], shown["number"], shown["model"]) == ("COMPLETE", 1, FAST)
    assert (shown["createdAt"], shown["endedAt"]) == (stored["created_at"], stored["ended_at"])
    assert shown["prompt"]["metadata"] == {"from": "test"}
    reply = messages[1]
    assert shown["reply"]["content"] == reply["content"]
    assert shown["reply"]["createdAt"] == reply["created_at"]
    assert shown["reply"]["usage"]["completionTokens"] == 20
    assert shown["reply"]["turn"]["id"] == shown["reply"]["turnId"] == turn["id"]
    by_id = await ann.ask("query ($m: ID!) { message(id: $m) { content } }", m=reply["id"])
    assert by_id["message"]["content"] == reply["content"]


async def test_models_and_bots(ann):
    found = await ann.ask("{ models { available { id provider contextTokens } unavailable { provider } } }")
    assert {"builtin/sizebot", FAST} <= {it["id"] for it in found["models"]["available"]}
    assert found["models"]["unavailable"] == []
    bots = (await ann.ask("{ bots { name title greeting model isDefault } }"))["bots"]
    assert {it["name"]: it["isDefault"] for it in bots} == {"sizebot": True, "echo": False}


@pytest.mark.parametrize(
    "query",
    [
        "query ($s: ID!) { session(id: $s) { id messages { nodes { content } } running { id } } }",
        "query ($t: ID!) { turn(id: $t) { id prompt { content } reply { content } } }",
        "query ($m: ID!) { message(id: $m) { content turn { id } } }",
        'mutation ($s: ID!) { updateSession(id: $s, input: { title: "mine" }) { id } }',
        'mutation ($s: ID!) { createSession(input: { id: $s, title: "mine" }) { id title } }',
        "mutation ($s: ID!) { deleteSession(id: $s) }",
        'mutation ($s: ID!) { sendMessage(input: { sessionId: $s, text: "x", bot: "echo" }) { id } }',
        "mutation ($t: ID!) { regenerate(turnId: $t) { id } }",
        "mutation ($t: ID!) { stopReply(turnId: $t) { id } }",
        'mutation ($m: ID!) { sendMessage(input: { sessionId: "eves", text: "x", parent: $m }) { id } }',
    ],
)
async def test_what_is_anothers_is_not_found(ann, eve, query):
    """For every field that takes an id; and nothing of it has happened."""
    session = await ann.session(title="Ann's")
    await eve.session(id="eves")
    turn = await ann.send(session, "Sing.", bot="echo")
    assert await ended(ann, turn) == "COMPLETE"
    ids = {"s": session, "t": turn["id"], "m": turn["messageId"]}
    told = await eve.post(query, **{name: ids[name] for name in ids if f"${name}:" in query})
    assert [error["extensions"]["code"] for error in told["errors"]] == ["not_found"]
    assert not told["data"] or list(told["data"].values()) == [None]
    kept = await ann.ask("query ($s: ID!) { session(id: $s) { title turnCount } }", s=session)
    assert kept["session"] == {"title": "Ann's", "turnCount": 1}
    assert session not in str(await eve.ask("{ sessions(first: 200) { nodes { id } } }"))


async def test_pages_of_sessions(server):
    """Each once, the last used first, also those that share a millisecond."""
    async with GraphQL(server.url, "pager") as pat:
        made = await asyncio.gather(*(pat.session(title=str(n)) for n in range(45)))
        query = """query ($after: String) { sessions(first: 7, after: $after) {
          edges { cursor node { id updatedAt } } nodes { id }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
        found, after, pages = [], None, 0
        while True:
            page = (await pat.ask(query, after=after))["sessions"]
            info, pages = page["pageInfo"], pages + 1
            assert info["hasPreviousPage"] == (after is not None)
            assert [it["node"]["id"] for it in page["edges"]] == [it["id"] for it in page["nodes"]]
            assert (info["startCursor"], info["endCursor"]) == (
                page["edges"][0]["cursor"],
                page["edges"][-1]["cursor"],
            )
            found += [it["node"] for it in page["edges"]]
            after = info["endCursor"]
            if not info["hasNextPage"]:
                break
        assert pages == 7
        assert sorted(it["id"] for it in found) == sorted(made)
        times = [it["updatedAt"] for it in found]
        assert times == sorted(times, reverse=True)
        assert len((await pat.ask("{ sessions { nodes { id } } }"))["sessions"]["nodes"]) == 20
        inner = await pat.ask("{ sessions(first: 50) { nodes { messages(last: 1) { nodes { id } } } } }")
        assert len(inner["sessions"]["nodes"]) == 45


async def walk(client, session, **given):
    """Return the ordinals of all pages in the order in which they came, and how many pages there were."""
    backwards = "last" in given
    found, place, pages = [], None, 0
    while True:
        place_name = "before" if backwards else "after"
        page = (await client.ask(MESSAGES, s=session, **given, **{place_name: place}))["session"]["messages"]
        ordinals = [it["node"]["ordinal"] for it in page["edges"]]
        assert ordinals == sorted(ordinals) == [it["ordinal"] for it in page["nodes"]]
        found += reversed(ordinals) if backwards else ordinals
        info, pages = page["pageInfo"], pages + 1
        if not info["hasPreviousPage" if backwards else "hasNextPage"]:
            return found, pages
        place = info["startCursor" if backwards else "endCursor"]


async def test_pages_of_messages(ann):
    session = await ann.session()
    first = await ann.send(session, "Is there a NEEDLE here?", bot="echo")
    await ended(ann, first)
    for _ in range(4):  # turns without a message of their own: gaps in the numbers
        again = await ann.ask("mutation ($t: ID!) { regenerate(turnId: $t) { id } }", t=first["id"])
        await ended(ann, again["regenerate"])
    for _ in range(5):
        turns = [await ann.send(session, f"hay {n}", bot="echo", parent=None) for n in range(50)]
        for turn in turns:
            await ended(ann, turn)
    everything, _ = await walk(ann, session, first=200)
    assert len(everything) == 2 + 4 + 500
    assert everything == sorted(everything)
    assert (await walk(ann, session, first=7))[0] == everything
    assert (await walk(ann, session, last=7))[0] == everything[::-1]
    users, _ = await walk(ann, session, first=30, filter={"role": "USER"})
    assert users == [n for n in everything if n % 2 == 0]
    needles, pages = await walk(ann, session, last=50, filter={"contains": "needle"})
    assert needles == [11, 9, 7, 5, 3, 2]
    assert pages == 2  # 400 messages a call
    assert (await walk(ann, session, first=50, filter={"contains": "needle", "role": "USER"}))[0] == [2]
    assert (await walk(ann, session, first=50, filter={"contains": "straw"}))[0] == []
    page = (await ann.ask(MESSAGES, s=session))["session"]["messages"]
    assert [it["node"]["ordinal"] for it in page["edges"]] == everything[-20:]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"first": 0}, "from 1 to 200"),
        ({"last": 201}, "from 1 to 200"),
        ({"first": -5}, "from 1 to 200"),
        ({"first": 5, "last": 5}, "not both"),
        ({"first": 5, "after": "x"}, "no cursor"),
        ({"before": "9" * 40}, "no cursor"),
        ({"before": "²"}, "no cursor"),
    ],
)
async def test_pages_that_there_are_not(ann, given, told):
    session = await ann.session()
    extensions, message = await ann.refused(MESSAGES, s=session, **given)
    assert (extensions["code"], extensions["status"]) == ("invalid", 422)
    assert told in message
    for after in ("x", "1:", "1²:a", "9" * 30 + ":a"):
        extensions, _ = await ann.refused(
            "query ($a: String) { sessions(after: $a) { nodes { id } } }", a=after
        )
        assert extensions["code"] == "invalid"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"text": " "}, "invalid"),
        ({"text": "x", "bot": "nobody"}, "invalid"),
        ({"text": "x", "model": "nobody/nothing"}, "invalid"),
        ({"text": "x" * 110_000}, "too_large"),
        ({"text": "x", "params": [1]}, "invalid"),
        ({"text": "x", "metadata": "x"}, "invalid"),
        ({"text": "x", "params": {"a": "x" * 140_000}}, "too_large"),
        ({"text": "x", "parent": "msg_nobody"}, "not_found"),
        ({"text": "x", "idempotencyKey": "a b"}, "invalid"),
    ],
)
async def test_messages_that_are_refused(ann, given, code):
    session = await ann.session()
    query = "mutation ($i: NewMessage!) { sendMessage(input: $i) { id } }"
    extensions, message = await ann.refused(query, i={"sessionId": session, **given})
    assert extensions["code"] == code
    assert message
    kept = await ann.ask("query ($s: ID!) { session(id: $s) { turnCount } }", s=session)
    assert kept["session"]["turnCount"] == 0


async def test_sessions_that_are_refused(ann):
    query = "mutation ($i: NewSession) { createSession(input: $i) { id } }"
    for given in ({"id": "a/b"}, {"title": "x" * 201}, {"title": "\x00"}, {"context": [1]}):
        assert (await ann.refused(query, i=given))[0]["code"] == "invalid"
    assert (await ann.refused(query, i={"context": {"a": "x" * 20_000}}))[0]["code"] == "too_large"


@pytest.mark.parametrize(
    ("query", "code", "told"),
    [
        ("{", "bad_request", "Syntax Error"),
        ("{ nothing }", "invalid", "Cannot query field 'nothing'"),
        ("{ session { id } }", "invalid", "required"),
        ("query ($a: Int) { me { id } }", "invalid", "never used"),
        ("query A { me { id } } query B { me { id } }", "bad_request", "operationName"),
        ("{ sessions(first: 99999999999) { nodes { id } } }", "invalid", "32-bit"),
        ("{ " + "a { " * 400 + "b" + " }" * 401, "bad_request", "nested too deeply"),
        ("{ session(id: 1) { messages { nodes {" + " turn { reply {" * 5 + "}}" * 5 + " } } } }",
         "too_large", "13 fields deep; at most 12"),
        ("{ sessions(first: 200) { nodes { messages(first: 20) { nodes { id } } } } }",
         "too_large", "at most 10000"),
        ("query ($n: Int = 200) { sessions(first: $n) { nodes { messages(first: $n) { nodes { id } } } } }",
         "too_large", "at most 10000"),
        ("{...A} fragment A on Query{sessions(first:200){nodes{...B}}} fragment B on Session{running{id}}",
         "too_large", "at most 10000"),
        ("{" + " ".join(f"a{n}: me {{ id }}" for n in range(31)) + "}", "too_large", "31 aliases"),
        ("{" + " me { id }" * 21 + "}", "too_large", "21 fields at its root"),
        ("{ ...A ...B } fragment A on Query {" + " me { id }" * 11 + "} fragment B on Query {"
         + " me { id }" * 10 + "}", "too_large", "21 fields at its root"),
        ("{ me {" + " id" * 71 + "} }", "too_large", "too often"),
        ("{ me {" + " id" * 1000 + "} }", "too_large", "1000 tokens"),
        ("#\n" * 1001 + "{ me { id } }", "too_large", "1000 tokens or comments"),
        (" " * 200_001 + "{ me { id } }", "too_large", "200000 characters"),
        ("{" + " __schema { types { name } }" * 7 + "}", "too_large", "at most 10000"),
        ("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
         "invalid", "introspection depth"),
    ],
)  # fmt: skip
async def test_queries_that_are_refused(ann, query, code, told):
    status = 413 if code == "too_large" else 400
    answer = await ann.post(query, status)
    assert "data" not in answer
    assert answer["errors"][0]["extensions"] == {"code": code, "status": status}
    assert told in answer["errors"][0]["message"]


async def test_a_query_at_its_limits_is_answered(ann):
    """The costs are those that PROTOCOL.md tells: 2 + 50 and 200 times 1 + 2 + 50 + 20 times 1 + 1."""
    fields = "{ sessions(first: $n) { nodes { messages { nodes { id } } } } }"
    assert await ann.ask(f"query ($n: Int) {fields}", n=100)
    extensions, told = await ann.refused(f"query ($n: Int) {fields}", 413, n=200)
    assert extensions["code"] == "too_large"
    assert f"{51 + 200 * (1 + 51 + 20 * 2)} points" in told
    # A whole number is one however it is written.
    assert (await ann.refused(f"query ($n: Int) {fields}", 413, n=200.0))[1] == told


async def test_variables_that_do_not_fit(ann):
    extensions, told = await ann.refused("query ($s: ID!) { session(id: $s) { id } }", 400)
    assert extensions == {"code": "invalid", "status": 400}
    assert "$s" in told
    deep = value = {}
    for _ in range(900):
        value["a"] = value = {}
    query = "mutation ($c: JSON) { createSession(input: { context: $c }) { id } }"
    assert (await ann.post(query, c=deep)).keys() <= {"data", "errors"}


async def test_http(ann, server):
    """What the audit of graphql-http does not look at, see tests/acceptance/clients."""
    http, url = ann.http, ann.url
    async with http.post(url, json=[{"query": "{ me { id } }"}]) as response:
        assert response.status == 400
        assert "batches" in (await response.json(content_type=None))["errors"][0]["message"]
    async with http.post(url, data=b"{ me { id } }", headers={"Content-Type": "text/plain"}) as response:
        assert response.status == 415
    async with http.post(url, data=b"query=%7B__typename%7D") as response:
        assert response.status == 415
    large = io.BytesIO(b'{"query": "%b"}' % (b"x" * 1_100_000))
    async with http.post(url, data=large, headers={"Content-Type": "application/json"}) as response:
        assert response.status == 413
    async with http.post(url, json={"query": "{ __typename }"}, headers={"Accept": "text/html"}) as response:
        assert response.status == 406
    async with http.get(url, params={"query": "{ me { id } }"}) as response:
        assert (await response.json(content_type=None))["data"]["me"]["id"] == "user:ann"
        assert response.headers["Content-Type"] == "application/graphql-response+json; charset=utf-8"
    async with http.get(url, params={"query": "mutation { createSession { id } }"}) as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")
    async with http.post(url, json={"query": 'subscription { reply(turnId: "x") { seq } }'}) as response:
        assert response.status == 405
        assert "graphql-transport-ws" in (await response.json(content_type=None))["errors"][0]["message"]
    async with http.get(url, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}) as response:
        assert response.status == 400  # a browser gets words, and no page with things from elsewhere
        assert response.headers["Content-Type"].startswith("application/json")
