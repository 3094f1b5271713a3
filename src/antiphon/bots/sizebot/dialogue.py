"""The reply: small talk, questions back, unit conversion, and advice for the item at hand.

``reply`` is a pure function of the messages. Only what the user said counts; what the bot answered follows
from it.
"""

from collections.abc import Callable, Sequence

from antiphon.bots.sizebot import body, footwear, smallwear, talk, wardrobe
from antiphon.bots.sizebot.markdown import grid, listed, paragraphs
from antiphon.bots.sizebot.memory import BARE, RECALL, Amount, Doubt, Facts, recall
from antiphon.bots.sizebot.text import CM_PER_INCH, READ, both_units, plain
from antiphon.bots.sizebot.understand import Utterance, understand
from antiphon.providers.port import PromptMessage

ADVISERS: dict[str, Callable[[Facts], str]] = {
    "shoes": footwear.advise,
    "socks": footwear.advise_socks,
    "top": wardrobe.advise,
    "dress": wardrobe.advise,
    "trousers": wardrobe.advise,
    "jacket": wardrobe.advise,
    "clothes": wardrobe.advise,
    "shirt": wardrobe.advise_shirt,
    "bra": smallwear.advise_bra,
    "gloves": smallwear.advise_gloves,
    "hat": smallwear.advise_hat,
    "ring": smallwear.advise_ring,
}
"""Item → the function that advises on it."""

MEASURES = {
    "dress": ("bust", "waist", "hips"),
    "trousers": ("waist", "hips", "inside_leg"),
    "bra": ("underbust", "bust"),
    "shirt": ("neck", "chest"),
    "ring": ("finger", "ring_diameter"),
}
"""Item → what to measure for it, where it is more than ``BARE`` names."""

LONG = f"_Your message is long: I read its first {READ} characters._"


def reply(messages: Sequence[PromptMessage]) -> str:
    """Return the answer to the last user message; the same messages get the same answer."""
    texts = [message.content for message in messages if message.role == "user"][-RECALL:]
    if not texts:
        return talk.GREETING
    said = [understand(text) for text in texts]
    answer = _answer(said[-1], recall(said), first=len(said) == 1)
    return paragraphs(answer, LONG if len(texts[-1]) > READ else "")


def _answer(said: Utterance, facts: Facts, *, first: bool) -> str:
    if facts.doubt is not None:
        return _doubtful(facts, facts.doubt)
    if facts.amount is not None:
        return _converted(facts.amount)
    if "measure" in said.intents and not said.quantities and not said.labels:
        return _how_to(said, facts)
    if said.unknown_item and not said.item:
        return f"I have no size table for “{said.unknown_item}”, so I do not know. {talk.ABILITIES}"
    return _about_sizes(said, facts) if _tells(said, facts) else talk.answer(said, facts, first=first)


def _tells(said: Utterance, facts: Facts) -> bool:
    """Tell whether a message adds to what is known, or asks for it in another way."""
    numbers = facts.item or facts.label or any(one.unit or one.dimension for one in said.quantities)
    named = said.item or said.who or said.labels or said.systems or said.dimensions or said.units
    new = named or (said.quantities and numbers)
    more = facts.item is not None and said.intents & {"running", "wide", "ski", "between", "chart"}
    asks = not said.intents and set(said.text.split()) & {"size", "sizes", "sizing", "fit", "fits"}
    return bool(new or asks or said.months is not None or said.weight or facts.settled or more)


def _about_sizes(said: Utterance, facts: Facts) -> str:
    if said.units and facts.units and facts.item is None:
        return _unit_help(*facts.units)
    return paragraphs(_two_letters(said), _advice(said, facts), _asides(said, facts))


def _two_letters(said: Utterance) -> str:
    letters = [label.letter for label in said.labels if label.value is None]
    pair = 2
    if len(letters) != pair or letters[0] == letters[1]:
        return ""
    return (
        f"Between **{letters[0]}** and **{letters[1]}** take the larger for woven cloth, jackets and a loose"
        " fit, the smaller"
        " for stretch and a close fit."
    )


def _advice(said: Utterance, facts: Facts) -> str:
    if facts.item is not None:
        return ADVISERS[facts.item](facts)
    if facts.label is not None:
        return _label_of_what(facts)
    if "height" in facts.body:
        return paragraphs(
            f"I have noted a height of **{both_units(facts.body['height'])}**. Height alone gives a size for"
            " children only: is"
            " it a child's, or which item do you need for yourself, and what is your chest or bust and"
            " waist?",
            body.how_to("chest"),
        )
    if said.dimensions and said.dimensions[0] in body.DIMENSIONS:
        return paragraphs(
            f"What is your {body.DIMENSIONS[said.dimensions[0]].name}, in cm or inches?",
            body.how_to(said.dimensions[0]),
        )
    whose = f" {footwear.WHOSE[facts.who]}" if facts.who else ""
    return paragraphs(
        f"Gladly. Which{whose} item is it: shoes, a top, a dress, trousers, a jacket, a shirt, a bra,"
        " gloves, a hat, socks or a"
        " ring? And tell me a measurement, or a size you wear with its country.",
        talk.EXAMPLES,
    )


