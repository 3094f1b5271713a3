"""The built-in provider and its echo bot: pieces, pace, back-pressure, continuation."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.bots import echo
from antiphon.bots.provider import BOTS, BURST, BuiltinProvider, pieces_of
from antiphon.errors import ProviderRefused
from antiphon.providers.port import Prompt, PromptMessage


class Collector:
    """A sink with room for ``room`` pieces at a time; it drains when told to."""

    def __init__(self, room: int | None = None) -> None:
        self.pieces: list[str] = []
        self.room = room
        self.resumes: list[Callable[[], None]] = []
        self.arrived = asyncio.Event()

    def content(self, text: str) -> bool:
        self.pieces.append(text)
        self.arrived.set()
        return self.room is None or len(self.pieces) % self.room != 0

    def reasoning(self, text: str) -> bool:
        raise AssertionError("the bots do not think aloud")

    def tool(self, delta: str) -> bool:
        raise AssertionError("the bots use no tools")

    def on_drain(self, resume: Callable[[], None]) -> None:
        self.resumes.append(resume)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def said(*texts: str) -> list[PromptMessage]:
    return [PromptMessage(role="user", content=text) for text in texts]


def test_echo_says_the_last_user_message() -> None:
    messages = [*said("one", "two words"), PromptMessage(role="assistant", content="two words")]
    assert echo.reply(messages) == "two words"


@pytest.mark.parametrize("messages", [[], said(""), said("  \n")])
def test_echo_of_nothing_is_a_sentence(messages: list[PromptMessage]) -> None:
    assert echo.reply(messages) == echo.NOTHING


@given(st.text())
def test_pieces_joined_are_the_text(text: str) -> None:
    pieces = pieces_of(text)
    assert "".join(pieces) == text
    assert all(len(piece.strip()) <= 32 for piece in pieces)


async def test_models_are_the_table() -> None:
    provider = BuiltinProvider()
    models = await provider.models()
    assert [model.id for model in models] == list(BOTS) == ["sizebot", "echo"]
    assert all(model.context_tokens and model.context_tokens >= 100_000 for model in models)
    await provider.close()


async def test_streams_word_by_word_and_counts() -> None:
    sink = Collector()
    finish = await BuiltinProvider(delay=0).stream(Prompt(model="echo", messages=said("a bc  def")), sink)
    assert sink.pieces == ["a", " bc", "  def"]
    assert finish.reason == "stop"
    assert finish.usage is not None
    assert (finish.usage.prompt_tokens, finish.usage.completion_tokens, finish.usage.estimated) == (
        3,
        3,
        True,
    )


@given(st.text(min_size=1, max_size=200), st.data())
async def test_goes_on_after_any_prefix(text: str, data: st.DataObject) -> None:
    whole = echo.reply(said(text))
    cut = data.draw(st.integers(0, len(whole)))
    sink = Collector()
    prompt = Prompt(model="echo", messages=said(text), prefix=whole[:cut])
    await BuiltinProvider(delay=0).stream(prompt, sink)
    assert whole[:cut] + sink.text == whole


async def test_sizebot_goes_on_where_it_was_cut() -> None:
    provider, whole = BuiltinProvider(delay=0), Collector()
    await provider.stream(Prompt(model="sizebot", messages=said("EU 42 shoes")), whole)
    for cut in range(0, len(whole.text), 37):
        rest = Collector()
        prefix = whole.text[:cut]
        await provider.stream(Prompt(model="sizebot", messages=said("EU 42 shoes"), prefix=prefix), rest)
        assert prefix + rest.text == whole.text


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt(model="nobody", messages=said("hi")),
        Prompt(model="echo", messages=said("hello"), prefix="help"),
        Prompt(model="echo", messages=said("hello"), prefix="hello there"),
    ],
)
async def test_refuses(prompt: Prompt) -> None:
    sink = Collector()
    with pytest.raises(ProviderRefused):
        await BuiltinProvider(delay=0).stream(prompt, sink)
    assert sink.pieces == []


async def test_waits_for_a_slow_reader() -> None:
    sink = Collector(room=2)
    task = asyncio.create_task(
        BuiltinProvider(delay=0).stream(Prompt(model="echo", messages=said("a b c d e")), sink)
    )
    for count in (2, 4):
        while len(sink.pieces) < count:
            await sink.arrived.wait()
            await asyncio.sleep(0)
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(sink.pieces) == count
        sink.resumes[-1]()
    await task
    assert sink.text == "a b c d e"


async def test_waits_no_longer_when_drained_at_once() -> None:
    class Eager(Collector):
        def on_drain(self, resume: Callable[[], None]) -> None:
            resume()

    sink = Eager(room=1)
    await BuiltinProvider(delay=0).stream(Prompt(model="echo", messages=said("a b c")), sink)
    assert sink.text == "a b c"


async def test_without_delay_others_run_in_between() -> None:
    sink = Collector()
    seen: list[int] = []

    async def watch() -> None:
        while True:
            seen.append(len(sink.pieces))
            await asyncio.sleep(0)

    watcher = asyncio.create_task(watch())
    await BuiltinProvider(delay=0).stream(Prompt(model="echo", messages=said("w " * BURST * 4)), sink)
    watcher.cancel()
    assert len({count for count in seen if 0 < count < len(sink.pieces)}) >= 3


async def test_pauses_between_pieces() -> None:
    sink, now = Collector(), asyncio.get_running_loop().time
    begun = now()
    await BuiltinProvider(delay=0.05).stream(Prompt(model="echo", messages=said("a b c")), sink)
    assert now() - begun >= 0.099
    assert sink.text == "a b c"


async def test_what_became_due_while_there_was_no_room_goes_at_once() -> None:
    class Slow(Collector):
        def on_drain(self, resume: Callable[[], None]) -> None:
            asyncio.get_running_loop().call_later(0.1, resume)

    sink, text = Slow(room=1), " ".join("w" * 40)
    await BuiltinProvider(delay=0.01).stream(Prompt(model="echo", messages=said(text)), sink)
    assert sink.text == text
    assert len(sink.pieces) <= 8


async def test_can_be_cancelled() -> None:
    sink = Collector()
    prompt = Prompt(model="echo", messages=said("a b c"))
    task = asyncio.create_task(BuiltinProvider(delay=60).stream(prompt, sink))
    await sink.arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sink.pieces == ["a"]
