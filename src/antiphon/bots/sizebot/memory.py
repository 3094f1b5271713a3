"""All messages → what is known: Facts, folded anew from the beginning for each reply.

Later messages win, a measurement over the label before it. Another item forgets the label but keeps the body;
another person forgets both. A number that cannot be right, or could mean two things, is kept as a Doubt for
exactly one message: the answer to the question that was asked about it ("yes", "mm", "US") settles it.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from antiphon.bots.sizebot import body, shoes
from antiphon.bots.sizebot.understand import Label, Quantity, Utterance

RECALL = 40
"""User messages that are read again for a reply."""

ADULT_LOW = {
    "foot": 20.0,
    "height": 120.0,
    "bust": 62.0,
    "chest": 66.0,
    "waist": 50.0,
    "hips": 70.0,
    "neck": 28.0,
    "inside_leg": 55.0,
    "head": 48.0,
    "hand": 14.0,
}
"""Least plausible for a grown-up, in cm: tells inches from centimetres in a bare number."""

ITEM_OF = {
    "foot": "shoes",
    "underbust": "bra",
    "neck": "shirt",
    "head": "hat",
    "hand": "gloves",
    "finger": "ring",
    "ring_diameter": "ring",
    "bust": "top",
    "chest": "top",
    "waist": "trousers",
    "hips": "trousers",
    "inside_leg": "trousers",
}
"""The item a measurement alone points to, first match wins."""

BARE = {
    "shoes": "foot",
    "socks": "foot",
    "hat": "head",
    "gloves": "hand",
    "ring": "finger",
    "shirt": "neck",
    "clothes": "height",
    "trousers": "waist",
    "top": "chest",
    "jacket": "chest",
    "dress": "bust",
    "bra": "underbust",
}
"""What a bare number measures for an item, where it can be a measurement."""

Span = tuple[float, float]
LABEL_SPANS: Mapping[str, tuple[tuple[Span, str | None], ...]] = {
    "shoes": (((31.5, 52), "EU"), ((0.5, 15.5), None)),
    "socks": (((31.5, 52), "EU"), ((0.5, 15.5), None)),
    "hat": (((5.5, 9), None),),
    "ring": (((0.5, 13.9), "US"),),
    "top": (((0, 28), None),),
    "dress": (((0, 28), None),),
    "jacket": (((0, 28), None),),
    "trousers": (((0, 22), None),),
}
"""Where a bare number is a label for an item, and of which system (None: unsaid)."""

UNCLEAR_SPANS: Mapping[str, Span] = {"top": (28.1, 61.9), "dress": (28.1, 61.9), "jacket": (28.1, 61.9)}
"""Where a bare number can be a label or inches: asked back."""


class Doubt(NamedTuple):
    """A number to ask about; ``guess`` is what it would be in ``unit``, in cm, where that makes sense."""

    quantity: Quantity
    dimension: str
    guess: float | None
    unit: str | None


class Amount(NamedTuple):
    """A length to be converted between units."""

    value: float
    unit: str
    target: str


class Facts(NamedTuple):
    """What is known at the end of the messages."""

    item: str | None = None
    who: str | None = None
    person: str | None = None
    body: Mapping[str, float] = {}
    assumed: tuple[str, ...] = ()
    settled: bool = False
    label: Label | None = None
    systems: tuple[str, ...] = ()
    months: float | None = None
    doubt: Doubt | None = None
    amount: Amount | None = None
    units: tuple[str, str] | None = None
    uses: frozenset[str] = frozenset()


def recall(utterances: Iterable[Utterance]) -> Facts:
    """Fold the user's messages, oldest first."""
    facts = Facts()
    for said in utterances:
        facts = remember(facts, said)
    return facts


