"""What the test model says: a text that anybody can compute, and a behaviour spelt in the model's name."""

import re
import zlib

import msgspec

_VOCABULARY = (
    "choir call answer voice verse echo psalm refrain tenor alto bass treble chant hymn organ nave apse arch "
    "stone light candle bell tower morning evening season river garden bread wine letter number measure "
    "silence and then while because although never always softly loudly again together apart before after "
    'naïve façade Übung señor “quoted” "straight" back\\slash tab\there line\nbreak para\n\ngraph </script> '
    "&amp; a<b {json} [list] `code` **bold** 日本語 звук ήχος 🎶 👩‍🚀 e\u0301 \u2028sep 100% it's fin."
)
WORDS = tuple(_VOCABULARY.split(" "))
"""The vocabulary: also characters of several bytes, of several code points, and such as JSON, HTML, SSE
and Markdown have to escape. Never an empty word, never a NUL (PostgreSQL stores none)."""

_GRAMMAR = re.compile(
    r"test-(?P<tokens>\d{1,6})-(?P<delay>\d{1,6})-(?P<first>\d{1,6})(?P<options>(-[a-z]+\d*)*)"
)
_OPTION = re.compile(r"-([a-z]+)(\d*)")


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """What a model's name asks for; times in milliseconds, -1 where a fault is not wanted."""

    tokens: int
    delay: int
    first: int
    stall: int = -1
    cut: int = -1
    garbage: int = -1
    status: int = 0
    retry: int = 1
    once: bool = False
    reason: int = 0
    tool: bool = False
    json: bool = False

    @property
    def faulty(self) -> bool:
        """Whether any fault is asked for."""
        return bool(self.status) or max(self.stall, self.cut, self.garbage) >= 0


def parse_model(name: str) -> Behaviour | None:
    """Return the behaviour a model's name asks for, None if it is not in the grammar of the server."""
    match = _GRAMMAR.fullmatch(name)
    if match is None:
        return None
    fields: dict[str, int | bool] = {}
    for option, number in _OPTION.findall(match["options"]):
        if option in ("once", "tool", "json") and not number:
            fields[option] = True
        elif option in ("stall", "cut", "garbage", "status", "retry", "reason") and number:
            fields[option] = int(number)
        else:
            return None
    if "status" in fields and not 400 <= fields["status"] <= 599:  # noqa: PLR2004
        return None
    times = {key: int(match[key]) for key in ("tokens", "delay", "first")}
    return msgspec.convert({**times, **fields}, Behaviour)


def seed_of(user_message: str) -> int:
    """Return the number from which the reply to a message is made."""
    return zlib.crc32(user_message.encode("utf-8", "surrogatepass"))


def word_index(seed: int, k: int) -> int:
    """Return the place in ``WORDS`` of token ``k``."""
    mixed = (seed ^ (k * 0x9E3779B1)) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    return (mixed ^ (mixed >> 13)) % len(WORDS)


def token(seed: int, k: int) -> str:
    """Return token ``k``: a word, with a space before it unless it is the first."""
    word = WORDS[word_index(seed, k)]
    return f" {word}" if k else word


def expected_text(user_message: str, tokens: int) -> str:
    """Return the only right reply of so many tokens to a user message."""
    seed = seed_of(user_message)
    return "".join(token(seed, k) for k in range(tokens))


def expected_reasoning(user_message: str, tokens: int) -> str:
    """Return what ``-reason<n>`` thinks aloud before that reply."""
    seed = seed_of("thinking about " + user_message)
    return "".join(token(seed, k) for k in range(tokens))


def place_of(prefix: str, seed: int, tokens: int) -> tuple[int, str] | None:
    """Find where a reply goes on after a prefix of it.

    Returns:
        The first token not yet begun and what is missing of the one before it; None if the prefix is not a
        prefix of the reply.
    """
    k = at = 0
    while at < len(prefix):
        if k == tokens:
            return None
        word = token(seed, k)
        k += 1
        piece = prefix[at : at + len(word)]
        if not word.startswith(piece):
            return None
        at += len(piece)
        if len(piece) < len(word):
            return k, word[len(piece) :]
    return k, ""
