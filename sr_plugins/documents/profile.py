"""Wiring profiles: which adapter serves which port (spec: surface, "Wiring profile")."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from sr_domain.encoding.contracts import unquoted
from sr_domain.encoding.names import ONE_SPELLING, misspelling
from sr_plugins.documents.files import read_config
from sr_plugins.documents.shipped import shipped
from sr_plugins.documents.yaml import load_yaml
from sr_ports import BadInput, ReasonCode

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

SHIPPED = ("local", "local_parity", "local_kinesis", "aws")
AUTHENTICATORS = ("token", "jwt")
"""Modes that need an authenticator."""
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,512}")
_TOPIC = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
_ENV = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


@attrs.frozen
class Section:
    """An adapter by name, and the settings that are its own."""

    adapter: str
    settings: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Engine:
    """`oracle_engine_run_root`: overrides every request's root. `interface_pack`: ``builtin`` or a folder."""

    oracle_engine_run_root: str | None = None
    interface_pack: str = "builtin"


@attrs.frozen
class Auth:
    """Who may do what; the lists name actors. `mode`: disabled, as no authenticator is wired yet."""

    mode: str = "disabled"
    submit: tuple[str, ...] = ()
    reemit: tuple[str, ...] = ()


@attrs.frozen
class EvidenceSettings:
    """`workers`: threads, None for as many as there are cores."""

    workers: int | None = None
    digest_source: str = "bytes"
    digest_cache: str = "off"


@attrs.frozen
class Profile:
    """A profile, whole. Times in seconds. `allow`: distributions that may provide adapters and laws; None for any.

    `attest`: whose signature READY carries; None for none.
    """

    name: str = "local"
    runtime_root: str = "runs"
    object_store: Section = Section("file")
    authority: Section = Section("sqlite")
    control_bus: Section = Section("file")
    topic: str = "fp.bus.control.v1"
    invoker: Section | None = None
    engine: Engine = Engine()
    auth: Auth = Auth()
    reemit_max: int = 5
    reemit_window_s: float = 3600
    lease_ttl_s: float = 60
    evidence: EvidenceSettings = EvidenceSettings()
    allow: frozenset[str] | None = None
    sinks: tuple[str, ...] = ("console", "file")
    policy: str | None = None
    attest: Section | None = None


def load_profile(
    source: str | os.PathLike[str] | Mapping[str, Any] | None = None, env: Mapping[str, str] | None = None
) -> Profile:
    """A shipped profile by name, a file by path, or a mapping; environment values filled in.

    Raises `BadInput`: PROFILE_NOT_FOUND, PROFILE_INVALID (naming the key), ENV_UNSET.
    """
    env = os.environ if env is None else env
    if isinstance(source, Mapping):
        return _profile(_fill(dict(source), env, ""), "profile")
    chosen = at_home(str(source or env.get("SR_PROFILE") or "local"), "the profile")
    path: Traversable = shipped("config") / f"{chosen}.yaml" if chosen in SHIPPED else Path(chosen)
    if not path.is_file():
        raise BadInput(ReasonCode.PROFILE_NOT_FOUND, f"there is no profile {chosen!r}")
    document = load_yaml(read_config(path, ReasonCode.PROFILE_NOT_FOUND, "profile"), what=str(path))
    if document is None:
        document = {}
    if not isinstance(document, dict):
        what, remedy = f"{path}: it is not a mapping of sections", f"its sections are {', '.join(_TOP)}"
        raise BadInput(ReasonCode.PROFILE_INVALID, what, remedy)
    return _profile(_fill(document, env, ""), str(path))


