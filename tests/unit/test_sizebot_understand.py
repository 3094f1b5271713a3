"""What SizeBot reads out of the English of a shop's customers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.bots.sizebot.text import READ, tokens_of
from antiphon.bots.sizebot.understand import Label, Quantity, Utterance, understand
from antiphon.bots.sizebot.words import correct


@pytest.mark.parametrize(
    ("text", "quantities"),
    [
        ("my foot is 26.5 cm", [(26.5, "cm", "foot")]),
        ("my foot is 26,5cm", [(26.5, "cm", "foot")]),
        ("foot: 265mm", [(265, "mm", "foot")]),
        ("a 26.5 centimetrs foot", [(26.5, "cm", "foot")]),
        ("chest 102, waist 88", [(102, None, "chest"), (88, None, "waist")]),
        ("102 chest and 88 waist", [(102, None, "chest"), (88, None, "waist")]),
        (
            "102 cm chest, 88 cm waist, 100 cm hips",
            [(102, "cm", "chest"), (88, "cm", "waist"), (100, "cm", "hips")],
        ),
        ("bust 36 in", [(36, "in", "bust")]),
        ("bust 36 in, waist 29 in", [(36, "in", "bust"), (29, "in", "waist")]),
        ('bust 36", waist 29 1/2"', [(36, "in", "bust"), (29.5, "in", "waist")]),
        ("chest 40 inchs", [(40, "in", "chest")]),
        ("chest 40 incehs", [(40, "in", "chest")]),
        ("chest 40''", [(40, "in", "chest")]),
        ("I am 5'11", [(180.3, "cm", "height")]),
        ("I am 5\N{PRIME}11\N{DOUBLE PRIME} tall", [(180.3, "cm", "height")]),
        ("I am 5 ft 11 in tall", [(180.3, "cm", "height")]),
        ("I am 5 foot 11", [(180.3, "cm", "height")]),
        ("I am 6 feet tall", [(182.9, "cm", "height")]),
        ("height 1.80 m", [(1.8, "m", "height")]),
        ("height 1,80m", [(1.8, "m", "height")]),
        ("neck 15½", [(15.5, None, "neck")]),
        ("jeans W32 L34", [(32, "in", "waist"), (34, "in", "inside_leg")]),
        ("jeans 32x34", [(32, "in", "waist"), (34, "in", "inside_leg")]),
        ("jeans 32/34", [(32, "in", "waist"), (34, "in", "inside_leg")]),
        ("chest -20 cm", [(-20, "cm", "chest")]),
        ("a 22-inch waist", [(22, "in", "waist")]),
    ],
)
def test_quantities(text: str, quantities: list[tuple[float, str | None, str | None]]) -> None:
    assert list(understand(text).quantities) == [Quantity(*one) for one in quantities]


@pytest.mark.parametrize(
    ("text", "label", "systems"),
    [
        ("EU 42 in UK women's", Label("EU", 42), ("UK",)),
        ("eu42 to uk", Label("EU", 42), ("UK",)),
        ("I'm a US 9", Label("US", 9), ()),
        ("9 us", Label("US", 9), ()),
        ("a 9 US in EU please", Label("US", 9), ("EU",)),
        ("convert UK 10 to European", Label("UK", 10), ("EU",)),
        ("UK women's 6.5", Label("UK", 6.5), ()),
        ("size 12 dress", Label(None, 12), ()),
        ("german size 38", Label("DE", 38), ()),
        ("hat 7 1/4 us", Label("US", 7.25), ()),
        ("34DD bra", Label(None, 34, "dd"), ()),
        ("EU 75 C", Label("EU", 75, "c"), ()),
        ("I wear size M", Label(None, None, "M"), ()),
        ("an extra large", Label(None, None, "XL"), ()),
        ("2xl hoodie", Label(None, None, "XXL"), ()),
        ("ring size N", Label(None, None, "N"), ()),
        ("mondopoint 265", Label("Mondopoint", 265), ()),
    ],
)
def test_labels(text: str, label: Label, systems: tuple[str, ...]) -> None:
    said = understand(text)
    assert said.labels == (label,)
    assert said.systems == systems
    assert said.quantities == ()


@pytest.mark.parametrize(
    "text", ["I'm tall", "it runs small", "too large for me", "can you tell us more about it"]
)
def test_no_labels(text: str) -> None:
    said = understand(text)
    assert said.labels == ()
    assert said.systems == ()


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("running shoes", "shoes"),
        ("traners", "shoes"),
        ("snekers", "shoes"),
        ("a dress", "dress"),
        ("a dress shirt", "shirt"),
        ("dress shoes", "shoes"),
        ("t-shirt", "top"),
        ("T shirt", "top"),
        ("jeans", "trousers"),
        ("a winter coat", "jacket"),
        ("bra", "bra"),
        ("ski gloves", "gloves"),
        ("baseball cap", "hat"),
        ("wool socks", "socks"),
        ("wedding ring", "ring"),
        ("baby clothes", "clothes"),
        ("what's the weather", None),
        ("where", None),
    ],
)
def test_items(text: str, item: str | None) -> None:
    assert understand(text).item == item


@pytest.mark.parametrize(
    ("text", "who", "person"),
    [
        ("men's", "men", None),
        ("for my husband", "men", "husband"),
        ("womens", "women", None),
        ("ladies", "women", None),
        ("my wife", "women", "wife"),
        ("my 6 year old son", "kids", "son"),
        ("girl's", "kids", None),
        ("shoes", None, None),
    ],
)
def test_whose(text: str, who: str | None, person: str | None) -> None:
    said = understand(text)
    assert (said.who, said.person) == (who, person)


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("he is 6 years old", 72),
        ("a 6yo", 72),
        ("18 months", 18),
        ("aged 4", 48),
        ("shoes 42", None),
    ],
)
def test_age(text: str, months: float | None) -> None:
    assert understand(text).months == months


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("inchs", "inchs"),
        ("centimter", "centimeter"),
        ("jackte", "jacket"),
        ("troussers", "trousers"),
        ("weather", "weather"),
        ("cat", "cat"),
        ("zzzzzz", "zzzzzz"),
    ],
)
def test_one_slip_is_forgiven(word: str, known: str) -> None:
    assert correct(word) == known


def test_only_the_beginning_is_read() -> None:
    long = "x" * (READ - 4) + " 42 shoes"
    assert understand(long).item is None
    assert len(tokens_of("1 " * 32_000)) <= READ


@pytest.mark.parametrize("text", ["", " ", "?!", "\x00", "'" * 50, "1/" * 50, "5'" * 50, "-" * 50])
def test_says_nothing(text: str) -> None:
    said = understand(text)
    assert said.item is None
    assert said.who is None


@given(st.text(alphabet="019 .,/'\"-½xwlincmfte", max_size=200))
def test_any_mess_of_numbers_is_read(text: str) -> None:
    assert isinstance(understand(text), Utterance)
