"""Pages of other origins: what a browser asks for them, and what it is told."""

import contextlib

import aiohttp
import pytest

import sites
from serving import Client

PAGE = "https://chat.example"
OTHER = "https://other.example"
SEVERAL = f"https://third.example, {PAGE}/"


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """One server for each setting, in a loop that outlives the tests'."""
    loop = sites.Loop()
    started = {}

    def of(origins):
        if origins not in started:
            settings = {} if origins is None else {"ANTIPHON_ALLOWED_ORIGINS": origins}
            started[origins] = sites.embedded(tmp_path_factory.mktemp("origins"), **settings)
            started[origins].site = loop.run(started[origins].__aenter__())
        return started[origins].site.url

    yield of
    for each in started.values():
        loop.run(each.__aexit__(None, None, None))
    loop.close()


@pytest.fixture
async def serving(servers):
    """``await serving(origins)``: a client of a server that allows these."""
    async with contextlib.AsyncExitStack() as stack:

        async def connect(origins):
            return await stack.enter_async_context(Client(servers(origins)))

        yield connect


async def ask(client, method="GET", path="/api/bots", **headers):
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.http.request(method, client.url + path, headers=given) as response:
        await response.read()
        return response


async def preflight(
    client, origin, *, method="PATCH", path="/api/sessions/x", headers="content-type,x-user-id"
):
    asked = {
        "Origin": origin,
        "Access_Control_Request_Method": method,
        "Access_Control_Request_Headers": headers,
    }
    return await ask(client, "OPTIONS", path, **asked)


def allowed(response):
    return response.headers.get("Access-Control-Allow-Origin")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/api/sessions/x"),
        ("POST", "/api/chat"),
        ("GET", "/api/sse"),
        ("POST", "/api/sessions/x/messages"),
        ("GET", "/health"),
    ],
)
async def test_a_preflight_of_an_allowed_origin_tells_what_it_may(serving, method, path):
    client = await serving(SEVERAL)
    response = await preflight(client, PAGE, method=method, path=path)
    assert response.status == 204
    assert allowed(response) == PAGE
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert method in response.headers["Access-Control-Allow-Methods"].split(", ")
    assert response.headers["Access-Control-Allow-Headers"] == "content-type,x-user-id"
    assert int(response.headers["Access-Control-Max-Age"]) > 0
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize(
    "origin", [OTHER, "null", "https://chat.example.evil", "http://chat.example", "nonsense"]
)
async def test_another_origin_is_told_nothing(serving, origin):
    client = await serving(SEVERAL)
    for response in (await preflight(client, origin), await ask(client, Origin=origin)):
        told = {name for name in response.headers if name.lower().startswith("access-control-")}
        assert told == set()
    assert (await preflight(client, origin)).status == 405


async def test_answers_and_errors_and_streams_can_be_read_by_the_page(serving):
    client = await serving(SEVERAL)
    session = await client.session()
    turn = await client.send(session, "x", model="test/test-5-0-0")
    paths = ["/api/bots", "/api/sessions/nothing", f"/api/turns/{turn['id']}/events", "/api/sse", "/nothing"]
    for path in paths:
        response = await ask(client, path=path, Origin=PAGE)
        assert (allowed(response), response.headers["Vary"]) == (PAGE, "Origin"), path
        exposed = response.headers["Access-Control-Expose-Headers"].split(", ")
        assert {"Retry-After", "ETag", "Location", "Stream-Next-Offset"} <= set(exposed)


async def test_any_origin_may_without_its_cookies(serving):
    client = await serving("*")
    for response in (await preflight(client, OTHER), await ask(client, Origin=OTHER)):
        assert allowed(response) == "*"
        assert "Access-Control-Allow-Credentials" not in response.headers


async def test_a_named_origin_beside_any_gets_its_cookies(serving):
    client = await serving(f"*,{PAGE}")
    assert (await ask(client, Origin=PAGE)).headers["Access-Control-Allow-Credentials"] == "true"
    assert allowed(await ask(client, Origin=OTHER)) == "*"


async def test_pages_of_this_machine_may_unless_told_otherwise(serving):
    client = await serving(None)
    for origin in ("http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:3000"):
        assert allowed(await ask(client, Origin=origin)) == origin
    for origin in (PAGE, "http://localhost.evil.example", "http://[", "null"):
        assert allowed(await ask(client, Origin=origin)) is None
    closed = await serving("")
    assert allowed(await ask(closed, Origin="http://localhost:3000")) is None


async def test_what_no_browser_sends_breaks_nothing(serving):
    client = await serving("local")
    odd = [
        ("http://localhost/☃", "x"),
        ("http://localhost:3000", "☃"),
        ("http://[", "x"),
        ("http://localhost:x", "x"),
    ]
    for origin, headers in odd:
        assert (await preflight(client, origin, headers=headers)).status in (204, 400, 405), origin


@pytest.mark.parametrize(
    ("origins", "origin", "status"),
    [
        (SEVERAL, OTHER, 403),
        (SEVERAL, "null", 403),
        (SEVERAL, "http://[", 403),
        ("", "http://localhost:3000", 403),
        (None, OTHER, 403),
        # Allowed: there is no socket at this path, which only those are told who may connect.
        (SEVERAL, PAGE, 404),
        ("*", OTHER, 404),
        (None, "http://localhost:3000", 404),
        (None, None, 404),
    ],
)
async def test_a_socket_is_refused_to_pages_of_other_origins(serving, origins, origin, status):
    client = await serving(origins)
    headers = {} if origin is None else {"Origin": origin}
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.http.ws_connect(f"{client.url}/no/such/socket", headers=headers)
    assert refused.value.status == status


async def test_a_socket_is_open_to_its_own_page(serving):
    client = await serving(SEVERAL)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.http.ws_connect(f"{client.url}/no/such/socket", headers={"Origin": client.url})
    assert refused.value.status == 404