def _fill(node: Any, env: Mapping[str, str], where: str) -> Any:
    """The document with ``${NAME}``, ``${NAME:-default}`` and a leading ``~`` filled in everywhere, as a shell does."""
    if isinstance(node, dict):
        return {key: _fill(value, env, f"{where}.{key}" if where else str(key)) for key, value in node.items()}
    if isinstance(node, list):
        return [_fill(value, env, f"{where}[{at}]") for at, value in enumerate(node)]
    if not isinstance(node, str):
        return node
    if "${" in _ENV.sub("", node):
        raise BadInput(
            ReasonCode.PROFILE_INVALID, f"{where}: a ${{ that begins neither ${{NAME}} nor ${{NAME:-default}}"
        )

    def value(match: re.Match[str]) -> str:
        found: str | None = env.get(match[1])
        if match[2] is not None:
            return found or match[2]  # as in a shell: an empty one is as good as none
        if found is None:
            what = f"{where} needs the environment variable {match[1]}, which is not set"
            raise BadInput(ReasonCode.ENV_UNSET, what, f"set {match[1]}, or give a default as ${{{match[1]}:-default}}")
        return found

    return at_home(_ENV.sub(value, node), where)


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


def _invalid(name: str, what: str) -> BadInput:
    return BadInput(ReasonCode.PROFILE_INVALID, f"{name}: {what}")


