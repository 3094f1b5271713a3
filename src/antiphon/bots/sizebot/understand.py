"""One message → what it says: an Utterance.

A number belongs to the body dimension named before it, else to the one named after it, each name being used
once: "chest 102, waist 88" and "102 chest, 88 waist" both come out right. A number without unit and dimension
next to a size system is a label ("EU 42", "9 US"); a system behind "in", "to" or "for" is what the customer
wants.
"""

import itertools
from typing import NamedTuple

from antiphon.bots.sizebot.quantities import Piece, pieces_of
from antiphon.bots.sizebot.text import tokens_of
from antiphon.bots.sizebot.words import OTHERS, correct, look_up, name_in, words_of


class Quantity(NamedTuple):
    """A measurement as it was said."""

    value: float
    unit: str | None
    dimension: str | None


class Label(NamedTuple):
    """A size as it stands on a label: a number, a letter, or both (a bra)."""

    system: str | None
    value: float | None
    letter: str = ""


class Utterance(NamedTuple):
    """What one message says; empty where it says nothing."""

    words: int = 0
    item: str | None = None
    unknown_item: str | None = None
    who: str | None = None
    person: str | None = None
    quantities: tuple[Quantity, ...] = ()
    labels: tuple[Label, ...] = ()
    systems: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    dimensions: tuple[str, ...] = ()
    intents: frozenset[str] = frozenset()
    months: float | None = None
    weight: bool = False
    bare: bool = False
    text: str = ""


WANTED_BEFORE = frozenset(words_of("in to into the a size sizes of and or & , /"))
AROUND_A_NUMBER = frozenset(
    words_of("i i'm it it's is a an my me size sizes what about please and or are wear am the")
)
"""Words that leave a number alone: only then is it a size although no item was named."""

FILLERS = frozenset(
    words_of("size sizes a an is are am = : my wear wears usually normally number no take of")
)
PHRASES = {
    "help": (
        "what can you",
        "who are you",
        "what are you",
        "what do you do",
        "how do you work",
        "can you help",
    ),
    "measure": ("how do i measure", "how to measure", "how should i measure", "do i measure"),
    "reset": ("start over", "start again", "new question", "forget that"),
    "thanks": ("thank you", "many thanks"),
    "bye": ("see you", "good bye", "good night"),
    "chart": ("size chart", "size table", "size guide", "conversion chart", "conversion table"),
}
TWO_WORDS = {
    ("t", "shirt"): "top",
    ("dress", "shirt"): "shirt",
    ("polo", "shirt"): "top",
    ("sweat", "shirt"): "top",
    ("t", "shirts"): "top",
    ("dress", "shirts"): "shirt",
    ("dress", "shoes"): "shoes",
    ("football", "shirt"): "top",
    ("baby", "clothes"): "clothes",
    ("suit", "trousers"): "trousers",
    ("ski", "jacket"): "jacket",
    ("ski", "boots"): "shoes",
}


def understand(text: str) -> Utterance:
    """Read one message."""
    pieces = pieces_of([token._replace(text=correct(token.text)) for token in tokens_of(text)])
    words = [piece.text for piece in pieces]
    spoken = [
        word for word, piece in zip(words, pieces, strict=True) if piece.value is None and word[0].isalpha()
    ]
    line = " ".join(spoken)
    dimensions = _dimensions(pieces, words)
    labelled, used = _labels(pieces, words, dimensions)
    quantities, months, weight = _quantities(pieces, words, dimensions, labelled)
    intents = {sense.name for word in spoken for sense in look_up(word) if sense.table == "intent"}
    intents |= {name for name, phrases in PHRASES.items() if any(phrase in line for phrase in phrases)}
    return Utterance(
        words=len(spoken),
        item=_item(spoken),
        unknown_item=_first("unknown_item", spoken),
        who=_who(spoken),
        person=next((word for word in spoken if word in OTHERS), None),
        quantities=tuple(quantities),
        labels=(*labelled.values(), *_letters(words, labelled)),
        systems=_systems(words, used),
        units=tuple(unit for word in words if (unit := _bare_unit(word))),
        dimensions=tuple(name for word in spoken if (name := name_in("dimension", word))),
        intents=frozenset(intents),
        months=months,
        weight=weight,
        bare=all(word in AROUND_A_NUMBER for word in spoken),
        text=line,
    )


def _first(table: str, words: list[str]) -> str | None:
    return next((name for word in words if (name := name_in(table, word))), None)


def _item(words: list[str]) -> str | None:
    for pair in itertools.pairwise(words):
        if pair in TWO_WORDS:
            return TWO_WORDS[pair]
    return _first("item", words)


def _who(words: list[str]) -> str | None:
    found = [name for word in words if (name := name_in("who", word))]
    return "kids" if "kids" in found else (found[-1] if found else None)


def _bare_unit(word: str) -> str | None:
    unit = name_in("unit", word)
    return unit if unit in {"cm", "in", "mm"} and word != '"' else None


