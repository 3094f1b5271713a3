"""Numbers with what belongs to them: a unit, a cup letter, feet with inches, jeans sizes."""

from typing import NamedTuple

from antiphon.bots.sizebot.text import CM_PER_INCH, Token
from antiphon.bots.sizebot.words import CUPS, look_up, name_in

SMALLEST_BAND = 28
"""A cup letter belongs to a bra band: below it, ``9d`` is the width of a shoe."""

TALLEST_FEET = 8
INCHES_PER_FOOT = 12
JEANS = range(20, 61)


class Piece(NamedTuple):
    """A word, or a number with its unit; ``dimension`` where the way of writing tells it."""

    text: str
    value: float | None = None
    unit: str | None = None
    dimension: str | None = None
    cup: str = ""
    negative: bool = False


def pieces_of(tokens: list[Token]) -> list[Piece]:
    """Join numbers with their units; words and signs stay single."""
    out: list[Piece] = []
    at = 0
    while at < len(tokens):
        if tokens[at].number is None:
            out.append(Piece(tokens[at].text))
            at += 1
            continue
        for read in (_feet, _jeans, _single):
            found, after = read(tokens, at)
            if found:
                out.extend(found)
                at = after
                break
    return out


def _text(tokens: list[Token], at: int) -> str:
    return tokens[at].text if 0 <= at < len(tokens) else ""


def _number(tokens: list[Token], at: int) -> float | None:
    return tokens[at].number if 0 <= at < len(tokens) else None


def _feet(tokens: list[Token], at: int) -> tuple[list[Piece], int]:
    """Read ``5'11"``, ``5 ft 11`` and ``6 feet``: heights."""
    feet = tokens[at].number or 0
    if (
        name_in("unit", _text(tokens, at + 1)) != "ft"
        or not 0 < feet < TALLEST_FEET
        or _text(tokens, at + 2) == "'"
    ):
        return [], at
    after = at + 2
    inches = _number(tokens, after)
    if inches is not None and inches < INCHES_PER_FOOT:
        after += 1
        if name_in("unit", _text(tokens, after)) == "in" or _text(tokens, after) == "in":
            after += 1
        elif _text(tokens, after) == "'" == _text(tokens, after + 1):
            after += 2
    else:
        inches = 0.0
    cm = (feet * INCHES_PER_FOOT + inches) * CM_PER_INCH
    return [Piece("height", round(cm, 1), "cm", "height")], after


def _jeans(tokens: list[Token], at: int) -> tuple[list[Piece], int]:
    """Read ``32x34``, ``32/34`` and ``w32 l34``: waist and inside leg in inches."""
    waist, leg = tokens[at].number, _number(tokens, at + 2)
    between = _text(tokens, at + 1)
    if waist not in JEANS:
        return [], at
    if leg in JEANS and between in {"x", "/", "l"}:
        pair = [Piece("waist", waist, "in", "waist"), Piece("leg", leg, "in", "inside_leg")]
        return pair, at + 3
    if _text(tokens, at - 1) == "w" and tokens[at].joined:
        return [Piece("waist", waist, "in", "waist")], at + 1
    return [], at


def _single(tokens: list[Token], at: int) -> tuple[list[Piece], int]:
    token = tokens[at]
    negative = _text(tokens, at - 1) == "-" and token.joined and _number(tokens, at - 2) is None
    unit, after = _unit(tokens, at)
    follower = _text(tokens, at + 1)
    cup = ""
    if unit is None and follower in CUPS and (token.number or 0) >= SMALLEST_BAND:
        behind = _text(tokens, at + 2)
        last = follower != "a" and not behind.isalnum()
        if tokens[at + 1].joined or last:
            cup, after = follower, at + 2
    return [Piece(token.text, token.number, unit, None, cup, negative)], after


def _unit(tokens: list[Token], at: int) -> tuple[str | None, int]:
    """Return the unit behind a number, and where reading goes on."""
    word = _text(tokens, at + 1)
    if word == "-" and tokens[at + 1].joined:
        joined = name_in("unit", _text(tokens, at + 2))
        return (joined, at + 3) if joined else (None, at + 1)
    if word == "'" == _text(tokens, at + 2):
        return "in", at + 3
    if word == "in":
        return ("in", at + 2) if _is_inch(tokens, at) else (None, at + 1)
    largest_in_metres = 2.5
    if word == "m" and (tokens[at].number or 0) < largest_in_metres:
        return "m", at + 2
    unit = name_in("unit", word)
    return (unit, at + 2) if unit else (None, at + 1)


def _is_inch(tokens: list[Token], at: int) -> bool:
    """Tell ``36 in`` from ``EU 42 in UK sizes``: a preposition is followed by what the size is wanted in."""
    if tokens[at + 1].joined:
        return True
    follower = _text(tokens, at + 2)
    tables = {sense.table for sense in look_up(follower)}
    if (
        tables & {"system", "who", "unit"}
        or name_in("intent", follower) == "brand"
        or follower in {"shoes", "shoe"}
        or follower in {"the", "a", "an", "which", "what", "other"}
    ):
        return False
    return name_in("system", _text(tokens, at - 1)) is None
