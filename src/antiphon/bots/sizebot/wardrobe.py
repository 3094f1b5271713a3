"""Facts → advice on adults' clothes: tops, dresses, trousers, jackets, shirts."""

from antiphon.bots.sizebot import adults, body, kidswear
from antiphon.bots.sizebot.markdown import BRANDS, grid, listed, paragraphs, wanted
from antiphon.bots.sizebot.memory import Facts
from antiphon.bots.sizebot.text import CM_PER_INCH, both_units, plain
from antiphon.bots.sizebot.understand import Label

NAMES = {
    "top": "tops",
    "dress": "dresses",
    "trousers": "trousers",
    "jacket": "jackets",
    "shirt": "shirts",
    "clothes": "clothes",
}
WHOSE = {"men": "men's", "women": "women's"}
PRIMARY = {"women": "bust", "men": "chest"}


def advise(facts: Facts) -> str:
    """Advise on clothes that go by the girths of the body."""
    if facts.who == "kids" or (facts.item == "clothes" and facts.who is None and "height" in facts.body):
        return kidswear.advise(facts)
    if facts.who is None:
        facts = facts._replace(who=_guess_who(facts))
    girths = _girths(facts)
    if facts.label is not None:
        return for_label(facts, facts.label)
    if facts.who is None:
        return _both(facts, girths) if girths else _ask(facts)
    if not girths:
        return _ask(facts)
    return _for_girths(facts, facts.who, girths)


def _guess_who(facts: Facts) -> str | None:
    if facts.item == "dress" or "bust" in facts.body or "underbust" in facts.body:
        return "women"
    return None


def _girths(facts: Facts) -> dict[str, float]:
    """Return the girths that count for the item, the bust or chest under the name the tables use."""
    upper = facts.body.get("bust", facts.body.get("chest"))
    known = {}
    if upper is not None and facts.item != "trousers":
        known[PRIMARY.get(facts.who or "men", "chest")] = upper
    for name in ("waist", "hips"):
        if name in facts.body and (facts.who != "men" or name == "waist"):
            known[name] = facts.body[name]
    return known


def _ask(facts: Facts) -> str:
    item = facts.item or "clothes"
    whose = "" if facts.who else "**Women's, men's or children's?** And "
    if item == "trousers":
        needs = ["waist", *(["hips"] if facts.who == "women" else ["inside_leg"])]
    elif item == "dress":
        needs = ["bust", "waist", "hips"]
    else:
        needs = ["bust" if facts.who == "women" else "chest"]
    names = listed([f"**{body.DIMENSIONS[need].name}**" for need in needs], "and")
    if whose and needs == ["chest"]:
        names = "**chest or bust**"
    example = "EU 50" if facts.who == "men" else "UK 12"
    ask = f"{whose}what is your {names}, in cm or inches?"
    return paragraphs(
        f"For {NAMES[item]}: {ask[0].upper()}{ask[1:]} Or tell me a size you wear, for example “M” or"
        f" “{example}”.",
        *(body.how_to(need) for need in needs),
    )


def _both(facts: Facts, girths: dict[str, float]) -> str:
    """Answer at once for men and women, and ask which."""
    upper = girths.get("chest")
    dimension, girth = ("chest", upper) if upper is not None else next(iter(girths.items()))
    rows = []
    for who in ("women", "men"):
        name = PRIMARY[who] if dimension == "chest" else dimension
        found = adults.row(who, name, girth) if name in adults.table(who) else None
        if found is None:
            continue
        listed_sizes = adults.numbers(who, found.place, upper)[
            : 1 if who == "men" and facts.item == "trousers" else 4
        ]
        numbers = ", ".join(f"{title} {size}" for title, size in listed_sizes)
        letter = _letter(who, found.place) if upper is None else " / ".join(adults.letters(who, upper))
        rows.append((WHOSE[who].capitalize(), letter or "-", numbers))
    if not rows:
        return _outside(dimension, girth)
    jeans = f", in jeans about **W{round(girth / CM_PER_INCH)}**" if dimension == "waist" else ""
    return paragraphs(
        f"For a {dimension} of **{both_units(girth)}**{jeans}:",
        grid(("", "Letter", "Number"), rows),
        "Women's or men's? Then I can be more exact.",
        BRANDS,
    )


def _letter(who: str, index: int) -> str:
    """Return the letter code of a row of the tables."""
    return " / ".join(adults.letters(who, adults.table(who)[PRIMARY[who]][index])) or "-"


