"""What the name of a model means here: a bot's, ``<provider>/<model>``, or a model that one provider has."""

from typing import NamedTuple

from antiphon.dialects.openai.errors import InvalidParameter, ModelNotFound
from antiphon.engine.catalogue import Catalogue
from antiphon.engine.submit import LONGEST_MODEL
from antiphon.errors import Invalid


class Named(NamedTuple):
    """Who answers: a bot, or else a model."""

    bot: str | None
    model: str | None


async def resolve(catalogue: Catalogue, name: str) -> Named:
    """Return who answers to the name. Raises ModelNotFound, InvalidParameter."""
    if name in catalogue.bots:
        return Named(name, None)
    return Named(None, await full_name(catalogue, name))


async def full_name(catalogue: Catalogue, name: str) -> str:
    """Return ``<provider>/<model>`` of a model's name. Raises ModelNotFound, InvalidParameter."""
    if len(name) > LONGEST_MODEL:
        raise InvalidParameter(
            f"A model's name has at most {LONGEST_MODEL} characters.", "model", "string_above_max_length"
        )
    try:
        full = (await catalogue.choose(None, name)).model
        catalogue.provider(full)
    except Invalid as error:
        raise ModelNotFound(error.message.replace("/api/models", "/v1/models")) from error
    return full
