"""``/stats/events``: a pod's figures as they change, for those at the machine."""

import contextlib

import aiohttp
import pytest

import sites
from serving import Client, ServerProcess, events, model_toml


@contextlib.asynccontextmanager
async def following(url, status=200, **headers):
    """Yield the events of a pod's figures."""
    timeout = aiohttp.ClientTimeout(total=30)
    async with (
        aiohttp.ClientSession(timeout=timeout) as http,
        http.get(f"{url}/stats/events", headers=headers) as response,
    ):
        assert response.status == status, await response.text()
        response.answer = events(response)
        yield response


async def until(response, wanted):
    """Return the first figures that are as wanted."""
    async for event in response.answer:
        assert event.name == "stats"
        if wanted(event.data):
            return event.data
    raise AssertionError("the stream ended")


async def test_figures_come_each_second_and_change_with_what_happens(server, client):
    async with following(server.url) as response:
        assert response.content_type == "text/event-stream"
        first = (await anext(response.answer)).data
        assert first["connections"] == {"sse": 1}
        assert first["running_turns"] == 0
        turn = await client.send(await client.session(), "x", model="test/test-60-20-0")
        busy = await until(response, lambda told: told["running_turns"] == 1)
        assert [(pod["running_turns"], pod["this"], pod["works"]) for pod in busy["pods"]] == [
            (1, True, True)
        ]
        assert busy["pods"][0]["id"] == busy["pod_id"]
        assert 0 < busy["pods"][0]["lease_seconds_left"] <= 3
        await client.call("POST", f"/api/turns/{turn['id']}/cancel", 202)
        done = await until(response, lambda told: told["turns"].get("stopped") == 1)
        assert done["pods"][0]["running_turns"] == 0
        assert first["timestamp"] < busy["timestamp"] < done["timestamp"]


async def test_all_readers_are_told_the_same_and_nothing_is_computed_without_any(server):
    async with following(server.url) as one, following(server.url) as two:
        both = await until(one, lambda told: told["connections"]["sse"] == 2)
        same = await until(two, lambda told: told["timestamp"] >= both["timestamp"])
        assert same == both
    async with following(server.url) as alone:
        fresh = (await anext(alone.answer)).data
        assert fresh["connections"] == {"sse": 1}, "not what was computed for the readers before"


async def test_limits_and_how_much_of_them_is_used(tmp_path, model):
    limits = {
        "ANTIPHON_RATE_LIMITS": "on",
        "ANTIPHON_RATE_SESSION": "2/minute",
        "ANTIPHON_RATE_USER": "50/hour",
        "ANTIPHON_MAX_CONNECTIONS": "77",
    }
    server = ServerProcess(tmp_path, model_toml(model.port), **limits)
    async with server, Client(server.url) as client, following(server.url) as response:
        session = await client.session()
        body = {"text": "x", "model": "test/test-1-0-0"}
        for status in (202, 202, 429):
            await client.call("POST", f"/api/sessions/{session}/messages", status, json=body)
        told = await until(response, lambda told: told["rate_limited"])
    found = {limit.pop("name"): limit for limit in told["limits"]}
    rate = {"per": "minute", "refused": 1}
    assert found["rate_session"] == {"used": 2, "most": 2, **rate}
    assert found["rate_user"] == {"used": 2, "most": 50, "per": "hour", "refused": 0}
    assert found["connections"] == {"used": 1, "most": 77, "per": None, "refused": None}
    assert found["stats_readers"] == {"used": 1, "most": 50, "per": None, "refused": None}
    assert found["queued_turns"]["most"] == 1000
    assert found.keys() >= {"running_turns", "rate_address"}


async def test_more_readers_than_are_allowed_are_refused(tmp_path, model):
    few = {"ANTIPHON_STATS_READERS": "2"}
    async with ServerProcess(tmp_path, model_toml(model.port), **few) as server:
        async with following(server.url) as one, following(server.url):
            await anext(one.answer)
            async with following(server.url, 503) as refused:
                assert refused.headers["retry-after"]
                told = await refused.json(content_type=None)
                assert "ANTIPHON_STATS_READERS" in told["detail"]
        async with following(server.url) as again:
            assert await anext(again.answer)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "192.0.2.7"},
        {"X-Forwarded-For": "192.0.2.7, 127.0.0.1"},
        {"Forwarded": "for=192.0.2.7"},
        {"Origin": "http://localhost:5173"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
async def test_who_is_elsewhere_is_refused(server, headers):
    async with following(server.url, 403, **headers) as refused:
        assert refused.content_type == "application/problem+json"
        assert not [name for name in refused.headers if name.lower().startswith("access-control")]
        told = await refused.json(content_type=None)
    assert told["code"] == "forbidden"
    assert "ssh -L" in told["detail"]


async def test_another_name_is_refused_where_every_name_is_answered_to(tmp_path, model):
    anywhere = {"HOST": "0.0.0.0"}
    async with ServerProcess(tmp_path, model_toml(model.port), **anywhere) as server:
        async with following(server.url) as response:
            assert await anext(response.answer)
        async with following(server.url, 403, Host="rebound.example"):
            pass


async def test_a_pod_that_leaves_ends_the_stream_with_a_word(server):
    async with following(server.url) as response:
        await anext(response.answer)
        server.process.terminate()
        names = [event.name async for event in response.answer]
        assert names[-1] == "resume"
        assert set(names[:-1]) <= {"stats"}
    assert await server.process.wait() == 0


async def test_all_pods_of_a_fleet_are_told_and_so_is_that_one_died(tmp_path):
    async with sites.fleet(tmp_path) as site:
        here, there = site.servers
        async with Client(there.url) as client, following(here.url) as response:
            await client.send(await client.session(), "x", model="test/test-100-20-0")
            told = await until(response, lambda told: any(pod["running_turns"] for pod in told["pods"]))
            pods = told["pods"]
            assert len(pods) == 2
            assert [pod["id"] for pod in pods if pod["this"]] == [told["pod_id"]]
            assert sum(pod["running_turns"] for pod in pods) == 1
            await there.kill()
            alone = await until(response, lambda told: len(told["pods"]) == 1)
            assert alone["pods"][0]["this"]
