"""The vocabulary: what customers call items, people, body dimensions, size systems and units.

Each table is name → the words for it; ``look_up`` also finds a word of five letters or more with one slip
in it (a letter missing, doubled, wrong or swapped, but not the first), by the deletions both spellings share:
a bounded number of look-ups a word.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple


def words_of(words: str) -> list[str]:
    """Return the words of a line."""
    return words.split()


ITEMS = {
    "shoes": "shoe shoes trainer trainers sneaker sneakers boot boots sandal sandals heels loafer loafers"
    " slipper"
    " slippers footwear pumps brogues clogs flats cleats mondopoint",
    "dress": "dress dresses gown frock jumpsuit",
    "top": "top tops tshirt tshirts tee tees blouse sweater jumper hoodie pullover polo cardigan sweatshirt"
    " jersey singlet tunic vest",
    "trousers": "trousers trouser pants jeans chinos leggings shorts slacks joggers skirt skirts denim",
    "jacket": "jacket jackets coat coats blazer suit suits parka tuxedo anorak raincoat",
    "shirt": "shirt shirts collar",
    "bra": "bra bras brassiere bralette cup",
    "gloves": "glove gloves mitten mittens",
    "hat": "hat hats cap caps beanie helmet fedora",
    "socks": "sock socks stockings",
    "ring": "ring rings",
    "clothes": "clothes clothing outfit garment garments babygrow onesie pyjamas pajamas bodysuit dungarees",
}
UNKNOWN_ITEMS = {
    word: word
    for word in words_of(
        "belt watch bracelet necklace glasses sunglasses tights wetsuit swimsuit bikini underwear boxers"
        " briefs"
        " corset tie scarf backpack bicycle bike skis mattress earrings"
    )
}
WHO = {
    "men": "man men men's mens male gent gents gentleman husband boyfriend dad father he him his guy",
    "women": "woman women women's womens female lady ladies ladies' wife girlfriend mum mom mother she her"
    " hers",
    "kids": "kid kids kid's child children children's childrens childs child's boy boys girl girls boy's"
    " girl's son"
    " daughter baby toddler infant junior youth newborn grandson granddaughter",
}
OTHERS = frozenset(
    words_of(
        "husband boyfriend dad father wife girlfriend mum mom mother son daughter baby toddler kid child"
        " grandson granddaughter brother sister friend myself"
    )
)
"""Words for a person: naming another one than before means that the old measurements are not theirs."""

DIMENSIONS = {
    "foot": "foot feet toe heel insole",
    "bust": "bust breast breasts",
    "chest": "chest",
    "underbust": "underbust band ribcage",
    "waist": "waist waistline waste",
    "hips": "hip hips seat",
    "height": "height tall stature",
    "neck": "neck",
    "inside_leg": "inseam inleg insideleg leg",
    "head": "head forehead",
    "hand": "hand hands palm knuckles",
    "finger": "finger",
    "ring_diameter": "diameter",
    "weight": "weight weigh",
}
SYSTEMS = {
    "EU": "eu eur euro european europe continental paris es spain spanish",
    "UK": "uk gb british britain england english",
    "US": "us usa american america u.s",
    "DE": "de german germany",
    "FR": "fr french france",
    "IT": "italian italy",
    "JP": "jp japan japanese jpn",
    "Mondopoint": "mondo mondopoint",
    "ISO": "iso",
}
UNITS = {
    "cm": "cm cms centimeter centimeters centimetre centimetres centi cmm",
    "mm": "mm mms millimeter millimeters millimetre millimetres mil",
    "in": 'inch inches inchs ins "',
    "m": "metre metres meter meters",
    "ft": "ft foot feet '",
    "years": "year years yr yrs yo",
    "months": "month months mo",
    "kg": "kg kgs kilo kilos kilogram kilograms lb lbs pound pounds stone",
}
LETTERS = {
    "XXS": "xxs",
    "XS": "xs",
    "S": "s small",
    "M": "m medium",
    "L": "l large",
    "XL": "xl",
    "XXL": "xxl",
    "3XL": "xxxl",
}
CUPS = frozenset(words_of("aa a b c d dd ddd e f ff g gg h i j"))

INTENTS = {
    "greet": "hi hello hey hiya morning evening afternoon greetings howdy hallo",
    "thanks": "thanks thank thx ty cheers great perfect awesome",
    "bye": "bye goodbye cya farewell",
    "help": "help",
    "measure": "measure measuring measured tape",
    "convert": "convert conversion converted conversions equivalent equals",
    "yes": "yes yep yeah correct yup sure exactly right ok okay",
    "no": "no nope wrong incorrect",
    "reset": "reset restart forget",
    "rude": "stupid idiot dumb useless crap shit fuck fucking damn hate moron suck sucks bitch asshole",
    "brand": "nike adidas zara h&m puma levi levi's levis asos uniqlo birkenstock converse vans clarks gucci"
    " shein"
    " primark gap mango reebok asics salomon crocs",
    "running": "running run jogging marathon",
    "ski": "ski skiing snowboard",
    "wide": "wide width narrow",
    "between": "between",
}


class Sense(NamedTuple):
    """What a word can mean: the table it stands in, and the name there."""

    table: str
    name: str


TABLES: Mapping[str, Mapping[str, str]] = {
    "item": ITEMS,
    "unknown_item": UNKNOWN_ITEMS,
    "who": WHO,
    "dimension": DIMENSIONS,
    "system": SYSTEMS,
    "unit": UNITS,
    "letter": LETTERS,
    "intent": INTENTS,
}
SHORTEST_FUZZY = 5


def _deletions(word: str) -> Iterator[str]:
    yield word
    for at in range(len(word)):
        yield word[:at] + word[at + 1 :]


def _index() -> tuple[dict[str, list[Sense]], dict[str, list[str]]]:
    exact: dict[str, list[Sense]] = {}
    near: dict[str, list[str]] = {}
    for table, names in TABLES.items():
        for name, words in names.items():
            for word in words.split():
                exact.setdefault(word, []).append(Sense(table, name))
    for word in exact:
        if len(word) >= SHORTEST_FUZZY:
            for form in _deletions(word):
                near.setdefault(form, []).append(word)
    return exact, near


_EXACT, _NEAR = _index()
_LONGEST = max(map(len, _EXACT)) + 1
_NOT_TYPOS = frozenset(
    words_of(
        "where there these those other about which would could should short shows those plain heads years"
        " hours sorry never every great being thing think white right light night"
    )
)


def correct(word: str) -> str:
    """Return the known word this one is, or is one slip away from; else the word itself."""
    if word in _EXACT or not SHORTEST_FUZZY <= len(word) <= _LONGEST or word in _NOT_TYPOS:
        return word
    for form in _deletions(word):
        for known in _NEAR.get(form, ()):
            if known[0] == word[0]:
                return known
    return word


def look_up(word: str) -> list[Sense]:
    """Return what a word can mean, nothing for an unknown one; ``correct`` it first."""
    return _EXACT.get(word, [])


def name_in(table: str, word: str) -> str | None:
    """Return the name of a word in one table, if it stands there."""
    for sense in look_up(word):
        if sense.table == table:
            return sense.name
    return None
