"""Validation against OpenAI's published description of its API; see trim.py for where it is from."""

import functools
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

# A variant whose mark differs is another variant: its other faults say nothing.
_MARKS = {"type", "role", "object"}


@functools.cache
def _components() -> dict[str, Any]:
    return json.loads(Path(__file__).with_name("schemas.json").read_text())


@functools.cache
def _validator(name: str) -> Draft202012Validator:
    components = _components()
    if name not in components:
        raise KeyError(f"schemas.json has no component {name!r}: add it to ROOTS in trim.py")
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": components})


def _closest(error: ValidationError) -> ValidationError:
    """Return the fault of the variant that was meant."""
    while error.context:
        variants = defaultdict(list)
        for fault in error.context:
            variants[fault.relative_schema_path[0]].append(fault)
        meant = [
            faults
            for faults in variants.values()
            if not any(f.path and f.path[-1] in _MARKS and f.validator in {"enum", "const"} for f in faults)
        ]
        if not meant:
            break
        error = min(meant, key=len)[0]
    return error


def validate(name: str, instance: Any) -> Any:
    """Return the instance if it is a ``name`` as OpenAI describes it; fail the test if it is not."""
    error = best_match(_validator(name).iter_errors(instance), key=lambda each: -len(each.absolute_path))
    if error is not None:
        error = _closest(error)
        place = "".join(f"[{step!r}]" for step in error.absolute_path)
        text = f"not a {name}: {error.message[:500]} (at {place or 'the top'})"
        raise AssertionError(f"{text}\n{instance!r:.2000}")
    return instance
