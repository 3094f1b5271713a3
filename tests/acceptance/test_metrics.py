"""What a pod tells of itself: /health, /stats, /metrics."""

import asyncio

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from backends import postgres
from backends.services import need
from ports import free_port
from serving import ServerProcess, model_toml
from session_chat import Chat


@pytest.fixture
async def chat(server):
    async with Chat(server.url) as made:
        yield made


async def text(url, accept="*/*", status=200):
    async with aiohttp.request("GET", f"{url}/metrics", headers={"Accept": accept}) as response:
        assert response.status == status
        assert "set-cookie" not in response.headers
        return response.content_type, await response.text()


async def samples(url):
    """Return every sample by its name and labels."""
    _, told = await text(url)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(told)
        for sample in family.samples
    }


async def test_what_happened_is_counted(chat, server):
    session = await chat.session(session_id="secret-session")
    async with await chat.connect(session, "secret-client") as line:
        await line.send("secret-text", model="test/test-40-10-0")
        await line.frame()
        running = await samples(server.url)
        assert running["antiphon_connections", "websocket"] == 1
        assert running["antiphon_sessions",] == running["antiphon_turns_running",] == 1
        await line.replies(1)
        await line.send("bad", model="test/test-1-0-0-status400")
        await line.until(lambda told: told.errors)
    async with await chat.connect(await chat.session()) as line:
        await line.send("secret-text", model="test/test-40-10-0")
        await line.replies(1)
    await chat.idle()
    await chat.call("GET", "/chat/session/nothing", 404)
    told = await samples(server.url)
    assert ("antiphon_connections", "websocket") not in told
    assert told["antiphon_turns_total", "complete"] == 2
    assert told["antiphon_turns_total", "failed"] == 1
    assert told["antiphon_turn_faults_total", "provider_refused"] == 1
    assert told["antiphon_tokens_total",] == 80
    assert 5 < told["antiphon_chunks_total",] <= 45
    assert told["antiphon_reply_cache_requests_total", "hit"] == 1
    assert told["antiphon_reply_cache_requests_total", "miss"] == 2
    assert told["antiphon_refused_requests_total", "not_found"] == 1
    assert told["antiphon_response_seconds_count",] == 3
    assert 0.4 <= told["antiphon_response_seconds_sum",] < 10
    assert told["antiphon_response_seconds_bucket", "0.25"] == 2  # the failed one and the cached one
    assert told["antiphon_first_chunk_seconds_count",] == 2  # the failed one had none
    assert told["antiphon_turns_running",] == told["antiphon_turns_queued",] == 0
    assert told["process_cpu_seconds_total",] > 0
    # Nothing of users, in whatever form it is told.
    stats = await chat.call("GET", "/stats")
    for page in (await text(server.url), stats, await chat.health()):
        assert "secret" not in str(page)
    assert stats["turns"] == {"complete": 2, "failed": 1}
    assert stats["cache"] == {"hits": 1, "misses": 2, "hit_rate": 0.3333}
    assert stats["response_seconds"]["count"] == 3
    assert stats["response_seconds"]["p50"] <= stats["response_seconds"]["p99"] <= 10


async def test_the_format_is_what_is_asked_for(chat, server):
    for accept in ("*/*", "text/plain", "text/html, application/json;q=0.9, */*;q=0.8"):
        kind, told = await text(server.url, accept)
        assert kind == "text/plain"
        assert told.startswith("# HELP")
    kind, told = await text(server.url, "application/openmetrics-text; version=1.0.0")
    assert kind == "application/openmetrics-text"
    assert told.endswith("# EOF\n")
    async with chat.http.get(f"{server.url}/metrics", headers={"Accept": "application/json"}) as response:
        assert response.content_type == "application/json"
        assert (await response.json()).keys() == (await chat.call("GET", "/stats")).keys()


async def test_limits_are_counted_and_replies_that_are_not_kept(tmp_path, model):
    limits = {"ANTIPHON_RATE_LIMITS": "on", "ANTIPHON_RATE_SESSION": "1/minute"}
    async with ServerProcess(tmp_path, model_toml(model.port), **limits) as server, Chat(server.url) as chat:
        async with await chat.connect(await chat.session()) as line:
            await line.send("one", model="test/test-1-0-0")
            await line.send("two", model="test/test-1-0-0")
            await line.until(lambda told: told.errors and told.complete)
        body = {"model": "test/test-3-0-0", "messages": [{"role": "user", "content": "x"}]}
        await chat.http.post(f"{server.url}/v1/chat/completions", json=body)
        told = await samples(server.url)
    assert told["antiphon_rate_limited_total", "session"] == 1
    assert told["antiphon_turns_total", "complete"] == 2
    assert told["antiphon_replies_passing",] == 0


async def test_probes_answer_however_full_it_is_and_whatever_they_are_called(tmp_path, model):
    full = {"ANTIPHON_MAX_CONNECTIONS": "1"}
    async with ServerProcess(tmp_path, model_toml(model.port), **full) as server, Chat(server.url) as chat:
        async with await chat.connect(await chat.session()):
            async with chat.http.get(f"{server.url}/api/models") as response:
                assert response.status == 503
            for path in ("/health", "/ready", "/stats", "/metrics"):
                headers = {"Host": "pod-7.internal"}
                async with chat.http.get(server.url + path, headers=headers) as response:
                    assert response.status == 200, path


async def test_pods_that_only_work_tell_as_well(tmp_path, model):
    url = await postgres.create(need("POSTGRES_URL"))
    try:
        places = {role: tmp_path / role for role in ("api", "worker")}
        for place in places.values():
            place.mkdir()
        toml = model_toml(model.port)
        api = ServerProcess(places["api"], toml, DATABASE_URL=url, ANTIPHON_ROLE="api")
        worker = ServerProcess(places["worker"], toml, DATABASE_URL=url, ANTIPHON_ROLE="worker")
        async with api, Chat(api.url) as chat:
            async with await chat.connect(await chat.session()) as line:
                await line.send("x", model="test/test-3-0-0")
                await asyncio.sleep(0.5)
                assert (await samples(api.url))["antiphon_turns_queued",] == 1
                async with worker:
                    await line.replies(1)
                    told = await samples(worker.url)
                    assert told["antiphon_turns_total", "complete"] == 1
                    assert ("antiphon_turns_total", "complete") not in await samples(api.url)
                    async with Chat(worker.url) as probe:
                        assert (await probe.call("GET", "/stats"))["queued_turns"] == 0
    finally:
        await postgres.drop(need("POSTGRES_URL"), url)


async def test_redis_that_is_away_is_told_and_costs_no_answer(tmp_path, model):
    away = {"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}
    async with ServerProcess(tmp_path, model_toml(model.port), **away) as server, Chat(server.url) as chat:
        assert (await chat.health())["redis_status"] == "disconnected"
    async with ServerProcess(tmp_path, model_toml(model.port)) as server, Chat(server.url) as chat:
        assert (await chat.health())["redis_status"] == "not_configured"
