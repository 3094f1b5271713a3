"""Bra sizes from underbust and bust girth: EN 13402-3, Wikipedia "Bra size".

The band is the underbust rounded to 5 cm, the cup the difference bust - underbust in steps of 2 cm from 10 on
("more than 12, up to 14" is A): underbust 87, bust 107 is 85D. Bands elsewhere (liquisearch.com
"International fitting standards"): FR, BE and ES add 15; IT counts from 0 = 60; UK and US are 28 = 60 and 2
more for each 5 cm; AU counts dress sizes from 4 = 60. Cup letters: breastsizeguide.com "Breast sizes".
"""

import math
from typing import NamedTuple

EU_CUPS = ("AA", "A", "B", "C", "D", "E", "F", "G", "H", "I", "J")
UK_CUPS = ("AA", "A", "B", "C", "D", "DD", "E", "F", "FF", "G", "GG")
US_CUPS = ("AA", "A", "B", "C", "D", "DD/E", "DDD/F", "G", "H", "I", "J")

FIRST_BAND, BAND_STEP, LAST_BAND = 60, 5, 140
FIRST_CUP, CUP_STEP = 10, 2
FIRST_INCH_BAND = 28


class Bra(NamedTuple):
    """A size: the European band, and the place of the cup in the tables."""

    band: int
    cup: int


def measured(underbust: float, bust: float) -> Bra | None:
    """Return the size of two girths; nothing where the tables end."""
    band = BAND_STEP * math.floor(underbust / BAND_STEP + 0.5)
    cup = math.ceil((bust - underbust - FIRST_CUP) / CUP_STEP - 1e-9) - 1
    if FIRST_BAND <= band <= LAST_BAND and 0 <= cup < len(EU_CUPS):
        return Bra(band, cup)
    return None


def labelled(system: str | None, band: float, cup: str) -> Bra | None:
    """Return the size a label stands for; without a system, bands under 60 are in inches (UK)."""
    cup = cup.upper()
    if system in {"UK", "US"} or (system is None and band < FIRST_BAND):
        steps = (band - FIRST_INCH_BAND) / 2
        band = FIRST_BAND + BAND_STEP * steps
        cups: tuple[str, ...] = US_CUPS if system == "US" else UK_CUPS
    else:
        band -= 15 if system == "FR" else 0
        cups = EU_CUPS
    place = next((place for place, name in enumerate(cups) if cup in name.split("/")), None)
    if place is None or band % BAND_STEP or not FIRST_BAND <= band <= LAST_BAND:
        return None
    return Bra(int(band), place)


def rows(bra: Bra) -> list[tuple[str, str]]:
    """Return the labels of a size."""
    steps = (bra.band - FIRST_BAND) // BAND_STEP
    inches = FIRST_INCH_BAND + 2 * steps
    cup = EU_CUPS[bra.cup]
    return [
        ("EU", f"{bra.band}{cup}"),
        ("UK", f"{inches}{UK_CUPS[bra.cup]}"),
        ("US", f"{inches}{US_CUPS[bra.cup]}"),
        ("FR / BE / ES", f"{bra.band + 15}{cup}"),
        ("IT", f"{steps}{cup}"),
        ("AU / NZ", f"{4 + 2 * steps}{UK_CUPS[bra.cup]}"),
    ]


def sisters(bra: Bra) -> list[str]:
    """Return the sister sizes: the same cup volume on the next band down and up."""
    found = []
    for step in (-1, 1):
        band, cup = bra.band + step * BAND_STEP, bra.cup - step
        if FIRST_BAND <= band <= LAST_BAND and 0 <= cup < len(EU_CUPS):
            found.append(f"{band}{EU_CUPS[cup]}")
    return found