def _label_of_what(facts: Facts) -> str:
    """Answer for shoes and for clothes as far as there is such a size, and ask which."""
    label = facts.label
    if label is None or (label.letter and label.value is None):
        return wardrobe.advise(facts._replace(item="top"))
    smallest_height = 50
    if facts.who == "kids" and label.system is None and (label.value or 0) >= smallest_height:
        return wardrobe.advise(facts._replace(item="clothes"))
    as_shoe = footwear.advise(facts._replace(item="shoes"))
    as_clothes = wardrobe.advise(facts._replace(item="clothes"))
    said = f"{label.system or 'size'} {label.value:g}"
    fits = [
        (title, text)
        for title, text in (("As a shoe size", as_shoe), ("As a clothing size", as_clothes))
        if "|" in text
    ]
    if not fits:
        return (
            f"“{said}” is no shoe or clothing size I know. Which item is it, whose, and from which country?"
        )
    if len(fits) == 1:
        return f"{fits[0][1]}\n\nTell me if you meant another item."
    both = paragraphs(*(f"**{title}:** {_without_brands(text)}" for title, text in fits))
    return f"{both}\n\nWhich item is it: shoes or clothes?"


def _without_brands(text: str) -> str:
    return "\n\n".join(part for part in text.split("\n\n") if not part.startswith("_Brands"))


def _asides(said: Utterance, facts: Facts) -> str:
    notes = []
    if facts.assumed:
        notes.append(f"I read {listed(facts.assumed, 'and')}; tell me if that is wrong.")
    if said.weight:
        notes.append("Weight does not decide a size, so I left it out.")
    if "brand" in said.intents:
        notes.append("I know the standards, not the chart of that brand.")
    return " ".join(notes)


def _doubtful(facts: Facts, doubt: Doubt) -> str:
    """Ask again about a number that cannot be right, or can mean two things."""
    value, unit, _ = doubt.quantity
    said = f"{value:g}{f' {unit}' if unit else ''}"
    known = body.DIMENSIONS.get(doubt.dimension)
    if known is None:
        return f"What is **{said}**: the foot, chest, bust, waist or hips? And which item is it for?"
    if doubt.guess is not None:
        return paragraphs(
            f"A {known.name} of **{said}** cannot be right. Did you mean **{value:g} {doubt.unit}**"
            f" ({plain(doubt.guess)} cm)? Say “yes”, or tell me the measurement again.",
            body.how_to(doubt.dimension),
        )
    if unit is None and value > 0 and body.readings(doubt.dimension, value):
        kind = (
            "an EU size, or the foot in cm"
            if facts.item == "shoes"
            else f"a size on a label, or your {known.name} in inches"
        )
        return f"Is **{said}** {kind}? Say “cm”, “inches” or the country of the size (“EU”, “UK”, “US”)" + (
            "." if facts.who else ", and whether it is women's, men's or children's."
        )
    return paragraphs(
        f"A {known.name} of **{said}** cannot be right: I expect {plain(known.low)} to {plain(known.high)} cm"
        f" ({plain(known.low / CM_PER_INCH)} to {plain(known.high / CM_PER_INCH)} in). Please measure again.",
        body.how_to(doubt.dimension),
    )


def _converted(amount: Amount) -> str:
    value, unit, target = amount
    result = value * body.IN_CM[unit] / body.IN_CM[target]
    return (
        f"{plain(value, 2)} {unit} = **{plain(result, 2)} {target}** (1 in = 2.54 cm). If it is a body"
        " measurement, tell me"
        " which one and for which item, and I find the size."
    )


def _unit_help(unit: str, target: str) -> str:
    factor = body.IN_CM[unit] / body.IN_CM[target]
    samples = (10, 20, 30, 40) if unit == "in" else (25, 50, 75, 100)
    return paragraphs(
        f"1 {unit} = {factor:.4g} {target}. Tell me a number and I convert it.",
        grid((unit, target), [(f"{sample}", plain(sample * factor, 1)) for sample in samples]),
    )


def _how_to(said: Utterance, facts: Facts) -> str:
    named = [name for name in said.dimensions if name in body.DIMENSIONS]
    if not named and facts.item is not None:
        named = list(MEASURES.get(facts.item, (BARE[facts.item],)))
        if facts.who == "kids" and facts.item in {"top", "jacket", "trousers", "dress"}:
            named = ["height"]
    if not named:
        named = ["chest", "waist", "hips", "foot"]
    return paragraphs(
        *(body.how_to(name) for name in dict.fromkeys(named)), "Then tell me the number, in cm or inches."
    )
