"""Messages without anything about sizes: greetings, thanks, anger, other topics."""

from antiphon.bots.sizebot import body, footwear
from antiphon.bots.sizebot.markdown import listed, paragraphs
from antiphon.bots.sizebot.memory import Facts
from antiphon.bots.sizebot.text import both_units
from antiphon.bots.sizebot.understand import Utterance

ABILITIES = (
    "I find **sizes for shoes and clothes**: tops, dresses, trousers and jeans, jackets, shirts, bras,"
    " gloves, hats, socks"
    " and rings, for women, men and children. I turn measurements into sizes, convert between EU, UK, US,"
    " FR, IT, JP and"
    " Mondopoint, and cm and inches."
)
EXAMPLES = (
    "Try for example:\n- “What size for running shoes? My foot is 26.5 cm.”\n- “EU 42 in UK women's shoes”\n"
    "- “Women's dress, bust 36 in, waist 29 in”\n- “How do I measure my chest?”"
)
GREETING = f"Hello, I am **SizeBot**. {ABILITIES}\n\n{EXAMPLES}"
THANKS = "You are welcome! If you need a size for anything else, just ask."
BYE = "Goodbye, and good fit! Your measurements stay in this chat if you come back."
EMPTY = f"I got no words I can read. Tell me an item and a measurement or a size.\n\n{EXAMPLES}"
CALM = "I am sorry this is not going well. Tell me the item, whose it is and a measurement: I do my best."
FORGOTTEN = "I have forgotten all you told me. Which item do you need a size for, and for whom?"
OFF_TOPIC = f"I only know about sizes (in English), so I do not know that. {ABILITIES}\n\n{EXAMPLES}"
CHART = "For which item, and for whom? With a measurement or a size I show that size in all systems."
CONVERT = "Convert what? Give me a size with its country (“EU 42 to UK”) or a length (“36 inches in cm”)."
BRAND = (
    "I know the published size standards, not the chart of a single brand: look at the maker's own chart,"
    " with your"
    " measurements at hand."
)
WHICH_ITEM = "Which item is it, and what do you measure?"
ANSWERS = (
    ("rude", CALM),
    ("reset", FORGOTTEN),
    ("help", f"I am **SizeBot**. {ABILITIES}\n\n{EXAMPLES}"),
    ("bye", BYE),
    ("thanks", THANKS),
)
"""Intent → what is always said to it, the first that is there."""


def answer(said: Utterance, facts: Facts, *, first: bool) -> str:
    """Answer small talk; with an item at hand, lead back to it."""
    for intent, text in ANSWERS:
        if intent in said.intents:
            return text
    if not said.words:
        return EMPTY
    if facts.item is not None:
        return _at_hand(said, facts)
    if "greet" in said.intents:
        return GREETING if first else f"Hello! {WHICH_ITEM}"
    for intent, text in (("chart", CHART), ("brand", f"{BRAND}\n\n{WHICH_ITEM}"), ("convert", CONVERT)):
        if intent in said.intents:
            return text
    return OFF_TOPIC


def _at_hand(said: Utterance, facts: Facts) -> str:
    reminder = reminder_of(facts)
    leads = (
        ("greet", "Hello again!"),
        ("brand", BRAND),
        ("yes", "Good."),
        ("no", "What is different, then?"),
        ("convert", CONVERT),
    )
    for intent, lead in leads:
        if intent in said.intents:
            return f"{lead} {reminder}"
    return paragraphs("I only know about sizes, so I do not know that.", reminder)


def reminder_of(facts: Facts) -> str:
    """Say what is known, so that the customer need not say it again."""
    known = [f"{body.DIMENSIONS[name].name} {both_units(cm)}" for name, cm in facts.body.items()]
    whose = footwear.WHOSE.get(facts.who or "", "")
    about = " ".join(word for word in (whose, facts.item) if word)
    if not known:
        return f"We were at {about}: tell me a measurement or a size you wear."
    return f"I have noted {about}, {listed(known, 'and')}. What else would you like to know?"
