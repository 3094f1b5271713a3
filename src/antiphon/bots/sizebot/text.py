"""Characters to tokens, and numbers with their units.

One pass with a pattern whose alternatives begin with different characters, so reading is linear in the
length of a text; and of a long text only the first ``READ`` characters are read.
"""

import re
from typing import NamedTuple

READ = 2000
"""Characters of a message that are read."""

CM_PER_INCH = 2.54

_QUOTES = {
    "'": "\N{RIGHT SINGLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}\N{PRIME}\N{ACUTE ACCENT}`",
    '"': "\N{RIGHT DOUBLE QUOTATION MARK}\N{LEFT DOUBLE QUOTATION MARK}\N{DOUBLE PRIME}",
    "-": "\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}",
    "x": "\N{MULTIPLICATION SIGN}",
}
_FRACTIONS = {"½": " 1/2", "¼": " 1/4", "¾": " 3/4", "⅛": " 1/8", "⅜": " 3/8", "⅝": " 5/8", "⅞": " 7/8"}
_SAME = str.maketrans({odd: plain for plain, odds in _QUOTES.items() for odd in odds} | _FRACTIONS)
_TOKEN = re.compile(r"[0-9]{1,9}(?:[.,][0-9]{1,4})?|[a-zà-ÿ&]{1,40}(?:'[a-z]{1,3})?|[^\sa-z0-9]")


class Token(NamedTuple):
    """A word, a number or a sign; ``joined`` tells that no space stands before it."""

    text: str
    number: float | None
    joined: bool


def tokens_of(text: str) -> list[Token]:
    """Cut a message into tokens, lower-cased, fractions and mixed numbers as one number."""
    text = text[:READ].lower().translate(_SAME)
    found: list[Token] = []
    end = -1
    for match in _TOKEN.finditer(text):
        word = match.group()
        number = float(word.replace(",", ".")) if word[0] in "0123456789" else None
        found.append(Token(word, number, match.start() == end))
        end = match.end()
    return _with_fractions(found)


def _with_fractions(tokens: list[Token]) -> list[Token]:
    """Join ``7 1/4`` to 7.25: an eighth, quarter or half after a whole number, as sizes are written."""
    out: list[Token] = []
    at = 0
    while at < len(tokens):
        part = _fraction(tokens, at)
        if part is None:
            out.append(tokens[at])
            at += 1
            continue
        last = out[-1] if out else None
        if last is not None and last.number is not None and last.number == int(last.number):
            out[-1] = Token(last.text, last.number + part, last.joined)
        else:
            out.append(Token(tokens[at].text, part, tokens[at].joined))
        at += 3
    return out


def _fraction(tokens: list[Token], at: int) -> float | None:
    if at + 2 >= len(tokens) or tokens[at + 1].text != "/":
        return None
    above, below = tokens[at].number, tokens[at + 2].number
    if above is None or below not in {2.0, 4.0, 8.0} or not 0 < above < below:
        return None
    return above / below


def plain(value: float, digits: int = 1) -> str:
    """Write a number as people do: no trailing zeros."""
    return f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"


def both_units(cm: float) -> str:
    """Write a length in centimetres and inches."""
    return f"{plain(cm)} cm ({plain(cm / CM_PER_INCH)} in)"
