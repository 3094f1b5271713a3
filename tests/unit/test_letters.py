"""Upper and lower case in searches: the same on every database."""

import re

from antiphon.stores.sql.letters import LAST_CASED, fold, pattern

# One character stays one: by its full folding, else by its lower case, else as it is.
SIMPLE = {
    character: next(form for form in (character.casefold(), character.lower(), character) if len(form) == 1)
    for character in map(chr, range(0x20, 0x3_0000))
    if not 0xD800 <= ord(character) < 0xE000
}


def test_two_letters_fold_to_the_same_if_their_simple_folding_is_the_same():
    apart, together = {}, {}
    for character, simple in SIMPLE.items():
        apart.setdefault(fold(character), simple)
        assert apart[fold(character)] == simple, character
        together.setdefault(simple, fold(character))
        assert together[simple] == fold(character), character


def test_no_letter_has_cases_beyond_the_last():
    assert all(fold(character) == character for character in SIMPLE if ord(character) >= LAST_CASED)


def test_what_stands_beside_a_letter_does_not_matter():
    for text in ("ΟΔΟΣ ΣΑΣ", "İstanbul", "STRAẞE ﬁn", "ǰ\u0390Ὦ"):
        assert fold(text) == "".join(map(fold, text))
        assert len(fold(text)) == len(text)


def test_the_pattern_finds_what_folds_to_the_same():
    by_fold = {}
    for character in SIMPLE:
        by_fold.setdefault(fold(character), []).append(character)
    cased = [alike for alike in by_fold.values() if len(alike) > 1]
    assert len(cased) > 1_000
    for alike in cased:
        for character in alike:
            found = re.compile(pattern(character))
            assert all(map(found.fullmatch, alike)), alike
    assert re.fullmatch(pattern("Kelvin ß \u017f"), "\u212aELVIN ẞ S")


def test_the_pattern_leaves_nothing_to_the_database():
    assert pattern(r"a%_\*?[b-c].^$(ö") == r"[Aa]\%\_\\\*\?\[[Bb]\-[Cc]\]\.\^\$\([öÖ]"
