"""Facts → advice on shoes and socks."""

from antiphon.bots.sizebot import body, extras, shoes
from antiphon.bots.sizebot.markdown import BRANDS, grid, paragraphs, wanted
from antiphon.bots.sizebot.memory import Facts
from antiphon.bots.sizebot.text import both_units, plain
from antiphon.bots.sizebot.understand import Label

WHOSE = {"men": "men's", "women": "women's", "kids": "children's"}
LARGEST_BARLEYCORN = 16
SMALLEST_MONDOPOINT = 100
SMALLEST_ADULT_EU = 33


def rows_for(foot: float, who: str | None) -> list[tuple[str, str]]:
    """Return the labels of a foot in all systems; both US scales as long as nobody said whose foot it is."""
    us = [f"US {WHOSE[who]}"] if who else ["US men's", "US women's"]
    people = [who] if who else ["men", "women"]
    return [
        ("EU", shoes.nearest("EU", who, foot)),
        ("UK" if who != "kids" else "UK children's", shoes.nearest("UK", who, foot)),
        *((title, shoes.nearest("US", one, foot)) for title, one in zip(us, people, strict=True)),
        ("Mondopoint (mm)", shoes.nearest("Mondopoint", who, foot)),
        ("JP (cm)", shoes.nearest("JP", who, foot)),
    ]


def advise(facts: Facts) -> str:
    """Advise on shoes."""
    foot = facts.body.get("foot")
    if facts.label is not None and facts.label.value is not None:
        return _for_label(facts, facts.label, facts.label.value)
    if foot is not None:
        return _for_foot(facts, foot, f"For a foot of **{both_units(foot)}**")
    example = "“EU 28” or “UK 10”" if facts.who == "kids" else "“EU 42” or “US 9 men's”"
    return paragraphs(
        f"For {WHOSE[facts.who] + ' ' if facts.who else ''}shoes I need **the length of the foot**"
        f", or a size worn now, for example {example}"
        + ("." if facts.who else " - and whether they are women's, men's or children's.")
        + (" Age alone does not give a shoe size." if facts.months is not None else ""),
        body.how_to("foot"),
    )


def _for_foot(facts: Facts, foot: float, lead: str) -> str:
    who = facts.who
    low, high = shoes.CHILD_FEET if who == "kids" else shoes.ADULT_FEET
    if who is None and foot < low:
        who = "kids"
        low, high = shoes.CHILD_FEET
    if not low <= foot <= high:
        return paragraphs(
            f"A foot of {both_units(foot)} is outside what {WHOSE.get(who or '', 'adult')} shoes are made for"
            f" ({plain(low)} to {plain(high)} cm), so I do not know a size. Did I get the number and the"
            " unit right?",
            body.how_to("foot"),
        )
    rows = rows_for(foot, who)
    named = wanted(rows, facts.systems) or f"EU **{rows[0][1]}**"
    whose = f" in {WHOSE[who]} shoes" if who and WHOSE[who] not in named else ""
    notes = [*_fit(facts, foot, who)]
    if who is None:
        notes.append("Women's or men's? It only matters for the US size.")
    return paragraphs(
        f"{lead} that is {named}{whose}.", grid(("System", "Size"), rows), " ".join(notes), BRANDS
    )


def _fit(facts: Facts, foot: float, who: str | None) -> list[str]:
    notes = []
    middle = shoes.between("EU", who, foot)
    if middle:
        notes.append(
            f"You are **between EU {middle[0]} and {middle[1]}**: take the larger; a thick sock or"
            " an insole"
            " closes the gap, nothing widens a short shoe."
        )
    if who == "kids":
        notes.append(
            "Children need 1 to 1.5 cm of room to grow: the size above has it as new; measure again"
            " every"
            " three months."
        )
    elif "running" in facts.uses:
        notes.append(
            "For running leave a thumb's width (about 1 cm) before the longest toe: many runners"
            f" take **half a size to one size more**, here up to EU {shoes.nearest('EU', who, foot + 0.67)}."
        )
    elif "ski" in facts.uses:
        notes.append(
            "Ski boots are sold by Mondopoint and worn snug: take the Mondopoint size, not a larger one."
        )
    if "wide" in facts.uses:
        notes.append(
            "Width is a scale of its own (UK F, G, H; US D, 2E, 4E): I only know lengths; do not"
            " buy longer"
            " shoes to get wider ones."
        )
    return notes


