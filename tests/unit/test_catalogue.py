"""What bot and model names mean."""

import pytest

from antiphon.engine.catalogue import Bot, Catalogue, Choice
from antiphon.errors import Invalid, ProviderUnreachable
from antiphon.providers.port import Model


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
