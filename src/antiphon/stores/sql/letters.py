"""Upper and lower case, by Unicode's simple folding: one character stays one.

Not by the databases' own idea of case: SQLite's knows ASCII only, and PostgreSQL's no more in a database
whose locale is ``C``.
"""

import functools

# Beyond this no letter has cases (Unicode 16).
LAST_CASED = 0x1E944
# Letters beyond ASCII that ASCII's are the lower case of, by these.
_OF_ASCII = {"k": "\u212a", "s": "\u017f"}


def fold(text: str) -> str:
    """Return the text with all letters in one case."""
    folded = text.casefold()
    if len(folded) == len(text):
        return folded
    # Full folding, which this is, makes more than one character of a few.
    for character, kept in _longer().items():
        if character in text:
            text = text.replace(character, kept)
    return text.casefold()


def pattern(text: str) -> str:
    """Return a regular expression for PostgreSQL that finds what folds to the same as the text."""
    return "".join(map(_either, text))


def _either(character: str) -> str:
    alike = _variants(character)
    if len(alike) > 1:
        return f"[{alike}]"
    return character if character.isalnum() or not character.isascii() else f"\\{character}"


def _variants(character: str) -> str:
    """Return the character in all its cases."""
    folded = _fold(character)
    if folded.isascii():
        return "".join(sorted({folded, folded.upper()})) + _OF_ASCII.get(folded, "")
    return _alike().get(folded, character)


def _fold(character: str) -> str:
    forms = (character.casefold(), character.lower(), character)
    return next(form for form in forms if len(form) == 1)


@functools.cache
def _longer() -> dict[str, str]:
    """Return what to put for each character that full folding makes longer: a surrogate, as no text has."""
    found = {c: _fold(c) for c in map(chr, range(LAST_CASED)) if len(c.casefold()) > 1}
    kept = {folded: chr(0xD800 + n) for n, folded in enumerate(dict.fromkeys(found.values()))}
    return {character: kept[folded] for character, folded in found.items()}


@functools.cache
def _alike() -> dict[str, str]:
    """Return, by its folded form, all characters that differ in case only."""
    groups: dict[str, str] = {}
    for character in map(chr, range(0x80, LAST_CASED)):
        folded = _fold(character)
        if folded != character:
            groups[folded] = groups.get(folded, folded) + character
    return groups