def remember(facts: Facts, said: Utterance) -> Facts:
    """Return what is known after one more message."""
    if "reset" in said.intents:
        facts = Facts()
    before = facts.doubt
    facts = _about_whom(_about_what(facts, said), said)
    facts = facts._replace(
        doubt=None,
        amount=None,
        assumed=(),
        settled=False,
        uses=facts.uses | said.intents & {"running", "ski", "wide"},
    )
    if said.systems:
        facts = facts._replace(systems=said.systems)
    if said.months is not None:
        facts = facts._replace(months=said.months, who=facts.who or "kids")
    facts = _settle(facts, said, before)
    if said.labels:
        facts = facts._replace(label=said.labels[-1])
    facts = _lengths(facts, said)
    if facts.amount is None:
        for quantity in said.quantities:
            facts = _measured(facts, quantity, bare=said.bare)
    return facts._replace(item=facts.item or _implied(facts))


def _about_what(facts: Facts, said: Utterance) -> Facts:
    if said.item is None or said.item == facts.item:
        return facts
    kept = None if facts.item else facts.label
    return facts._replace(
        item=said.item, label=kept, systems=said.systems or (() if facts.item else facts.systems)
    )


def _about_whom(facts: Facts, said: Utterance) -> Facts:
    known = bool(facts.body or facts.label or facts.months)
    asks_again = said.text.startswith(("and ", "what about", "how about", "now ", "also "))
    another = (
        said.person is not None and said.person != facts.person and (facts.person is not None or asks_again)
    )
    if known and another:
        facts = facts._replace(body={}, label=None, months=None)
    elif (
        said.who
        and facts.who
        and said.who != facts.who
        and facts.label
        and facts.item in {"shoes", "socks", None}
    ):
        system, value, _ = facts.label
        foot = shoes.foot_of(system, facts.who, value) if system and value is not None else None
        if foot is not None:
            facts = facts._replace(body={**facts.body, "foot": foot}, label=None)
    return facts._replace(who=said.who or facts.who, person=said.person or facts.person)


def _settle(facts: Facts, said: Utterance, doubt: Doubt | None) -> Facts:
    """Use the answer to a question: a doubt about a number, or a label whose system was not said."""
    label = facts.label
    if label and label.system is None and said.systems and not said.labels:
        facts = facts._replace(label=label._replace(system=said.systems[0]), systems=())
    if doubt is None or said.quantities or said.labels:
        return facts
    if not doubt.dimension:
        return _named(facts, said, doubt.quantity)
    unit = said.units[0] if said.units else None
    if unit is not None:
        cm = doubt.quantity.value * body.IN_CM[unit]
        if body.plausible(doubt.dimension, cm):
            return facts._replace(body={**facts.body, doubt.dimension: cm}, settled=True)
    if doubt.guess is not None and "yes" in said.intents:
        return facts._replace(body={**facts.body, doubt.dimension: doubt.guess}, settled=True)
    if said.systems and doubt.quantity.unit is None:
        return facts._replace(label=Label(said.systems[0], doubt.quantity.value), systems=())
    return facts


def _named(facts: Facts, said: Utterance, quantity: Quantity) -> Facts:
    """Use the answer to what a number measures: a dimension, or an item that tells it."""
    named = next((name for name in said.dimensions if name in body.DIMENSIONS), None)
    if named is None and facts.item is None:
        return facts
    return _take(
        facts._replace(settled=True), quantity, named or _bare_dimension(facts, facts.item or "", quantity)
    )


def _lengths(facts: Facts, said: Utterance) -> Facts:
    """See whether a length is only to be converted between units."""
    if said.item or said.labels or said.dimensions:
        return facts._replace(units=None)
    target = said.units[-1] if said.units else None
    if not said.quantities:
        pair = 2
        return facts._replace(units=(said.units[0], said.units[-1]) if len(set(said.units)) == pair else None)
    return facts._replace(amount=_amount(facts, said, target))