def _dimensions(pieces: list[Piece], words: list[str]) -> dict[int, str]:
    """Return the dimension of each number that has one: the nearest name before it, else after it."""
    named = {
        at: name
        for at, word in enumerate(words)
        if pieces[at].value is None and (name := name_in("dimension", word))
    }
    numbers = [at for at, piece in enumerate(pieces) if piece.value is not None]
    found: dict[int, str] = {}
    spent: set[int] = set()
    for place, at in enumerate(numbers):
        written = pieces[at].dimension
        if written is not None:
            found[at] = written
            continue
        before_it = words[at - 1] if at else ""
        said_as_size = before_it == "size" or name_in("system", before_it) or pieces[at].cup
        if pieces[at].unit is None and said_as_size:
            continue
        start = numbers[place - 1] + 1 if place else 0
        stop = numbers[place + 1] if place + 1 < len(numbers) else len(pieces)
        before = [where for where in range(at - 1, start - 1, -1) if where in named and where not in spent]
        after = [where for where in range(at + 1, stop) if where in named and where not in spent]
        choice = before[:1] or after[:1]
        if choice:
            found[at] = named[choice[0]]
            spent.add(choice[0])
    return found


def _labels(
    pieces: list[Piece], words: list[str], dimensions: dict[int, str]
) -> tuple[dict[int, Label], frozenset[int]]:
    """Return the labels by the place of their number, and the places of the systems they use."""
    found: dict[int, Label] = {}
    used: set[int] = set()
    for at, piece in enumerate(pieces):
        if piece.value is None or piece.unit is not None:
            continue
        where = _system_before(words, at, used)
        if where is None:
            where = _system_after(words, at)
        if where is not None:
            used.add(where)
        system = name_in("system", words[where]) if where is not None else None
        if at in dimensions and system is None:
            continue
        says_size = any(word in {"size", "sizes"} for word in words[max(at - 2, 0) : at])
        if system is not None or piece.cup or says_size:
            found[at] = Label(system, piece.value, piece.cup)
    return found, frozenset(used)


def _system_before(words: list[str], at: int, used: set[int]) -> int | None:
    for where in range(at - 1, max(at - 5, -1), -1):
        if where not in used and name_in("system", words[where]):
            return where
        if not (words[where] in FILLERS or name_in("who", words[where]) or name_in("item", words[where])):
            return None
    return None


def _system_after(words: list[str], at: int) -> int | None:
    for where in range(at + 1, min(at + 3, len(words))):
        if name_in("system", words[where]):
            follows = where + 1 < len(words) and words[where + 1][0].isdigit()
            return None if follows else where
        if not name_in("who", words[where]):
            return None
    return None


def _systems(words: list[str], used: frozenset[int]) -> tuple[str, ...]:
    """Return the systems the customer wants the size in; "us" is a system only where one can stand."""
    found: list[str] = []
    few = 3
    for at, word in enumerate(words):
        system = name_in("system", word)
        if system is None or at in used or system in found:
            continue
        before = words[at - 1] if at else ""
        if word == "us" and len(words) > few and not (before in WANTED_BEFORE or name_in("who", before)):
            continue
        found.append(system)
    return tuple(found)


def _quantities(
    pieces: list[Piece], words: list[str], dimensions: dict[int, str], labelled: dict[int, Label]
) -> tuple[list[Quantity], float | None, bool]:
    found: list[Quantity] = []
    months: float | None = None
    weight = False
    for at, piece in enumerate(pieces):
        if piece.value is None or at in labelled:
            continue
        if at + 1 < len(words) and words[at + 1] == "xl":
            continue
        value = -piece.value if piece.negative else piece.value
        before = words[at - 1] if at else ""
        if piece.unit in {"years", "months"} or before in {"age", "aged"}:
            months = value if piece.unit == "months" else value * 12
        elif piece.unit == "kg" or dimensions.get(at) == "weight":
            weight = True
        else:
            found.append(Quantity(value, piece.unit, dimensions.get(at)))
    return _longer_foot(found), months, weight


def _longer_foot(found: list[Quantity]) -> list[Quantity]:
    """Of two feet ("24 and 24.5 cm") keep the longer: it decides the size."""
    pair = 2
    if len(found) != pair or found[0].dimension != "foot" or found[1].dimension not in {None, "foot"}:
        return found
    units = {one.unit for one in found} - {None}
    if len(units) > 1:
        return found
    return [Quantity(max(one.value for one in found), next(iter(units), None), "foot")]


def _letters(words: list[str], labelled: dict[int, Label]) -> list[Label]:
    """Return sizes said as letters: "size M", "an XL", "extra large", "ring size N"."""
    found: list[Label] = []
    before_letter = {"size", "sizes", "letter", "wear", "between"}
    for at, word in enumerate(words):
        before = words[at - 1] if at else ""
        code = name_in("letter", word)
        system = name_in("system", before)
        if len(word) == 1 and word.isalpha():
            second = bool(found) and before in {"and", "or", "/", "-"}
            if not (before in before_letter or system or second or len(words) == 1):
                continue
            if at and before == "size" and word in {"a", "i"}:
                continue
            found.append(Label(system, None, word.upper()))
        elif code and before not in {"too", "bit", "so", "very", "runs", "run", "fits", "fit"}:
            if before == "extra":
                code = {"S": "XS", "L": "XL"}.get(code, code)
            if before in {"2", "3"} and code == "XL":
                code = {"2": "XXL", "3": "3XL"}[before]
            found.append(Label(system, None, code))
    return found if not labelled else []
