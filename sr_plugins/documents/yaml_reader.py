"""Strict YAML to plain values, straight from the parser's events.

PyYAML's own loader takes duplicate keys, merge keys, timestamps and tags, and builds whatever a
few aliases stand for. Here keys, types, depth, size and aliases are checked event by event, before
anything grows; there is no tree of nodes in between.

The parser reads up to 1,024 characters of a line ahead of its events, to see whether they are a key.
A row of brackets would reach it whole. So a text with such a row is read once with every row cut to
one bracket more than the limit: if that is too deep, so is the text.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import yaml
from yaml import events

from sr_ports import ReasonCode

try:
    from yaml import CSafeLoader as _Parser
except ImportError:  # PyYAML without libyaml: slower, the same otherwise
    from yaml import SafeLoader as _Parser  # type: ignore[assignment]

_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_NUMERIC = frozenset("-0123456789")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_TEXT_TAGS = (None, "tag:yaml.org,2002:str")
_DIGITS = 4300  # Python's own limit on integers read from text
_NO_KEY = object()
_ROWS = bytes.maketrans(b"]}\"'#\\\r", b"\n" * 7)
"""Splits a text into rows: what may open collections, one in another, and ends none, nor a string, nor a line."""
_OPENER = re.compile(rb"[\[{]|[-?](?=[ \t])")


class Written(float):
    """A number with how the document spells it: ``680841e1`` may have been meant as text."""

    spelled: str


class YamlFault(ValueError):
    """What makes a text unfit; becomes `BadInput` at the surface."""


class YamlBound(YamlFault):
    """A text that is over a bound. `code`: which names it."""

    def __init__(self, code: ReasonCode, what: str) -> None:
        super().__init__(what)
        self.code = code


@attrs.define(eq=False, repr=False)
class _Built:
    """A finished value. `size`: nodes, with aliases written out. `height`: collections one in another."""

    value: Any
    size: int = 1
    height: int = 0


@attrs.define(eq=False, repr=False)
class _Open:
    """A collection being filled."""

    value: Any
    anchor: str | None
    is_map: bool
    key: Any = _NO_KEY
    size: int = 1
    height: int = 1


def read_yaml(data: bytes, *, max_depth: int, max_nodes: int) -> Any:
    """The one document in `data`, None when there is none.

    Raises `YamlFault` (UnicodeDecodeError among ValueErrors for what is no UTF-8).
    """
    data.decode("utf-8")  # the parser would also take UTF-16
    _check_rows(data, max_depth)
    reader = _Reader(max_depth, max_nodes)
    try:
        for event in _events(data):
            step = _STEPS.get(type(event))
            if step is not None:
                step(reader, event)
    except yaml.MarkedYAMLError as error:
        raise _fault(error.problem_mark or error.context_mark, str(error.problem or error.context)) from error
    except yaml.YAMLError as error:
        raise YamlFault(str(error)) from error
    return reader.document


def _check_rows(data: bytes, most: int) -> None:
    """Raise `YamlFault` when a row of openers goes deeper than `most`; a row inside a string or a comment does not."""
    kept: list[bytes] = []
    start = end = 0
    for row in data.translate(_ROWS).split(b"\n"):
        if len(row) > most:
            opener = next(itertools.islice(_OPENER.finditer(row), most, None), None)
            if opener is not None:
                kept.append(data[start : end + opener.end()])
                start = end + len(row)
        end += len(row) + 1
    if kept:
        _check_depth(b"".join([*kept, data[start:]]), most)


def _check_depth(data: bytes, most: int) -> None:
    """Raise `YamlFault` where collections nest deeper than `most`. Any other fault is for the whole reading to name."""
    depth = 0
    with contextlib.suppress(yaml.YAMLError):
        for event in _events(data):
            if isinstance(event, events.CollectionStartEvent):
                depth += 1
                if depth > most:
                    raise _too_deep(event, most)
            elif isinstance(event, events.CollectionEndEvent):
                depth -= 1


def _events(data: bytes) -> Iterator[Any]:
    """What `yaml.parse` gives, asked of the parser itself, which takes half the time."""
    parser = _Parser(data)
    try:
        yield from iter(parser.get_event, None)
    finally:
        parser.dispose()


@attrs.define(eq=False, repr=False)
class _Reader:
    max_depth: int
    max_nodes: int
    document: Any = None
    documents: int = 0
    nodes: int = 0
    stack: list[_Open] = attrs.field(factory=list)
    anchors: dict[str, _Built] = attrs.field(factory=dict)

    def start(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            raise _fault(event.start_mark, "a second document begins")

    def scalar(self, event: Any) -> None:
        if event.tag not in _TEXT_TAGS:
            raise _fault(event.start_mark, f"the tag {event.tag[:60]} is not allowed")
        value = event.value
        if event.implicit[0] and (value in _WORDS or value[0] in _NUMERIC):
            value = _plain(event)
        self.count(1, event)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Built(value)
        self.put(value, 1, 0, event)

    def open(self, event: Any) -> None:
        if event.tag is not None:
            raise _fault(event.start_mark, f"the tag {event.tag[:60]} is not allowed")
        if len(self.stack) >= self.max_depth:
            raise _too_deep(event, self.max_depth)
        self.count(1, event)
        is_map = type(event) is events.MappingStartEvent
        self.stack.append(_Open({} if is_map else [], event.anchor, is_map))

    def close(self, event: Any) -> None:
        done = self.stack.pop()
        if done.anchor is not None:
            self.anchors[done.anchor] = _Built(done.value, done.size, done.height)
        self.put(done.value, done.size, done.height, event)

    def alias(self, event: Any) -> None:
        # An anchor is known once its value is whole: nothing can contain itself.
        built = self.anchors.get(event.anchor)
        if built is None:
            raise _fault(event.start_mark, f"the alias *{event.anchor[:60]} names nothing that is complete")
        if len(self.stack) + built.height > self.max_depth:
            raise _too_deep(event, self.max_depth)
        self.count(built.size, event)
        self.put(built.value, built.size, built.height, event)

    def count(self, more: int, event: Any) -> None:
        self.nodes += more
        if self.nodes > self.max_nodes:
            what = f"{_place(event.start_mark)}more than {self.max_nodes} values, aliases written out"
            raise YamlBound(ReasonCode.DOCUMENT_TOO_MANY, what)

    def put(self, value: Any, size: int, height: int, event: Any) -> None:
        """Give a finished value its place: in the open collection, or as the document."""
        if not self.stack:
            self.document = value
            return
        top = self.stack[-1]
        top.size += size
        if height >= top.height:
            top.height = height + 1
        if not top.is_map:
            top.value.append(value)
        elif top.key is _NO_KEY:
            top.key = _key(value, top.value, event)
        else:
            top.value[top.key] = value
            top.key = _NO_KEY


_STEPS: dict[type[Any], Callable[[_Reader, Any], None]] = {
    events.DocumentStartEvent: _Reader.start,
    events.ScalarEvent: _Reader.scalar,
    events.SequenceStartEvent: _Reader.open,
    events.MappingStartEvent: _Reader.open,
    events.SequenceEndEvent: _Reader.close,
    events.MappingEndEvent: _Reader.close,
    events.AliasEvent: _Reader.alias,
}


def _key(value: Any, siblings: dict[str, Any], event: Any) -> str:
    if type(value) is str and value != "<<" and value not in siblings:
        return value
    if not isinstance(value, str):
        shown = repr(value)[:60] if not isinstance(value, dict | list) else "a collection"
        raise _fault(event.start_mark, f"the key {shown} is not text")
    if value == "<<" and type(event) is events.ScalarEvent and event.implicit[0]:
        raise _fault(event.start_mark, "merge keys are not allowed")
    if value in siblings:
        raise _fault(event.start_mark, f"the key {value[:60]!r} stands twice")
    return value


def _plain(event: Any) -> Any:
    """A plain scalar of `_WORDS`, or one that begins as a number does, as JSON would type it; else it is text."""
    text: str = event.value
    if text in _WORDS:
        return _WORDS[text]
    number = _NUMBER.fullmatch(text)
    if number is None:
        return text
    if len(text) > _DIGITS:
        raise _fault(event.start_mark, f"a number of more than {_DIGITS} characters: text goes in quotes")
    if number[1] is None and number[2] is None:
        return int(text)
    value = Written(text)
    if math.isinf(value):
        raise _fault(event.start_mark, f"a number out of range: {text[:80]}; text goes in quotes")
    value.spelled = text
    return value


def _too_deep(event: Any, most: int) -> YamlBound:
    return YamlBound(ReasonCode.DOCUMENT_TOO_DEEP, f"{_place(event.start_mark)}nested deeper than {most}")


def _fault(mark: Any, problem: str) -> YamlFault:
    return YamlFault(_place(mark) + problem)


def _place(mark: Any) -> str:
    return f"line {mark.line + 1} column {mark.column + 1}: " if mark else ""
