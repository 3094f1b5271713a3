"""Shoe sizes from the length of the foot, by the formulas of the shoe size systems.

Sources: ISO 9407 (Mondopoint: foot length in mm, in steps of 5 mm); ISO 19407 (conversion between systems by
foot length); the formulas as documented on the Wikipedia page "Shoe size".

- A European size counts Paris points of 2/3 cm of the *last*, which is two points longer than the foot:
  ``EU = 1.5 x foot (cm) + 2``.
- A UK size counts barleycorns of 1/3 inch of the last, two barleycorns longer than the foot, from 25 on for
  adults and from 12 on for children: ``UK = 3 x foot (in) - 23``, children ``3 x foot (in) - 10``.
- US men's (Brannock) is ``3 x foot (in) - 22``, that is UK + 1; the common women's scale is men's + 1.5;
  children's is ``3 x foot (in) - 9.67``. The women's scale of the Brannock device and the FIA is half a size
  less than the common one.
- Japan (JIS S 5037) marks the foot length in cm.

Labels are rounded to what is made: half sizes, 5 mm. Brands round differently, mostly down: an EU 42 is UK
8.5 by formula (a foot of 26.7 cm), and UK 8 on many labels.
"""

import math
from typing import NamedTuple

from antiphon.bots.sizebot.text import CM_PER_INCH

BARLEYCORNS_PER_CM = 3 / CM_PER_INCH


class Scale(NamedTuple):
    """``size = per_cm x foot + start``, made in steps of ``step``."""

    per_cm: float
    start: float
    step: float

    def exact(self, foot: float) -> float:
        """Return the size of a foot, unrounded."""
        return self.per_cm * foot + self.start

    def foot(self, size: float) -> float:
        """Return the foot a size is meant for, in centimetres."""
        return (size - self.start) / self.per_cm


PARIS = Scale(1.5, 2, 0.5)
CENTIMETRES = Scale(1, 0, 0.5)
MILLIMETRES = Scale(10, 0, 5)
UK_ADULT = Scale(BARLEYCORNS_PER_CM, -23, 0.5)
UK_CHILD = Scale(BARLEYCORNS_PER_CM, -10, 0.5)
US_MEN = Scale(BARLEYCORNS_PER_CM, -22, 0.5)
US_WOMEN = Scale(BARLEYCORNS_PER_CM, -20.5, 0.5)
US_CHILD = Scale(BARLEYCORNS_PER_CM, -9.67, 0.5)

ADULT_FEET = (20.0, 34.0)
CHILD_FEET = (8.0, 25.5)
CHILD_SIZES = 13
"""Children's barleycorn sizes end at 13; the next one is 1 again."""

BETWEEN = 0.15
"""So near (in steps) to the middle of two sizes a foot is called between them."""


def scale(system: str, who: str | None) -> Scale:
    """Return the scale of a system for men, women or kids."""
    if system == "UK":
        return UK_CHILD if who == "kids" else UK_ADULT
    if system == "US":
        return {"kids": US_CHILD, "women": US_WOMEN}.get(who or "", US_MEN)
    return {"JP": CENTIMETRES, "Mondopoint": MILLIMETRES}.get(system, PARIS)


def nearest(system: str, who: str | None, foot: float) -> str:
    """Return the label of the size nearest to a foot."""
    made = scale(system, who)
    size = math.floor(made.exact(foot) / made.step + 0.5) * made.step
    if who == "kids" and system in {"UK", "US"}:
        if size > CHILD_SIZES + 0.5:
            return f"{size - CHILD_SIZES:g} (youth)"
        return f"{max(size, 0):g}"
    return f"{size:g}"


def between(system: str, who: str | None, foot: float) -> tuple[str, str] | None:
    """Return the two labels a foot lies between, if it is about as far from the one as from the other."""
    made = scale(system, who)
    steps = made.exact(foot) / made.step
    if abs(steps % 1 - 0.5) > BETWEEN:
        return None
    low = math.floor(steps) * made.step
    return f"{low:g}", f"{low + made.step:g}"


def foot_of(system: str, who: str | None, size: float) -> float | None:
    """Return the foot length a label stands for, nothing if no such size is made."""
    foot = scale(system, who).foot(size)
    low, high = CHILD_FEET if who == "kids" else ADULT_FEET
    return foot if low - 0.5 <= foot <= high else None