def _outside(dimension: str, girth: float) -> str:
    return paragraphs(
        f"A {body.DIMENSIONS[dimension].name} of {both_units(girth)} is outside the tables of EN 13402-3, so"
        " I do not know"
        " a size for it. Please check the number and the unit; for a child tell me the height instead.",
        body.how_to(dimension),
    )


def _for_girths(facts: Facts, who: str, girths: dict[str, float]) -> str:
    tables = adults.table(who)
    found = {name: adults.row(who, name, girth) for name, girth in girths.items() if name in tables}
    for name, row in found.items():
        if row is None:
            return _outside(name, girths[name])
    rows = {name: row for name, row in found.items() if row is not None}
    primary = PRIMARY[who]
    lead = primary if primary in rows else ("hips" if "hips" in rows else "waist")
    index, other = rows[lead]
    if other is not None and any(row.place >= other for row in rows.values()):
        index = max(index, other)  # in the middle of two sizes the other girths decide
    sizes = adults.numbers(who, index, girths.get("chest"))
    letters = (
        adults.letters(who, girths[primary])
        if primary in girths
        else adults.letters(who, tables[primary][index])
    )
    if facts.item == "trousers":
        sizes = [*_jeans(facts, who), *(sizes if who == "women" else sizes[:1])]
    first = wanted(sizes, facts.systems) or (
        f"**{' / '.join(letters)}**" if letters else f"{sizes[0][0]} **{sizes[0][1]}**"
    )
    measured = listed([f"{body.DIMENSIONS[name].name} {both_units(girths[name])}" for name in rows], "and")
    return paragraphs(
        f"For {WHOSE[who]} {NAMES[facts.item or 'clothes']}, {measured}: {first}.",
        grid(("System", "Size"), [("Letter", " / ".join(letters) or "-"), *sizes]),
        " ".join(_notes(facts, who, rows, letters)),
        BRANDS,
    )


def _jeans(facts: Facts, who: str) -> list[tuple[str, str]]:
    waist, leg = facts.body.get("waist"), facts.body.get("inside_leg")
    if waist is None:
        return []
    size = f"W{round(waist / CM_PER_INCH)}" + (f" L{round(leg / CM_PER_INCH)}" if leg else "")
    return [("Jeans" if who == "women" else "Jeans, UK / US", size)]


def _notes(facts: Facts, who: str, rows: dict[str, adults.Row], letters: list[str]) -> list[str]:
    notes = []
    tables = adults.table(who)
    if len(letters) > 1:
        notes.append(
            f"You are **between {letters[0]} and {letters[1]}**: {letters[1]} for woven cloth,"
            " jackets and a loose"
            f" fit, {letters[0]} for stretch and a close fit."
        )
    elif any(row.other is not None for row in rows.values()):
        notes.append(
            "You are about in the middle of two number sizes: take the larger where the cloth does not"
            " stretch."
        )
    places = {row.place for row in rows.values()}
    if len(places) > 1:
        each = listed(
            [
                f"{body.DIMENSIONS[name].name} {adults.numbers(who, row.place)[0][1]}"
                for name, row in rows.items()
            ],
            "and",
        )
        notes.append(
            f"Your measurements fall on different sizes (EU by {each}): buy for the largest in"
            " close-fitting cuts"
            " and have the rest taken in."
        )
    usual = (
        {"dress": ("waist", "hips"), "trousers": ("waist", "hips")}
        if who == "women"
        else {"trousers": ("waist",)}
    )
    lacking = [name for name in usual.get(facts.item or "", ()) if name not in rows and name in tables]
    if lacking:
        notes.append(f"Tell me your {listed(lacking, 'and')} too, and I can check the fit there.")
    if facts.item == "trousers" and "inside_leg" not in facts.body:
        notes.append("For jeans I can add the L with your inside leg.")
    return notes


