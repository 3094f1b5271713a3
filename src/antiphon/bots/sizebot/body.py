"""Body dimensions: how to measure them, what is plausible, and which unit a bare number must be in.

Definitions follow EN 13402-1 (now ISO 8559-1: anthropometric definitions for body measurement); for the
foot ISO 9407 (foot length between two lines at the heel and the longest toe, standing, weight on both
feet). The plausible ranges are this program's own, wide enough for newborns and very large adults.
"""

from typing import NamedTuple

from antiphon.bots.sizebot.text import CM_PER_INCH


class Dimension(NamedTuple):
    """A body dimension; ``low`` and ``high`` bound what is plausible, in centimetres."""

    name: str
    how: str
    low: float
    high: float
    units: tuple[str, ...]
    """The units people use for it, likeliest first: the reading of a bare number."""


DIMENSIONS: dict[str, Dimension] = {
    "foot": Dimension(
        "foot length",
        "Stand on a sheet of paper with your heel against a wall and your weight on both feet, mark the tip"
        " of the"
        " longest toe, and measure from wall to mark. Do both feet, in the evening; the longer one counts.",
        8,
        36,
        ("cm", "mm", "in"),
    ),
    "bust": Dimension(
        "bust",
        "Pass the tape level around the fullest part of the bust, over a bra that does not press, breathing"
        " normally.",
        40,
        190,
        ("cm", "in", "mm"),
    ),
    "chest": Dimension(
        "chest",
        "Pass the tape level under the armpits, over the shoulder blades and around the widest part of the"
        " chest,"
        " breathing normally.",
        30,
        190,
        ("cm", "in", "mm"),
    ),
    "underbust": Dimension(
        "underbust",
        "Pass the tape level around the ribs right under the breasts, snug, after breathing out.",
        50,
        155,
        ("cm", "in", "mm"),
    ),
    "waist": Dimension(
        "waist",
        "Pass the tape around your natural waist, between the lowest rib and the hip bone, belly relaxed.",
        36,
        190,
        ("cm", "in", "mm"),
    ),
    "hips": Dimension(
        "hips", "Pass the tape level around the fullest part of the buttocks.", 40, 200, ("cm", "in", "mm")
    ),
    "height": Dimension(
        "height",
        "Stand barefoot against a wall and measure from floor to crown.",
        40,
        230,
        ("cm", "m", "in", "mm"),
    ),
    "neck": Dimension(
        "neck",
        "Pass the tape around the neck, 2 cm below the Adam's apple, with one finger under it.",
        20,
        60,
        ("cm", "in", "mm"),
    ),
    "inside_leg": Dimension(
        "inside leg",
        "Measure from the crotch straight down to the floor, without shoes.",
        15,
        110,
        ("cm", "in", "mm"),
    ),
    "head": Dimension(
        "head girth",
        "Pass the tape level around the head, above the ears and eyebrows, where the hat will sit.",
        32,
        70,
        ("cm", "in", "mm"),
    ),
    "hand": Dimension(
        "hand girth",
        "Pass the tape around the palm of the hand you write with, at the knuckles, without the thumb.",
        10,
        33,
        ("cm", "in", "mm"),
    ),
    "finger": Dimension(
        "finger girth",
        "Wrap a strip of paper around the base of the finger, mark the overlap, and measure the strip in mm.",
        3.6,
        8.5,
        ("mm", "cm", "in"),
    ),
    "ring_diameter": Dimension(
        "inside diameter of a ring that fits",
        "Measure straight across the inside of the ring, in mm.",
        1.1,
        2.7,
        ("mm", "cm", "in"),
    ),
}

IN_CM = {"cm": 1.0, "mm": 0.1, "in": CM_PER_INCH, "m": 100.0, "ft": 12 * CM_PER_INCH}


def plausible(dimension: str, cm: float) -> bool:
    """Tell whether a person can measure that."""
    known = DIMENSIONS[dimension]
    return known.low <= cm <= known.high


def readings(dimension: str, value: float) -> list[tuple[str, float]]:
    """Return the units in which a bare number is plausible, likeliest first, with its centimetres."""
    found = [(unit, value * IN_CM[unit]) for unit in DIMENSIONS[dimension].units]
    return [(unit, cm) for unit, cm in found if plausible(dimension, cm)]


def how_to(dimension: str) -> str:
    """Return one line on how to take a measurement."""
    known = DIMENSIONS[dimension]
    return f"**How to measure your {known.name}:** {known.how}"
