"""SizeBot: a size adviser for clothes and shoes that needs no model.

The way of a message, one file each::

    text        characters → tokens, numbers and quantities
    words       the vocabulary: items, people, body dimensions, size systems, intents
    understand  one message → Utterance
    body        body dimensions: plausible ranges, units, how to measure
    memory      all messages → Facts, folded anew for each reply: nothing is stored
    shoes, adults, children, bras, extras
                the size systems: formulas and tables with their sources
    footwear, wardrobe, kidswear, smallwear
                Facts → the advice on an item, in Markdown
    talk        greetings, thanks, other topics
    quantities  numbers with their units, cup letters, feet and inches
    dialogue    the reply: small talk, questions back, advice

Everything is a pure function of the messages: the same messages get the same reply. Work is bounded by
``text.READ`` characters a message and ``memory.RECALL`` messages.
"""
