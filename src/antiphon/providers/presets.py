"""Where the known OpenAI-compatible providers are: a table to read, and nothing else.

``continuation`` is true only where the provider documents that it goes on with a last message of role
``assistant``. Where that is unknown or depends on the model, a broken reply begins again with an explicit
``reset``: repeating words is honest, a seam that pretends to fit is not.
"""

from typing import Any

import msgspec


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a provider; the fields are those of ``OpenAIProvider``.

    ``key_variable`` names the environment variable of its key (None: it needs none), ``url_variable`` one
    that replaces ``base_url``.
    """

    base_url: str
    key_variable: str | None = None
    url_variable: str | None = None
    continuation: bool = False
    continuation_body: dict[str, Any] = {}
    continuation_message: dict[str, Any] = {}
    continuation_path: str = "/chat/completions"
    continuation_echo: bool = False
    include_usage: bool = True
    renames: dict[str, str] = {}


PRESETS: dict[str, Preset] = {
    # In the cloud
    "openai": Preset(
        base_url="https://api.openai.com/v1",
        key_variable="OPENAI_API_KEY",
        url_variable="OPENAI_BASE_URL",
        # The old name is refused by its reasoning models; most other servers know only that.
        renames={"max_tokens": "max_completion_tokens"},
    ),
    # Claude 4.6 and later refuse a last assistant message.
    "anthropic": Preset(base_url="https://api.anthropic.com/v1", key_variable="ANTHROPIC_API_KEY"),
    "deepseek": Preset(
        base_url="https://api.deepseek.com",
        key_variable="DEEPSEEK_API_KEY",
        continuation=True,
        continuation_message={"prefix": True},
        continuation_path="/beta/chat/completions",  # the stable path refuses a prefix
    ),
    "fireworks": Preset(base_url="https://api.fireworks.ai/inference/v1", key_variable="FIREWORKS_API_KEY"),
    "gemini": Preset(
        base_url="https://generativelanguage.googleapis.com/v1beta/openai", key_variable="GEMINI_API_KEY"
    ),
    "groq": Preset(base_url="https://api.groq.com/openai/v1", key_variable="GROQ_API_KEY", continuation=True),
    "mistral": Preset(
        base_url="https://api.mistral.ai/v1",
        key_variable="MISTRAL_API_KEY",
        continuation=True,
        continuation_message={"prefix": True},
        continuation_echo=True,
        include_usage=False,  # refused with 422; usage comes without being asked for
    ),
    # Passes the last assistant message on; models that refuse one answer 400.
    "openrouter": Preset(
        base_url="https://openrouter.ai/api/v1", key_variable="OPENROUTER_API_KEY", continuation=True
    ),
    "together": Preset(base_url="https://api.together.ai/v1", key_variable="TOGETHER_API_KEY"),
    "xai": Preset(base_url="https://api.x.ai/v1", key_variable="XAI_API_KEY"),
    # On one's own machine
    "llamacpp": Preset(base_url="http://127.0.0.1:8080/v1", continuation=True),
    "lmstudio": Preset(base_url="http://127.0.0.1:1234/v1"),
    # Whether a last assistant message is continued depends on the model's template.
    "ollama": Preset(base_url="http://127.0.0.1:11434/v1", url_variable="OLLAMA_HOST"),
    "vllm": Preset(
        base_url="http://127.0.0.1:8000/v1",
        continuation=True,
        continuation_body={"continue_final_message": True, "add_generation_prompt": False},
    ),
}
"""By the name a configuration uses."""