def _people(system: str | None, who: str | None, value: float) -> list[tuple[str, str]]:
    """Return what a label can mean: system and whose."""
    if system is None:
        if value >= SMALLEST_MONDOPOINT:
            return [("Mondopoint", who or "men")]
        if value >= LARGEST_BARLEYCORN:
            return [("EU", who or ("kids" if value < SMALLEST_ADULT_EU else "men"))]
        return [("UK", who or "men"), *[("US", one) for one in ([who] if who else ["men", "women"])]]
    if system == "US" and who is None:
        return [("US", "men"), ("US", "women")]
    if system == "EU" and who is None and value < SMALLEST_ADULT_EU:
        return [("EU", "kids")]
    return [(system, who or "men")]


def _for_label(facts: Facts, label: Label, value: float) -> str:
    system = "EU" if label.system in {"FR", "DE", "IT", "ISO"} else label.system
    meant = _people(system, facts.who, value)
    found = [(*one, shoes.foot_of(one[0], one[1], value)) for one in meant]
    known = [(name, who, foot) for name, who, foot in found if foot is not None]
    said = f"{label.system or 'size'} {value:g}"
    if not known:
        return paragraphs(
            f"I know no {WHOSE.get(facts.who or '', 'adult')} shoe size “{said}”. Adults' shoes run from"
            " about EU 32 to"
            " 50, UK 1 to 15 and US 2 to 17, children's from EU 16 to 39. Which size and which country is"
            " it?",
            body.how_to("foot"),
        )
    if len(known) == 1:
        name, who, foot = known[0]
        told = facts._replace(who=facts.who or ("kids" if who == "kids" else None))
        lead = f"**{name} {value:g}**{_whose(told.who)} is made for a foot of about {both_units(foot)};"
        return paragraphs(_for_foot(told, foot, lead), _rounding(name, facts))
    return _meanings(facts, f"{said[0].upper()}{said[1:]}", value, known)


def _meanings(facts: Facts, said: str, value: float, known: list[tuple[str, str, float]]) -> str:
    """Show what feet a label can mean, and ask which."""
    columns = -2  # Mondopoint and Japan are lengths: one column says them
    titles = [title for title, _ in rows_for(known[0][2], facts.who)[:columns]]
    rows = [
        (
            f"{name} {value:g}" + (f" {WHOSE[who]}" if name == "US" else ""),
            *(size for _, size in rows_for(foot, facts.who)[:columns]),
            f"{plain(foot)} cm",
        )
        for name, who, foot in known
    ]
    question = "Is it a women's or a men's size?"
    if len({name for name, _, _ in known}) > 1:
        question = "Is it a UK or a US size" + ("?" if facts.who else ", women's or men's?")
    return paragraphs(
        f"**{said}** can mean different feet:",
        grid(("If it is", *titles, "Foot"), rows),
        f"{question} If you measure the foot, I can be surer.",
        BRANDS,
    )


def _whose(who: str | None) -> str:
    return f" ({WHOSE[who]})" if who else ""


def _rounding(system: str, facts: Facts) -> str:
    if system == "EU" and facts.who != "kids":
        return "_By the formula; many brands print half a UK or US size less beside the same EU size._"
    return ""


def advise_socks(facts: Facts) -> str:
    """Advise on socks: they go by the shoe size."""
    foot = facts.body.get("foot")
    label = facts.label
    if label and label.value is not None:
        meant = _people(label.system, facts.who, label.value)
        foot = shoes.foot_of(meant[0][0], meant[0][1], label.value)
    if foot is None:
        return paragraphs(
            "Socks go by **your shoe size or foot length**: tell me either.", body.how_to("foot")
        )
    eu = shoes.scale("EU", facts.who).exact(foot)
    group = extras.socks(eu)
    if group is None:
        return f"EU {eu:.0f} is outside the usual sock sizes (19 to 50), so I do not know one."
    ends = [shoes.PARIS.foot(float(end)) for end in group.split("-")]
    adult = facts.who != "kids" and ends[0] >= shoes.ADULT_FEET[0]
    uk = "-".join(shoes.nearest("UK", "men" if adult else "kids", end) for end in ends)
    return paragraphs(
        f"For EU {eu:.1f} (a foot of {both_units(foot)}) take socks **{group}**.",
        grid(("System", "Socks"), [("EU", group), ("UK", uk)]),
        "At the edge of a group take the larger for wool, which shrinks."
        if f"{eu:.0f}" in group.split("-")
        else "",
        BRANDS,
    )
