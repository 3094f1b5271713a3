"""The settings reference covers everything and is up to date."""

from pathlib import Path

from antiphon.commands.settings_reference import BOT_FIELDS, PROVIDER_FIELDS, RENEW, reference
from antiphon.config import Settings, variable
from antiphon.config_file import BotSettings, ProviderSettings
from antiphon.providers.presets import PRESETS

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_document_is_up_to_date():
    assert DOCUMENT.read_text("utf-8") == reference(), f"docs/settings.md is out of date. Run: {RENEW}"


def test_every_setting_is_there_and_has_a_meaning():
    text = reference()
    for name, field in Settings.model_fields.items():
        if not field.exclude:
            assert f"| `{variable(name)}` |" in text
            assert field.description, name


def test_every_field_of_the_file_has_a_meaning():
    assert set(PROVIDER_FIELDS) == set(ProviderSettings.__struct_fields__)
    assert set(BOT_FIELDS) == set(BotSettings.__struct_fields__)


def test_bounds_and_choices_are_told():
    text = reference()
    assert "| `PORT` | whole number, ≥ 0, ≤ 65535 | `8000` |" in text
    assert "| `LOG_LEVEL` | `debug` or `info` or `warning` or `error` | `info` |" in text
    assert "| `ANTIPHON_SECRET` | text, length ≥ 16 | none |" in text


def test_every_preset_is_there():
    text = reference()
    for name, preset in PRESETS.items():
        assert f"| {name} |" in text
        assert (
            f"`{preset.key_variable or preset.url_variable or name}`" in text or f"| {name} | none |" in text
        )
