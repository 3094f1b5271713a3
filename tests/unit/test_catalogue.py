"""What bot and model names mean, and how often providers are asked for their models."""

import asyncio

import pytest

from antiphon.caches.memory import MemoryCache
from antiphon.config import load_settings
from antiphon.engine import catalogue as catalogue_module
from antiphon.engine.catalogue import Bot, Catalogue, Choice
from antiphon.errors import Invalid, ProviderTimeout, ProviderUnreachable
from antiphon.from_settings import catalogue
from antiphon.providers.port import Model
from patience import PATIENCE_S


class Offers:
    continuation = False

    def __init__(self, *names):
        self.names = names

    async def models(self):
        if not self.names:
            raise ProviderUnreachable("down")
        return [Model(id=name) for name in self.names]


CATALOGUE = Catalogue(
    {"helper": Bot(name="helper", model="one/small"), "other": Bot(name="other", model="two/big")},
    {"one": Offers("small", "shared"), "two": Offers("big", "shared", "a/b"), "down": Offers()},
    default_bot="helper",
    cache=MemoryCache(),
)


@pytest.mark.parametrize(
    ("bot", "model", "choice"),
    [
        (None, None, ("helper", "one/small")),
        ("other", None, ("other", "two/big")),
        ("other", "one/small", ("other", "one/small")),
        (None, "small", ("one/small", "one/small")),
        (None, "a/b", ("two/a/b", "two/a/b")),
        (None, "two/not-listed", ("two/not-listed", "two/not-listed")),
    ],
)
async def test_names(bot, model, choice):
    assert await CATALOGUE.choose(bot, model) == Choice(bot=choice[0], model=choice[1])


@pytest.mark.parametrize(
    ("bot", "model", "word"),
    [("nobody", None, "helper"), (None, "shared", "one/shared, two/shared"), (None, "none", "none")],
)
async def test_names_that_mean_nothing_or_too_much(bot, model, word):
    with pytest.raises(Invalid, match=word):
        await CATALOGUE.choose(bot, model)


class Counted:
    """A provider that counts how often it is asked, and answers when it is let."""

    continuation = False

    def __init__(self, *names):
        self.names, self.asked = names, 0
        self.open = asyncio.Event()
        self.open.set()

    async def models(self):
        self.asked += 1
        await self.open.wait()
        if not self.names:
            raise ProviderUnreachable("down")
        return tuple(Model(id=name, context_tokens=7) for name in self.names)


class Cache(MemoryCache):
    """Remembers what was put."""

    def __init__(self):
        super().__init__()
        self.puts = []

    async def put(self, key, value, seconds):
        self.puts.append((key, seconds))
        await super().put(key, value, seconds)


def counted(cache, provider, url="http://one/v1"):
    return Catalogue({}, {"p": provider}, default_bot="", cache=cache, origins={"p": url} if url else {})


async def test_a_list_is_kept_for_all_pods_for_a_while():
    cache, provider, other = Cache(), Counted("a", "b"), Counted("a", "b")
    here, there = counted(cache, provider), counted(cache, other)
    lists = [await pod.models() for pod in (here, here, there)]
    assert lists == [{"p": [Model(id="a", context_tokens=7), Model(id="b", context_tokens=7)]}] * 3
    assert await there.choose(None, "b") == Choice(bot="p/b", model="p/b")
    assert (provider.asked, other.asked) == (1, 0)
    ((key, seconds),) = cache.puts
    assert key.startswith("models:p:")
    assert "one" not in key
    assert seconds == 30
    await cache.forget(key)
    await there.models()
    assert other.asked == 1


async def test_another_address_has_another_list():
    cache = Cache()
    await counted(cache, Counted("a")).models()
    assert await counted(cache, Counted("b"), "http://two/v1").models() == {
        "p": [Model(id="b", context_tokens=7)]
    }


async def test_who_knows_the_models_without_asking_is_not_cached():
    cache, provider = Cache(), Counted("a")
    made = counted(cache, provider, url=None)
    await made.models()
    await made.models()
    assert (provider.asked, cache.puts) == (2, [])


async def test_a_failure_is_told_and_not_kept():
    cache, provider = Cache(), Counted()
    made = counted(cache, provider)
    for asked in (1, 2):
        assert isinstance((await made.models())["p"], ProviderUnreachable)
        assert (provider.asked, cache.puts) == (asked, [])
    provider.names = ("a",)
    assert await made.models() == {"p": [Model(id="a", context_tokens=7)]}


@pytest.mark.parametrize("kept", [b"", b"\xff", b"3", b'[{"name": "a"}]'])
async def test_what_another_release_kept_is_asked_anew(kept):
    cache, provider = Cache(), Counted("a")
    made = counted(cache, provider)
    await made.models()
    await cache.put(cache.puts[0][0], kept, 30)
    assert await made.models() == {"p": [Model(id="a", context_tokens=7)]}
    assert provider.asked == 2


@pytest.mark.parametrize("names", [("a",), ()])
@pytest.mark.parametrize("url", ["http://one/v1", None])
async def test_who_asks_at_once_shares_a_request_whoever_leaves(names, url):
    provider = Counted(*names)
    provider.open.clear()
    made = counted(Cache(), provider, url)
    askers = [asyncio.create_task(made.models()) for _ in range(5)]
    await asyncio.sleep(0.01)
    askers[0].cancel()
    await asyncio.sleep(0)
    provider.open.set()
    answers = await asyncio.gather(*askers[1:])
    assert all(answer == answers[0] for answer in answers)
    assert provider.asked == 1
    assert made._asking == {}
    with pytest.raises(asyncio.CancelledError):
        await askers[0]


async def test_lists_of_providers_elsewhere_are_kept_and_of_this_machine_for_itself(monkeypatch):
    settings = load_settings()
    settings.providers = {
        "far": {"name": "far", "base_url": "http://models.example/v1"},
        "near": {"name": "near", "base_url": "http://127.0.0.1:1/v1"},
        "given": {"name": "given", "base_url": "http://models.example/v1", "models": [Model(id="m")]},
    }
    keys = []
    for host in ("here", "there"):
        monkeypatch.setattr("socket.gethostname", lambda host=host: host)
        made = catalogue(settings, None, MemoryCache())
        keys.append(made._keys)
        for provider in made.providers.values():
            await provider.close()
    here, there = keys
    assert here.keys() - {"ollama"} == {"far", "near"}
    assert here["far"] == there["far"]
    assert here["near"] != there["near"]


async def test_one_provider_that_hangs_does_not_hold_up_what_is_asked_of_the_others(monkeypatch):
    monkeypatch.setattr(catalogue_module, "PATIENCE_S", 0.1)
    hanging, other = Counted("x"), Counted("small")
    hanging.open.clear()
    known = Catalogue({}, {"one": hanging, "two": other}, default_bot="", cache=MemoryCache())
    async with asyncio.timeout(PATIENCE_S):
        assert (await known.choose(None, "small")).model == "two/small"
    # Those who come while it still hangs do not wait for it again.
    monkeypatch.setattr(catalogue_module, "PATIENCE_S", 60)
    async with asyncio.timeout(PATIENCE_S):
        assert isinstance(await known.offer("one"), ProviderTimeout)
        hanging.open.set()
        await asyncio.sleep(0.01)
        assert await known.offer("one") == [Model(id="x", context_tokens=7)]
