"""Filling the environment into a profile, and knowing afterwards which values came from there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs

from sr_ports import BadInput, ReasonCode, SrError, one_line
from sr_ports.errors import foreseen

_ENV = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-((?:(?!\$\{)[^}])*))?\}")
"""A default holds no ``${``: a shell would fill that in as well, and half of it would end at the first brace."""


EARLIER = {
    "SR_S3_ENDPOINT_URL": "SR_S3_ENDPOINT",
    "SR_S3_REGION": "SR_AWS_REGION",
    "SR_KINESIS_ENDPOINT_URL": "SR_KINESIS_ENDPOINT",
    "SR_KINESIS_REGION": "SR_AWS_REGION",
}
"""Names of the first release, which are asked where today's is not set."""
_SWITCHES = frozenset({"true", "false", "null", "none", "auto"})
"""Words that are nobody's secret and stand in many a message."""
_SHORTEST = 4
"""Characters of a value below which it is no more than a word that stands everywhere."""


class Filled(str):
    """A text into which the environment was filled. `variables`: those whose values it holds."""

    variables: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str, variables: tuple[str, ...]) -> Filled:
        made = cls(text)
        made.variables = variables
        return made


def variables(node: Any) -> tuple[str, ...]:
    """The environment variables whose values a part of a profile holds, each once."""
    if isinstance(node, Filled):
        return node.variables
    parts = node.values() if isinstance(node, Mapping) else node if isinstance(node, list | tuple) else ()
    return tuple(dict.fromkeys(name for part in parts for name in variables(part)))


def named_in(text: str) -> Iterator[tuple[str, str | None]]:
    """The variables that a text of a profile names, each with its default."""
    return ((match[1], match[2]) for match in _ENV.finditer(text))


@attrs.frozen(eq=False, repr=False)
class Taken:
    """What one reading of a profile took from the environment; messages about that profile quote none of it.

    `texts`: each text that it filled in, and the variables whose values that holds.
    """

    texts: dict[str, tuple[str, ...]] = attrs.field(factory=dict)

    def fill(self, node: Any, env: Mapping[str, str], where: str = "") -> Any:
        """The document with ``${NAME}``, ``${NAME:-default}`` and a leading ``~`` filled in, as a shell does.

        Raises `BadInput`: PROFILE_INVALID, ENV_UNSET.
        """
        if isinstance(node, Mapping):
            return {key: self.fill(value, env, f"{where}.{key}" if where else str(key)) for key, value in node.items()}
        if isinstance(node, list):
            return [self.fill(value, env, f"{where}[{at}]") for at, value in enumerate(node)]
        return self._text(node, env, where) if isinstance(node, str) else node

    def _text(self, text: str, env: Mapping[str, str], where: str) -> str:
        if "${" in _ENV.sub("", text):
            what = f"{where}: a ${{ that begins neither ${{NAME}} nor ${{NAME:-default}}, or stands in a default"
            raise BadInput(ReasonCode.PROFILE_INVALID, what)
        used: dict[str, None] = {}

        def value(match: re.Match[str]) -> str:
            name = _variable(match[1], env)
            found: str | None = env.get(name)
            if match[2] is not None and not found:
                return match[2]  # as in a shell: an empty one is as good as none
            if found is None:
                what = f"{where} needs the environment variable {match[1]}, which is not set"
                remedy = f"set {match[1]}, or give a default as ${{{match[1]}:-default}}"
                raise BadInput(ReasonCode.ENV_UNSET, what, remedy)
            used[name] = None
            if not found.startswith(("/", "~", ".")):  # the home folder stands in many an honest path
                self.texts[found] = (name,)
            return found

        full = at_home(_ENV.sub(value, text), where)
        if not _ENV.search(text):
            return full
        if used:
            self.texts[full] = tuple(used)
        return Filled.of(full, tuple(used))

    def unquoted(self, text: str) -> str:
        """A message without the values that came from the environment, each told by its variable instead."""
        for value in sorted(self.texts, key=len, reverse=True):
            if len(value) >= _SHORTEST and value.lower() not in _SWITCHES:
                name = f"(the environment variable {' and '.join(self.texts[value])})"
                for form in {value, one_line(value), repr(value)[1:-1], one_line(repr(value)[1:-1]), *_clipped(value)}:
                    text = text.replace(form, name)
        return text

    @contextmanager
    def nothing_quoted(self) -> Iterator[None]:
        """For the block, no `SrError` quotes a value that came from the environment."""
        try:
            yield
        except SrError as error:
            if foreseen(error):
                error.what, error.remedy = self.unquoted(error.what), self.unquoted(error.remedy)
            raise


def _variable(asked: str, env: Mapping[str, str]) -> str:
    """The variable that says what `asked` is to say: itself, or its earlier name where that alone is set."""
    earlier = EARLIER.get(asked)
    return earlier if earlier is not None and env.get(earlier) and not env.get(asked) else asked


def _clipped(value: str) -> Iterator[str]:
    """Other spellings that a message may have of a value: a path's without empty parts, its first characters."""
    yield re.sub("//+", "/", value)
    for spelt in (value, repr(value)[1:-1]):
        for most in (57, 60, 80, 120, 200):
            if len(spelt) > most:
                yield spelt[:most]


def at_home(text: str, where: str) -> str:
    """A path that begins with ``~/`` or ``~name/`` in full, as a shell writes it out; any other text as it is.

    Raises `BadInput(PROFILE_INVALID)` where whose home is meant cannot be told. `where`: what the text is, for people.
    """
    if not text.startswith("~") or ("/" not in text and text != "~"):
        return text
    full = os.path.expanduser(text)  # noqa: PTH111 - the rest of the path stays as it is written
    if full.startswith("~"):
        what = f"{where} begins with ~ and names no home folder that is known here"
        raise BadInput(ReasonCode.PROFILE_INVALID, what, "write the path in full, or begin it with ./")
    return full