def _amount(facts: Facts, said: Utterance, target: str | None) -> Amount | None:
    value, unit, _ = said.quantities[0]
    if unit in body.IN_CM and target is not None and unit != target:
        return Amount(value, unit, target)
    if unit is None and len(set(said.units)) > 1:
        return Amount(value, said.units[0], said.units[-1])
    if facts.units is not None and unit in {None, facts.units[0]}:
        return Amount(value, *facts.units)
    if unit in {"cm", "mm", "in"} and facts.item is None and "convert" in said.intents:
        return Amount(value, unit, "cm" if unit == "in" else "in")
    return None


def _measured(facts: Facts, quantity: Quantity, *, bare: bool) -> Facts:
    value, unit, dimension = quantity
    if dimension is None and unit is None and facts.item:
        taken = _as_label(facts, quantity)
        if taken is not None:
            return taken
    if dimension is None and facts.item:
        dimension = _bare_dimension(facts, facts.item, quantity)
    if dimension is None and unit is None:
        return facts._replace(label=Label(None, value)) if bare and facts.label is None else facts
    if dimension is None or dimension not in body.DIMENSIONS:
        return facts._replace(doubt=Doubt(quantity, "", None, None))
    return _take(facts, quantity, dimension)


def _bare_dimension(facts: Facts, item: str, quantity: Quantity) -> str:
    """Return what a number without a name measures, for the item at hand."""
    widest_ring = 28
    dimension = BARE[item]
    if dimension == "underbust" and "underbust" in facts.body:
        return "bust"
    if item == "ring" and quantity.unit in {None, "mm"} and quantity.value < widest_ring:
        return "ring_diameter"
    if item == "clothes" and facts.who in {"men", "women"}:
        dimension = "chest"
    if facts.who == "kids" and dimension in {"chest", "bust", "waist"}:
        return "height"
    return "bust" if dimension == "chest" and facts.who == "women" else dimension


def _as_label(facts: Facts, quantity: Quantity) -> Facts | None:
    item, value = facts.item or "", quantity.value
    if item in {"shoes", "socks"} and facts.who == "kids" and 15.5 < value <= 31.5:  # noqa: PLR2004 - EU or cm
        return facts._replace(doubt=Doubt(quantity, "foot", None, None))
    if (
        facts.who != "kids"
        and item in UNCLEAR_SPANS
        and UNCLEAR_SPANS[item][0] <= value <= UNCLEAR_SPANS[item][1]
    ):
        return facts._replace(doubt=Doubt(quantity, "bust" if facts.who == "women" else "chest", None, None))
    for (low, high), system in LABEL_SPANS.get(item, ()):
        if low <= value <= high:
            return facts._replace(label=Label(system, value))
    return None


def _take(facts: Facts, quantity: Quantity, dimension: str) -> Facts:
    """Take a measurement; without a unit in the likeliest one, which the reply names."""
    value, unit, _ = quantity
    found = body.readings(dimension, value)
    if unit is not None:
        cm = value * body.IN_CM.get(unit, 0)
        if body.plausible(dimension, cm):
            return facts._replace(body={**facts.body, dimension: cm}, label=None)
        guess = next(iter(found), None)
        return facts._replace(
            doubt=Doubt(quantity, dimension, guess[1] if guess else None, guess[0] if guess else None)
        )
    if not found:
        return facts._replace(doubt=Doubt(quantity, dimension, None, None))
    grown = [one for one in found if facts.who == "kids" or one[1] >= ADULT_LOW.get(dimension, 0)]
    assumed, cm = (grown or found)[0]
    notes = (*facts.assumed, f"{value:g} as {assumed}") if len(found) > 1 else facts.assumed
    return facts._replace(body={**facts.body, dimension: cm}, label=None, assumed=notes)


def _implied(facts: Facts) -> str | None:
    if facts.label and facts.label.letter and facts.label.value is not None:
        return "bra"
    if (
        facts.who == "kids"
        and ("height" in facts.body or facts.months is not None)
        and "foot" not in facts.body
    ):
        return "clothes"
    return next((item for dimension, item in ITEM_OF.items() if dimension in facts.body), None)
