"""Adults' clothes from body girths: EN 13402-3 and the national numbers that follow it.

Sources, with the public page that documents them:

- Girth tables, steps 4 cm then 6 cm, and letter codes with their ranges: EN 13402-3 (Measurements and
  intervals), Wikipedia "Joint European standard for size labelling of clothes". A person at the edge of a
  range belongs to both.
- Men's European number: half the chest girth in cm (EN 13402-3 chest 100 = size 50), made in even numbers; UK
  and US 10 less, which is about the chest in inches (custom of the trade). Trousers in the UK and the US go
  by the waist.
- Women's German number: half the bust girth minus 6 (bust 88 = 38). Others by the usual constants: France +
  2, Italy + 6, UK - 26, US - 30, Japan - 25 (lazytools.io "Clothing size guide"; europeword.com "European
  dress sizes" agrees but for the US, which it has two higher, as older tables do). UK 12 for bust 86 to 90 cm
  agrees with BS 3666:1982, US 8 for 35 in with ASTM D5585-95, Japan 13 for 89 cm with JIS L 4005. The newer
  ASTM D5585-11 (US 8: bust 36 1/4 in) is a size more generous.
- Jeans: W is the waist and L the inside leg, in inches.
- Shirt collar: the neck girth, in cm in Europe, in half inches in the UK and the US; letters two cm each.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from antiphon.bots.sizebot.text import CM_PER_INCH

WOMEN: Mapping[str, tuple[int, ...]] = {
    "bust": (76, 80, 84, 88, 92, 96, 100, 104, 110, 116, 122, 128, 134, 140, 146, 152),
    "waist": (60, 64, 68, 72, 76, 80, 84, 88, 94, 100, 106, 112, 118, 124, 130, 136),
    "hips": (84, 88, 92, 96, 100, 104, 108, 112, 117, 122, 127, 132, 137, 142, 147, 152),
}
MEN: Mapping[str, tuple[int, ...]] = {
    "chest": (84, 88, 92, 96, 100, 104, 108, 112, 116, 120, 126, 132, 138, 144),
    "waist": (72, 76, 80, 84, 88, 92, 96, 100, 104, 108, 114, 120, 126, 132),
}
FIRST_DE = 32
"""The German number of the first row of ``WOMEN``; each row adds 2."""

FROM_DE = {"DE": 0, "FR": 2, "IT": 6, "UK": -26, "US": -30, "JP": -25}

LETTERS = {
    "women": {
        "XXS": (66, 74),
        "XS": (74, 82),
        "S": (82, 90),
        "M": (90, 98),
        "L": (98, 107),
        "XL": (107, 119),
        "XXL": (119, 131),
        "3XL": (131, 143),
    },
    "men": {
        "XXS": (70, 78),
        "XS": (78, 86),
        "S": (86, 94),
        "M": (94, 102),
        "L": (102, 110),
        "XL": (110, 118),
        "XXL": (118, 129),
        "3XL": (129, 141),
    },
}
MEN_INCHES = 10
"""A man's European number less his British and American one."""

EDGE = 1.0
"""So near (in cm) to the limit of two letters a girth is called between them."""

COLLARS = {"S": (37, 38), "M": (39, 40), "L": (41, 42), "XL": (43, 44), "XXL": (45, 46), "3XL": (47, 48)}


class Row(NamedTuple):
    """A row of a girth table: its place, and the other row if a girth is about in the middle of two."""

    place: int
    other: int | None


def table(who: str) -> Mapping[str, tuple[int, ...]]:
    """Return the girth tables of men or women, the primary dimension first."""
    return MEN if who == "men" else WOMEN


def row(who: str, dimension: str, girth: float) -> Row | None:
    """Return the row nearest to a girth; nothing outside the table."""
    values = table(who)[dimension]
    edge = 3
    if not values[0] - edge <= girth <= values[-1] + edge:
        return None
    by_distance = sorted(range(len(values)), key=lambda index: (abs(values[index] - girth), index))
    first, second = by_distance[0], by_distance[1]
    gap = abs(abs(values[first] - girth) - abs(values[second] - girth))
    return Row(first, second if gap <= EDGE else None)


def letters(who: str, girth: float) -> list[str]:
    """Return the letter code of a bust or chest girth, or the two it lies between; none outside."""
    ranges = LETTERS["men" if who == "men" else "women"]
    return [code for code, (low, high) in ranges.items() if low - EDGE <= girth <= high + EDGE]


def numbers(who: str, index: int, chest: float | None = None) -> list[tuple[str, str]]:
    """Return the national numbers of a row; a man's measured chest in inches is his British and US number."""
    if who == "men":
        size = 2 * math.floor(MEN["chest"][index] / 4 + 0.5)
        inches = size - MEN_INCHES if chest is None else math.floor(chest / CM_PER_INCH + 0.5)
        return [("EU (DE, FR, IT)", f"{size}"), ("UK / US", f"{inches}")]
    german = FIRST_DE + 2 * index
    named = [("EU (DE)", "DE"), ("FR / ES", "FR"), ("IT", "IT"), ("UK", "UK"), ("US", "US"), ("JP", "JP")]
    return [
        (title, f"{german + FROM_DE[system]}") for title, system in named if german + FROM_DE[system] >= 0
    ]


def index_of(who: str, system: str, number: float) -> int | None:
    """Return the row a national number stands for, nothing if there is no such number."""
    if who == "men":
        chest = 2 * (number + (MEN_INCHES if system in {"UK", "US"} else 0))
        found = row("men", "chest", chest)
        return found.place if found else None
    german = number - FROM_DE.get("DE" if system == "EU" else system, 0)
    index, rest = divmod(german - FIRST_DE, 2)
    return int(index) if rest == 0 and 0 <= index < len(WOMEN["bust"]) else None


def collar(neck: float) -> tuple[str, str, str]:
    """Return the collar in cm, in inches and as a letter for a neck girth."""
    half_inches = round(neck / CM_PER_INCH * 2) / 2
    size = round(neck)
    letter = next((code for code, (low, high) in COLLARS.items() if low <= size <= high), "")
    return f"{size}", f"{half_inches:g}", letter
