"""What a request for a reply carries beside the parameters of its model."""

from typing import Any

import msgspec

KEY = "antiphon"
"""Where a turn's ``params`` hold them."""


class Options(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a reply is to be made.

    ``instructions`` follow the bot's own prompt, ``context`` is what the bot asks to be told of the session;
    with ``cache`` an answer that was given to an equal question before will do.
    """

    instructions: str | None = None
    context: dict[str, Any] = {}
    cache: bool = False

    def stored_in(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return the params of a turn that has these options."""
        kept = msgspec.to_builtins(self)
        return {**params, KEY: kept} if kept else params

    def system(self, prompt: str | None) -> str | None:
        """Return the system prompt of a bot whose own is ``prompt``."""
        told = msgspec.json.encode(self.context).decode() if self.context else ""
        parts = [prompt, self.instructions, told and f"About this conversation: {told}"]
        return "\n\n".join(part for part in parts if part) or None


def options_of(params: dict[str, Any]) -> tuple[Options, dict[str, Any]]:
    """Split the params of a turn into its options and those of the model."""
    if KEY not in params:
        return NONE, params
    rest = {name: value for name, value in params.items() if name != KEY}
    return msgspec.convert(params[KEY], Options), rest


NONE = Options()
TOKEN_LIMITS = ("max_tokens", "max_completion_tokens")


def going_on(params: dict[str, Any], used: int) -> dict[str, Any]:
    """Return the params of a reply of which ``used`` tokens are there already: its limit counts those too."""
    limits = {name: params[name] for name in TOKEN_LIMITS if isinstance(params.get(name), int)}
    return params | {name: max(1, limit - used) for name, limit in limits.items()}
