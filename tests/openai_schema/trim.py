"""Make schemas.json of OpenAI's published API description.

Source: the file openapi.json of https://github.com/openai/openai-openapi at commit
f85dbe223d40e1a31cba812ab2d755c7e98a92a3 (21 August 2026, API version 2.3.0), MIT licence,
Copyright (c) OpenAI (see LICENSE).

    python tests/openai_schema/trim.py path/to/openapi.json

Keeps what the routes here need and all that it refers to, without prose, and says in standard JSON Schema
(draft 2020-12) what the description says otherwise:

- ``nullable``, which OpenAPI 3.1 no longer has, becomes a type of its own;
- ``$recursiveRef`` becomes a reference by name;
- ``oneOf`` becomes ``anyOf``: many variants overlap (a short message fits several of them), and whoever read
  it literally would refuse the description's own examples.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOTS = (
    "CreateChatCompletionRequest",
    "CreateChatCompletionResponse",
    "CreateChatCompletionStreamResponse",
    "CreateEmbeddingRequest",
    "CreateEmbeddingResponse",
    "CreateResponse",
    "ErrorResponse",
    "ListModelsResponse",
    "Model",
    "Response",
    "ResponseItemList",
    "ResponseStreamEvent",
)
PROSE = frozenset({"description", "title", "example", "examples", "externalDocs", "deprecated", "default"})
# The values of these are schemas by name, where a name may well be "title" or "default".
NAMED = frozenset({"properties", "$defs", "patternProperties"})
REFERENCE = "#/components/schemas/"


def references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref":
                yield value.removeprefix(REFERENCE)
            else:
                yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def standard(schema: Any, component: str) -> Any:
    """Return the schema as the module's docstring says."""
    if isinstance(schema, list):
        return [standard(each, component) for each in schema]
    if not isinstance(schema, dict):
        return schema
    said: dict[str, Any] = {}
    for key, value in schema.items():
        if key in NAMED:
            said[key] = {name: standard(each, component) for name, each in value.items()}
        elif key == "$ref":
            said[key] = value.replace(REFERENCE, "#/$defs/")
        elif key == "$recursiveRef":
            said["$ref"] = f"#/$defs/{component}"
        elif key in {"enum", "const"}:
            said[key] = value
        elif key == "oneOf":
            said["anyOf"] = standard(value, component)
        elif key not in PROSE | {"nullable", "$recursiveAnchor", "discriminator"} and not key.startswith(
            "x-"
        ):
            said[key] = standard(value, component)
    return {"anyOf": [said, {"type": "null"}]} if schema.get("nullable") else said


def trim(description: dict[str, Any]) -> dict[str, Any]:
    components = description["components"]["schemas"]
    kept: dict[str, Any] = {}
    wanted = list(ROOTS)
    while wanted:
        name = wanted.pop()
        if name not in kept:
            kept[name] = standard(components[name], name)
            wanted += references(components[name])
    return dict(sorted(kept.items()))


def main() -> None:
    description = json.loads(Path(sys.argv[1]).read_text())
    lines = [
        f"{json.dumps(name)}: {json.dumps(schema, separators=(',', ':'))}"
        for name, schema in trim(description).items()
    ]
    target = Path(__file__).with_name("schemas.json")
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
