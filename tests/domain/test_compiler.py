"""The compiler of the contracts: raising it is a decision, seen in the change.

Every release of fastjsonschema writes other code, and that code is what checks documents. The build takes one
version, and what `hatch_build.py` makes of a sample by that version is kept here. To raise it: change the version
in `pyproject.toml`, run ``tox -e lock`` and ``python -m tests.domain.test_compiler``, and read what changed.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import hatch_build
from tests.conftest import locked
from tests.domain.contract_samples import schemas

ROOT = Path(__file__).resolve().parents[2]
KEPT = Path(__file__).with_name("compiled_sample.txt")
WORD = {"type": "string", "pattern": "^[a-z]+$", "minLength": 1, "maxLength": 9}
SAMPLE: dict[str, Any] = {
    "$id": "sample",
    "title": "a sample",
    "description": "every keyword that a contract may use",
    "type": "object",
    "required": ["word", "count"],
    "minProperties": 1,
    "maxProperties": 9,
    "additionalProperties": False,
    "patternProperties": {"^x_": {"type": "boolean"}},
    "propertyNames": WORD,
    "properties": {
        "word": WORD,
        "count": {"type": "integer", "minimum": 0, "maximum": 18446744073709551615, "default": 0},
        "share": {"type": "number", "exclusiveMinimum": 0},
        "kind": {"enum": ["a", "b", None, 1, True]},
        "fixed": {"const": 1},
        "empty": {"type": ["string", "null"]},
        "list": {"type": "array", "items": WORD, "minItems": 1, "maxItems": 3, "uniqueItems": True},
        "either": {"oneOf": [{"type": "integer"}, {"type": "object", "additionalProperties": WORD}]},
        "any": {"anyOf": [{"const": "x"}, WORD], "not": {"const": "y"}},
        "all": {"allOf": [WORD, {"if": {"const": "a"}, "then": {"maxLength": 1}, "else": {"minLength": 2}}]},
    },
}


def pinned() -> str:
    """The version that compiles the contracts when the project is built."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    (one,) = [one for one in wanted if one.startswith("fastjsonschema")]
    return str(one).removeprefix("fastjsonschema==")


by_the_pinned = pytest.mark.skipif(
    version("fastjsonschema") != pinned(), reason=f"the contracts are compiled by fastjsonschema {pinned()}"
)


@by_the_pinned
def test_the_compiler_writes_the_code_that_was_looked_at() -> None:
    assert hatch_build.compiled(SAMPLE) == KEPT.read_text("utf-8"), __doc__


@by_the_pinned
def test_what_is_installed_is_what_the_compiler_makes_of_every_contract() -> None:
    made = schemas()
    for name, schema in made.items():
        module = ROOT / "sr_domain" / "_contracts" / f"{name}.py"
        assert module.read_text("utf-8") == hatch_build.compiled(schema), f"{name}: run python hatch_build.py"
    assert made


def test_the_locked_version_is_the_one_that_builds() -> None:
    assert locked()["fastjsonschema"] == pinned()


def test_the_sample_has_every_keyword_of_the_contracts() -> None:
    used = {word for schema in schemas().values() for word in keywords(schema)}
    assert used - set(keywords(SAMPLE)) == set()


def keywords(schema: Any) -> Iterator[str]:
    """The keywords of a schema and of all that is in it; names of properties are none."""
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        yield key
        if key in ("properties", "patternProperties"):
            for inner in value.values():
                yield from keywords(inner)
        elif key not in ("enum", "const", "default"):
            for inner in value if isinstance(value, list) else [value]:
                yield from keywords(inner)


def test_code_in_an_unknown_form_stops_the_build_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import fastjsonschema

    whole = fastjsonschema.compile_to_code

    def newer(*given: Any, **named: Any) -> str:
        return str(whole(*given, **named)).replace(", tuple)", ", (tuple))")

    monkeypatch.setattr(fastjsonschema, "compile_to_code", newer)
    with pytest.raises(SystemExit, match=f"build with fastjsonschema=={pinned()}"):
        hatch_build.compiled({**SAMPLE, "definitions": {}})


if __name__ == "__main__":
    KEPT.write_text(hatch_build.compiled(SAMPLE), encoding="utf-8")
    sys.stdout.write(f"written by fastjsonschema {version('fastjsonschema')}: {KEPT}\n")
