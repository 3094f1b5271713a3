"""Gloves, hats, socks and rings.

Sources:

- Gloves: EN 420:2003 (now EN ISO 21420), hand circumference and hand length of the sizes 6 to 11, as listed
  on granberg.no "EN 420:2003"; the number is the hand girth in inches.
- Hats: head girth in cm (EN 13402); the US size is the diameter in inches (girth / pi) to the eighth, UK is
  an eighth less; letters two cm each (liquisearch.com "Hat size").
- Socks: sold in groups of four European shoe sizes (a custom of the trade, no standard).
- Rings: ISO 8653 (the number is the inside circumference in mm); US: diameter 0.458 in + 0.032 in a size; UK
  (BS 6820): 36.25 mm + 1.25 mm a letter; JP (JIS S 4700): diameter 13 mm for size 1 and 1/3 mm a size; CH,
  IT, ES and NL: ISO minus 40 (Wikipedia "Ring size", measurement.enacademic.com "ring size").
"""

import math
from string import ascii_uppercase

from antiphon.bots.sizebot.text import CM_PER_INCH

Rows = list[tuple[str, str]]

GLOVES = {6: (152, "XS"), 7: (178, "S"), 8: (203, "M"), 9: (229, "L"), 10: (254, "XL"), 11: (279, "XXL")}
"""Size → hand circumference in mm, and letter."""

GLOVE_EDGE = 13
HATS = {"XXS": 51, "XS": 53, "S": 55, "M": 57, "L": 59, "XL": 61, "XXL": 63, "3XL": 65}
"""Letter → the smaller of its two head girths in cm."""

SOCKS = ((19, 22), (23, 26), (27, 30), (31, 34), (35, 38), (39, 42), (43, 46), (47, 50))

US_RING_ZERO, US_RING_STEP = 0.458, 0.032
UK_RING_ZERO, UK_RING_STEP = 36.25, 1.25


def glove(girth: float) -> Rows | None:
    """Return the glove size of a hand girth in cm: the first that is not too tight by half a size."""
    mm = girth * 10
    for size, (fits, letter) in GLOVES.items():
        if fits - 2 * GLOVE_EDGE < mm <= fits + GLOVE_EDGE:
            return [
                ("EU / UK / US number", f"{size}"),
                ("Letter", letter),
                ("Made for a hand of", f"{fits} mm"),
            ]
    return None


def eighths(value: float) -> str:
    """Write a number in whole and eighths, as hatters do."""
    whole, part = divmod(math.floor(value * 8 + 0.5), 8)
    if not part:
        return f"{whole}"
    shared = math.gcd(part, 8)
    return f"{whole} {part // shared}/{8 // shared}"


def hat(girth: float) -> Rows:
    """Return the hat sizes of a head girth in cm."""
    diameter = girth / CM_PER_INCH / math.pi
    size = math.floor(girth + 0.5)
    letter = next((code for code, low in HATS.items() if low <= size <= low + 1), "children's")
    return [
        ("EU (cm)", f"{size}"),
        ("US", eighths(diameter)),
        ("UK", eighths(diameter - 1 / 8)),
        ("Letter", letter),
    ]


def head_of(system: str | None, size: float) -> float:
    """Return the head girth in cm a hat label stands for."""
    largest_diameter = 10
    if size > largest_diameter:
        return size
    return (size + (1 / 8 if system == "UK" else 0)) * math.pi * CM_PER_INCH


def socks(eu: float) -> str | None:
    """Return the group of sock sizes for a European shoe size."""
    size = math.floor(eu + 0.5)
    return next((f"{low}-{high}" for low, high in SOCKS if low <= size <= high), None)


def ring(mm: float) -> Rows:
    """Return the ring sizes of an inside circumference in mm."""
    us = (mm / math.pi / (CM_PER_INCH * 10) - US_RING_ZERO) / US_RING_STEP
    japanese = 3 * mm / math.pi - 38
    swiss = round(mm) - 40
    found = [("ISO (DE, FR, AT)", f"{round(mm)}")]
    if swiss >= 0:
        found.append(("CH / IT / ES / NL", f"{swiss}"))
    found += [("UK / IE / AU", uk_ring(mm)), ("US / CA", f"{max(round(us * 4) / 4, 0):g}")]
    if japanese >= 1:
        found.append(("JP", f"{round(japanese)}"))
    return [*found, ("Inside diameter", f"{mm / math.pi:.1f} mm")]


def uk_ring(mm: float) -> str:
    """Return the British letter of a circumference, with halves, and Z+1 … beyond the alphabet."""
    halves = max(round((mm - UK_RING_ZERO) / UK_RING_STEP * 2), 2)
    place, half = divmod(halves, 2)
    if place > len(ascii_uppercase):
        return f"Z+{place - len(ascii_uppercase)}" + (".5" if half else "")
    return ascii_uppercase[place - 1] + (" 1/2" if half else "")


def finger_of(system: str | None, size: float | None, letter: str) -> float | None:
    """Return the circumference in mm a ring label stands for; a bare number under 20 is American."""
    largest_us = 20
    if letter:
        return UK_RING_ZERO + UK_RING_STEP * (ord(letter.upper()) - ord("A") + 1)
    if size is None or not size < 10 * largest_us:
        return None
    if system == "JP":
        return (size + 38) / 3 * math.pi
    if system == "IT":
        return size + 40
    if size < largest_us:
        return (US_RING_ZERO + US_RING_STEP * size) * math.pi * CM_PER_INCH * 10
    return size
