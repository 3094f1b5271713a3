"""Children's clothes by height, in the steps of 6 cm of EN 13402-3 (size 104 = 104 cm tall).

Sources: EN 13402-3 (infants, boys and girls: height is the primary dimension), Wikipedia "Joint European
standard for size labelling of clothes"; the ages that go with the heights, petitekingdom.com "Size chart for
children". UK labels name the age; US labels add a T (toddler) up to four years. Ages are averages: the height
decides.
"""

import math
from typing import NamedTuple


class ChildSize(NamedTuple):
    """A size: the height in cm, and the labels that go by age."""

    height: int
    uk: str
    us: str
    months: int
    """The age, in months, up to which it usually fits."""


SIZES = (
    ChildSize(50, "newborn", "preemie / NB", 0),
    ChildSize(56, "0-1 month", "newborn", 1),
    ChildSize(62, "0-3 months", "3M", 3),
    ChildSize(68, "3-6 months", "6M", 6),
    ChildSize(74, "6-9 months", "9M", 9),
    ChildSize(80, "9-12 months", "12M", 12),
    ChildSize(86, "12-18 months", "18M", 18),
    ChildSize(92, "18-24 months", "2T", 24),
    ChildSize(98, "2-3 years", "3T", 36),
    ChildSize(104, "3-4 years", "4T", 48),
    ChildSize(110, "4-5 years", "5", 60),
    ChildSize(116, "5-6 years", "6", 72),
    ChildSize(122, "6-7 years", "7", 84),
    ChildSize(128, "7-8 years", "8", 96),
    ChildSize(134, "8-9 years", "9", 108),
    ChildSize(140, "9-10 years", "10", 120),
    ChildSize(146, "10-11 years", "11", 132),
    ChildSize(152, "11-12 years", "12", 144),
    ChildSize(158, "12-13 years", "13", 156),
    ChildSize(164, "13-14 years", "14", 168),
    ChildSize(170, "14-15 years", "15-16", 180),
)
STEP = 6


def by_height(height: float) -> ChildSize | None:
    """Return the first size that is not too short; nothing outside the table."""
    if not SIZES[0].height - STEP <= height <= SIZES[-1].height:
        return None
    return next(size for size in SIZES if size.height >= math.floor(height))


def by_age(months: float) -> ChildSize | None:
    """Return the usual size at an age; nothing for grown-ups."""
    return next((size for size in SIZES if size.months >= months), None)
