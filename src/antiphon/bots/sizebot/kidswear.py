"""Facts → advice on children's clothes."""

from antiphon.bots.sizebot import body, children
from antiphon.bots.sizebot.markdown import BRANDS, grid, paragraphs, wanted
from antiphon.bots.sizebot.memory import Facts
from antiphon.bots.sizebot.text import both_units, plain

MONTHS = 12
TODDLER = 24


def advise(facts: Facts) -> str:
    """Advise by height, else by age or by the label, else ask."""
    height = facts.body.get("height")
    if height is not None:
        size = children.by_height(height)
        lead = f"For a height of **{both_units(height)}**"
    elif facts.months is not None:
        size = children.by_age(facts.months)
        years = plain(facts.months / MONTHS)
        age = (
            f"{years} year{'' if years == '1' else 's'}"
            if facts.months >= TODDLER
            else f"{plain(facts.months)} months"
        )
        lead = f"At {age} the usual size"
    elif facts.label is not None and facts.label.value is not None:
        size = _labelled(facts.label.system, facts.label.value)
        lead = f"For {facts.label.system or 'size'} {facts.label.value:g}"
    else:
        return paragraphs(
            "Children's clothes go by **height** (EU size 104 = 104 cm tall). How tall is the child? The age"
            " helps too, but"
            " the height decides.",
            body.how_to("height"),
        )
    if size is None:
        return paragraphs(
            f"{lead}: that is outside the children's sizes I know (50 to 170 cm, up to about 15 years). For"
            " a teenager"
            " tell me chest or bust and waist, and women's or men's.",
            body.how_to("height") if height is not None else "",
        )
    rows = [("EU (height in cm)", f"{size.height}"), ("UK (age)", size.uk), ("US", size.us)]
    named = wanted(rows, facts.systems) or f"EU **{size.height}**"
    return paragraphs(f"{lead}: {named}.", grid(("System", "Size"), rows), _note(height, size), BRANDS)


def _labelled(system: str | None, value: float) -> children.ChildSize | None:
    smallest_height = 44
    if system in {"UK", "US"} or value < smallest_height:
        return children.by_age(value * MONTHS) if value > 0 else None
    return children.by_height(value)


def _note(height: float | None, size: children.ChildSize) -> str:
    if height is None:
        return "Children of one age differ by two sizes: measure the **height** to be sure."
    tight = 1
    if size.height - height <= tight:
        return f"It fits now; **{size.height + children.STEP}** leaves room for the next half year."
    return "There is a little room to grow in it."