def for_label(facts: Facts, label: Label) -> str:
    """Convert a size on a label."""
    if label.letter and label.value is None:
        return _for_letter(facts, label.letter)
    value = label.value or 0
    meanings = []
    for who in [facts.who] if facts.who else ["women", "men"]:
        systems = [label.system] if label.system else (["UK", "US", "EU"] if who == "women" else ["EU", "UK"])
        for system in systems:
            index = adults.index_of(who, system, value)
            if index is not None:
                meanings.append((who, system, index))
    if not meanings:
        whose = WHOSE.get(facts.who or "", "adults'")
        return (
            f"I know no {whose} size “{label.system or ''} {value:g}”".replace("“ ", "“")
            + " for clothes. Women's run from EU 32 to 62 (UK 6 to 36, US 2 to 32), men's from EU 42 to 72"
            " (UK and US"
            " 32 to 62). Which country's size is it, and women's or men's?"
        )
    if len(meanings) == 1:
        return _one_meaning(facts, value, *meanings[0])
    rows = [
        (
            f"{system} {value:g} {WHOSE[who]}",
            _letter(who, index),
            _girth(facts, who, index),
            ", ".join(f"{title} {size}" for title, size in adults.numbers(who, index)),
        )
        for who, system, index in meanings
    ]
    return paragraphs(
        f"A size {value:g} can mean:",
        grid(("If it is", "Letter", "Made for", "Also"), rows),
        "Tell me the country and whether it is women's or men's.",
        BRANDS,
    )


def _girth(facts: Facts, who: str, index: int) -> str:
    if facts.item == "trousers":
        names = [name for name in ("waist", "hips") if name in adults.table(who)]
        return listed([f"{name} {adults.table(who)[name][index]} cm" for name in names], "and")
    girth = adults.table(who)[PRIMARY[who]][index]
    return f"{PRIMARY[who]} {girth} cm ({plain(girth / CM_PER_INCH)} in)"


def _one_meaning(facts: Facts, value: float, who: str, system: str, index: int) -> str:
    sizes = adults.numbers(who, index)
    named = wanted(sizes, facts.systems)
    lead = f"**{system} {value:g}** in {WHOSE[who]} clothes is made for {_girth(facts, who, index)}"
    return paragraphs(
        f"{lead}" + (f": {named}." if named else "."),
        grid(("System", "Size"), [("Letter", _letter(who, index)), *sizes]),
        "Conversions of labels are approximate: with your measurements in cm or inches I can be surer.",
        BRANDS,
    )


def _for_letter(facts: Facts, letter: str) -> str:
    rows = []
    for who in [facts.who] if facts.who in PRIMARY else ["women", "men"]:
        low, high = adults.LETTERS[who].get(letter, (0, 0))
        indices = [at for at, girth in enumerate(adults.table(who)[PRIMARY[who]]) if low < girth <= high]
        if not high or not indices:
            continue
        first, last = adults.numbers(who, indices[0]), adults.numbers(who, indices[-1])
        ends = ((one, two[1]) for one, two in zip(first, last, strict=False))
        numbers = ", ".join(f"{title} {a}" + (f"-{b}" if a != b else "") for (title, a), b in ends)
        girth = f"{PRIMARY[who]} {low}-{high} cm ({plain(low / CM_PER_INCH)}-{plain(high / CM_PER_INCH)} in)"
        rows.append((WHOSE[who].capitalize(), girth, numbers))
    if not rows:
        return f"I know no letter size “{letter}” for that: the codes run from XXS to 3XL."
    return paragraphs(
        f"**{letter}** is meant for:",
        grid(("", "Body", "Number sizes"), rows),
        "Tell me your own chest or bust, and I say which letter fits.",
        BRANDS,
    )


def advise_shirt(facts: Facts) -> str:
    """Advise on shirts: men's go by the neck, women's like tops, children's by height."""
    if facts.who in {"women", "kids"}:
        return advise(facts._replace(item="top"))
    neck = facts.body.get("neck")
    if neck is None:
        if facts.body or facts.label:
            return paragraphs(
                advise(facts._replace(item="top", who=facts.who or "men")),
                "For a formal shirt tell me your **neck** too: it is sold by the collar.",
            )
        return paragraphs(
            "Shirts are sold by the collar (formal) or by letter (casual). What is your **neck** girth, or"
            " your **chest**?",
            body.how_to("neck"),
            body.how_to("chest"),
        )
    cm, inches, letter = adults.collar(neck)
    sizes = [("EU", cm), ("UK / US", f"{inches} in")]
    if letter:
        sizes.append(("Letter", letter))
    named = wanted(sizes, facts.systems) or f"collar **{cm}** (EU), **{inches} in** (UK / US)"
    return paragraphs(
        f"For a neck of **{both_units(neck)}**: {named}.",
        grid(("System", "Collar"), sizes),
        "If you measured without a finger under the tape, take half a size more: a closed collar should let"
        " one in.",
        BRANDS,
    )
