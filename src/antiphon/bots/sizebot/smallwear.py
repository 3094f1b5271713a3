"""Facts → advice on bras, gloves, hats and rings."""

import math

from antiphon.bots.sizebot import body, bras, extras
from antiphon.bots.sizebot.markdown import BRANDS, grid, listed, paragraphs, wanted
from antiphon.bots.sizebot.memory import Facts
from antiphon.bots.sizebot.text import both_units

MM = 10


def advise_bra(facts: Facts) -> str:
    """Advise on bras: from underbust and bust, or from a label."""
    under, bust = facts.body.get("underbust"), facts.body.get("bust", facts.body.get("chest"))
    label = facts.label
    if label is not None and label.value is not None and label.letter:
        bra = bras.labelled(label.system, label.value, label.letter)
        lead = f"**{label.system or ''} {label.value:g}{label.letter.upper()}**".replace("** ", "**")
    elif under is not None and bust is not None:
        if bust < under:
            under, bust = bust, under
        bra = bras.measured(under, bust)
        lead = f"Underbust {both_units(under)}, bust {both_units(bust)}"
    else:
        needs = [name for name, known in (("underbust", under), ("bust", bust)) if known is None]
        return paragraphs(
            f"For a bra I need your {listed([f'**{name}**' for name in needs], 'and')}, in cm or inches (or"
            " a size you"
            " wear, for example “75B” or “UK 34DD”).",
            *(body.how_to(name) for name in needs),
        )
    if bra is None:
        return paragraphs(
            f"{lead}: that is outside the bra tables I know (bands EU 60 to 140, cups AA to J). Please check"
            " the numbers;"
            " bust and underbust usually differ by 10 to 32 cm.",
            body.how_to("underbust"),
        )
    rows = bras.rows(bra)
    named = wanted(rows, facts.systems) or f"EU **{rows[0][1]}**"
    sisters = bras.sisters(bra)
    return paragraphs(
        f"{lead}: {named}.",
        grid(("System", "Size"), rows),
        "If the band is too tight or too loose, try the sister sizes"
        f" {listed([f'EU {name}' for name in sisters])}."
        if sisters
        else "",
        BRANDS,
    )


def advise_gloves(facts: Facts) -> str:
    """Advise on gloves, by the girth of the hand."""
    girth = facts.body.get("hand")
    if facts.label is not None and facts.label.value in extras.GLOVES:
        girth = extras.GLOVES[int(facts.label.value)][0] / MM
    if girth is None:
        return paragraphs(
            "For gloves I need the **girth of your hand**, in cm or inches.", body.how_to("hand")
        )
    rows = extras.glove(girth)
    if rows is None:
        return paragraphs(
            f"A hand of {both_units(girth)} is outside the glove sizes I know (6 to 11, 13 to 29 cm); please"
            " check it.",
            body.how_to("hand"),
        )
    return paragraphs(
        f"For a hand of **{both_units(girth)}**: glove size **{rows[0][1]}** ({rows[1][1]}).",
        grid(("System", "Size"), rows),
        "Between two sizes take the smaller in leather, which gives, and the larger for work gloves.",
        BRANDS,
    )


def advise_hat(facts: Facts) -> str:
    """Advise on hats, by the girth of the head."""
    girth = facts.body.get("head")
    label = facts.label
    if label is not None and label.value is not None:
        girth = extras.head_of(label.system, label.value)
    if girth is None or not body.plausible("head", girth):
        wrong = f"A head of {both_units(girth)} cannot be right. " if girth is not None else ""
        return paragraphs(
            f"{wrong}For a hat I need your **head girth**, in cm or inches.", body.how_to("head")
        )
    rows = extras.hat(girth)
    named = (
        wanted(rows, facts.systems) or f"EU **{rows[0][1]}**, US **{rows[1][1]}**, letter **{rows[3][1]}**"
    )
    return paragraphs(
        f"For a head of **{both_units(girth)}**: {named}.",
        grid(("System", "Size"), rows),
        "Between two sizes take the larger: a strip of foam behind the sweatband fills it.",
        BRANDS,
    )


def advise_ring(facts: Facts) -> str:
    """Advise on rings, by the girth of the finger or the diameter of a ring that fits."""
    mm = facts.body["finger"] * MM if "finger" in facts.body else None
    if mm is None and "ring_diameter" in facts.body:
        mm = facts.body["ring_diameter"] * MM * math.pi
    label = facts.label
    if label is not None:
        single = label.letter if len(label.letter) == 1 else ""
        mm = extras.finger_of(label.system, label.value, single)
    if mm is None or not body.plausible("finger", mm / MM):
        wrong = f"A circumference of {mm:.1f} mm cannot be right for a finger. " if mm is not None else ""
        return paragraphs(
            f"{wrong}For a ring I need the **girth of the finger** in mm, or the inside **diameter** of a"
            " ring that fits, or"
            " a size you know (“US 7”, “UK size N”).",
            body.how_to("finger"),
        )
    rows = extras.ring(mm)
    named = wanted(rows, facts.systems) or wanted(rows, ("ISO", "UK", "US"))
    return paragraphs(
        f"For an inside circumference of **{mm:.1f} mm**: {named}.",
        grid(("System", "Size"), rows),
        "Measure in the evening, when fingers are warm; for a wide band take half a size more.",
        BRANDS,
    )