@attrs.frozen
class _Keys:
    """A mapping being read: knows its place, and which keys it may have."""

    file: str
    where: str
    node: Mapping[str, Any]

    def only(self, allowed: Iterable[str]) -> None:
        allowed = list(allowed)
        for key in self.node:
            if key not in allowed:
                import difflib

                near = difflib.get_close_matches(str(key), allowed, 1)
                hint = f"; did you mean {near[0]}?" if near else f"; it may have {', '.join(allowed)}"
                raise _invalid(self.file, f"unknown key {self.path(str(key))}{hint}")

    def path(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def get(self, key: str, default: Any, check: Callable[[Any], Any], wanted: str) -> Any:
        if key not in self.node:
            return default
        try:
            return check(self.node[key])
        except _Misspelt as error:
            what = f"{self.file}: {self.path(key)} {error}"
            raise BadInput(ReasonCode.PROFILE_INVALID, what, ONE_SPELLING) from error
        except (ValueError, TypeError, OverflowError) as error:
            value = self.node[key]
            number = check in (text, name, topic, optional_text) and isinstance(value, bool | int | float)
            told = f"; {unquoted(value)}" if number else f", not {shown(value)}"
            raise _invalid(self.file, f"{self.path(key)} must be {wanted}{told}") from error

    def section(self, key: str) -> _Keys:
        node = self.node.get(key, {})
        node = {} if node is None else node
        if not isinstance(node, dict):
            raise _invalid(self.file, f"{self.path(key)} must be a mapping, not {shown(node)}")
        return _Keys(self.file, self.path(key), node)

    def adapter(self, key: str, default: Section, skip: Iterable[str] = ()) -> Section:
        """An adapter section; left out or without ``adapter``, the local profile's adapter."""
        part = self.section(key)
        name = part.get("adapter", default.adapter, text, "an adapter's name")
        return Section(name, {k: v for k, v in part.node.items() if k not in ("adapter", *skip)})


def shown(value: Any) -> str:
    """Enough of a value to find it."""
    whole = getattr(value, "spelled", None) or repr(value)
    return whole if len(whole) <= 60 else whole[:57] + "..."  # noqa: PLR2004


def text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


def name(value: Any) -> str:
    """A profile's name: facts views carry it (contract: `name`)."""
    if not _NAME.fullmatch(text(value)):
        raise ValueError
    return _spelt(str(value))


def _spelt(value: str) -> str:
    wrong = misspelling(value)
    if wrong is not None:
        raise _Misspelt(f"{shown(value)} {wrong}")
    return value


class _Misspelt(ValueError):
    """A name that could be taken for another."""


def topic(value: Any) -> str:
    """A topic: every control fact carries it, and the file bus names a folder by it."""
    if not _TOPIC.fullmatch(text(value)):
        raise ValueError
    return str(value)


def optional_text(value: Any) -> str | None:
    return None if value in (None, "") else text(value)


def positive(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not 0 < number < 10**9:
        raise ValueError
    return number


def count(value: Any) -> int:
    number = int(value)
    if isinstance(value, bool | float) or not 0 < number < 10**9:
        raise ValueError
    return number


def workers(value: Any) -> int | None:
    return None if value == "auto" else count(value)


def texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError
    return tuple(text(one) for one in value)


def actors(value: Any) -> tuple[str, ...]:
    return tuple(_spelt(one) for one in texts(value))


def one_of(*choices: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in choices:
            raise ValueError
        return str(value)

    return check


def allow(value: Any) -> frozenset[str] | None:
    return None if value == "any" else frozenset(texts(value))


_TOP = (
    "profile", "runtime_root", "object_store", "authority", "control_bus", "invoker", "engine", "auth",
    "reemit", "lease", "evidence", "plugins", "observability", "policy", "attest",
)  # fmt: skip


def _profile(document: dict[str, Any], file: str) -> Profile:
    top, base = _Keys(file, "", document), Profile()
    top.only(_TOP)
    reemit, lease, plugins = top.section("reemit"), top.section("lease"), top.section("plugins")
    reemit.only(["rate_limit"])
    rate = reemit.section("rate_limit")
    rate.only(["max", "window_seconds"])
    lease.only(["ttl_seconds"])
    plugins.only(["allow"])
    bus, sinks = top.section("control_bus"), top.section("observability")
    sinks.only(["sinks"])
    return Profile(
        name=top.get("profile", base.name, name, "one line of 1 to 512 characters"),
        runtime_root=top.get("runtime_root", base.runtime_root, text, "a folder"),
        object_store=top.adapter("object_store", base.object_store),
        authority=top.adapter("authority", base.authority),
        control_bus=top.adapter("control_bus", base.control_bus, skip=["topic"]),
        topic=bus.get("topic", base.topic, topic, "1 to 200 letters, digits, _ . - and no . or - first"),
        invoker=_invoker(top),
        engine=_engine(top.section("engine")),
        auth=_auth(top.section("auth")),
        reemit_max=rate.get("max", base.reemit_max, count, "a whole number from 1"),
        reemit_window_s=rate.get("window_seconds", base.reemit_window_s, positive, "a number of seconds"),
        lease_ttl_s=lease.get("ttl_seconds", base.lease_ttl_s, positive, "a number of seconds"),
        evidence=_evidence(top.section("evidence")),
        allow=plugins.get("allow", base.allow, allow, "any, or a list of distributions"),
        sinks=sinks.get("sinks", base.sinks, texts, "a list of sink names"),
        policy=top.get("policy", None, optional_text, "a path"),
        attest=top.adapter("attest", Section("key_file")) if top.section("attest").node else None,
    )


def _invoker(top: _Keys) -> Section | None:
    if top.node.get("invoker") in (None, "none"):
        return None
    section = top.adapter("invoker", Section("subprocess"))
    return None if section.adapter == "none" else section


def _engine(keys: _Keys) -> Engine:
    keys.only(["oracle_engine_run_root", "interface_pack"])
    return Engine(
        keys.get("oracle_engine_run_root", None, optional_text, "a path or s3:// URI"),
        keys.get("interface_pack", "builtin", text, "builtin or a folder"),
    )


def _auth(keys: _Keys) -> Auth:
    """Without an authenticator nobody proves who he is: a mode that asks for one must not be believed."""
    mode = keys.get("mode", "disabled", one_of("disabled", *AUTHENTICATORS), "disabled, token or jwt")
    if mode != "disabled":
        raise BadInput(
            ReasonCode.PROFILE_INVALID,
            f"{keys.file}: {keys.path('mode')} is {mode}, and this release has no authenticator: nobody would prove "
            "who he is",
            f"set {keys.path('mode')} to disabled, and let only trusted users run sr on this profile",
        )
    keys.only(("mode", "submit", "reemit"))
    return Auth(
        mode,
        keys.get("submit", (), actors, "a list of actors"),
        keys.get("reemit", (), actors, "a list of actors"),
    )


def _evidence(keys: _Keys) -> EvidenceSettings:
    keys.only(["workers", "digest_source", "digest_cache"])
    return EvidenceSettings(
        keys.get("workers", None, workers, "auto, or a whole number from 1"),
        keys.get("digest_source", "bytes", one_of("bytes"), "bytes"),
        keys.get("digest_cache", "off", one_of("off"), "off"),
    )
