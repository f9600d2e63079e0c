"""Wiring profiles: which adapter serves which port (spec: surface, "Wiring profile")."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs
from attrs.validators import deep_iterable, matches_re, min_len, optional

from sr_domain.encoding.names import ONE_SPELLING, misspelling
from sr_plugins.documents.environment import Taken, at_home
from sr_plugins.documents.files import read_config
from sr_plugins.documents.limits import EvidenceSettings, Lease, Reemit
from sr_plugins.documents.service import ServiceSettings
from sr_plugins.documents.settings import Reader, shown
from sr_plugins.documents.shapes import fields_of
from sr_plugins.documents.shipped import shipped
from sr_plugins.documents.yaml import load_yaml
from sr_ports import BadInput, ReasonCode
from sr_ports.compared import Compared
from sr_ports.settings import About, Refused, described, setting

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

SHIPPED = ("local", "local_parity", "local_kinesis", "aws")
DISABLED = "disabled"
"""The mode in which nobody proves who he is; any other names an authenticator."""


def _one_spelling(instance: object, attribute: attrs.Attribute[str], value: str) -> None:
    wrong = misspelling(value)
    if wrong is not None:
        raise Refused(wrong, ONE_SPELLING, value=shown(value))


def _publishable(instance: object, attribute: attrs.Attribute[str | None], value: str | None) -> None:
    if value is not None:
        from sr_plugins.documents.publishable import check_publishable

        check_publishable(value)


@attrs.frozen(eq=False, repr=False)
class Section(Compared):
    """An adapter by name, and the settings that are its own: read by its class of settings when it is built."""

    adapter: str = attrs.field(validator=min_len(1), metadata=setting("the adapter", wanted="an adapter's name"))
    settings: Mapping[str, Any] = attrs.field(factory=dict, metadata=described(About(rest=True)))


@attrs.frozen(eq=False, repr=False)
class Bus(Section):
    """The control bus. `topic`: every control fact carries it, and the file bus names a folder by it."""

    topic: str = attrs.field(
        default="fp.bus.control.v1",
        validator=matches_re(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}"),
        metadata=setting("the topic of control facts", wanted="1 to 200 letters, digits, _ . - and no . or - first"),
    )


@attrs.frozen(eq=False, repr=False)
class RootsOnS3(Compared):
    """Where engine roots on S3 are. What is None, or empty, is as the object store has it, else the AWS chain's."""

    endpoint_url: str | None = attrs.field(
        default=None, metadata=setting("the server of engine run roots, where it is not the object store's")
    )
    region: str | None = attrs.field(
        default=None, metadata=setting("the region of engine run roots, where it is not the object store's")
    )


@attrs.frozen(eq=False, repr=False)
class Engine(Compared):
    """`oracle_engine_run_root`: overrides every request's root. `interface_pack`: ``builtin`` or a folder.

    `oracle_root`: where all engine roots lie; facts views say it, and nothing is read there. `allowed_roots`:
    prefixes, of paths by whole folders. `s3`: the server of roots on S3.
    """

    oracle_engine_run_root: str | None = attrs.field(
        default=None, metadata=setting("overrides every request's engine run root", wanted="a path or s3:// URI")
    )
    oracle_root: str | None = attrs.field(
        default=None, metadata=setting("where all engine run roots lie, for facts views to say", wanted="a path or URI")
    )
    allowed_roots: tuple[str, ...] = attrs.field(
        default=(),
        validator=deep_iterable(min_len(1)),
        metadata=setting(
            "what a request's engine run root must lie under; empty for any", wanted="a list of paths or URIs"
        ),
    )
    publish_root: str | None = attrs.field(
        default=None,
        validator=_publishable,
        metadata=setting(
            "where the root of an engine that ran is copied, for consumers elsewhere", wanted="a path or s3:// URI"
        ),
    )
    interface_pack: str = attrs.field(
        default="builtin",
        validator=min_len(1),
        metadata=setting("the pack of gates and outputs", wanted="builtin or a folder"),
    )
    s3: RootsOnS3 = attrs.field(default=RootsOnS3(), metadata=setting("where engine run roots on S3 are"))


_ACTORS: list[Any] = [optional(deep_iterable(min_len(1))), optional(deep_iterable(_one_spelling))]
_LISTED = "a list of actors or role:NAME"


def _right(text: str) -> Any:
    """Who has a right; None for a list that was left out."""
    return attrs.field(default=None, validator=_ACTORS, metadata=setting(text, wanted=_LISTED))


def _no_slip(auth: Auth, attribute: attrs.Attribute[Any], settings: Mapping[str, Any]) -> None:
    """A key that is nobody's, or nearly one of the section's own, opens no door by being passed over."""
    own = [key for key, field in fields_of(Auth).items() if not field.about.rest]
    for key in settings:
        import difflib

        near = difflib.get_close_matches(key, own, 1, 0.8 if auth.mode != DISABLED else 0.6)
        if near or auth.mode == DISABLED:
            told = f"did you mean {near[0]}?" if near else f"with mode {DISABLED} there is none but {', '.join(own)}"
            raise Refused(f"unknown key auth.{key}; {told}")


_NAMED = matches_re(r"[a-z][a-z0-9_-]{0,63}")  # it goes on record as the proof of an actor
_MODE = setting("how an actor proves who he is", wanted="disabled, or an authenticator's name")


@attrs.frozen(eq=False, repr=False)
class Auth(Compared):
    """Who may do what; the lists name actors, or roles as ``role:NAME``. None: the list was left out.

    `mode`: ``disabled``, or the authenticator's name. `settings`: the authenticator's own.
    """

    mode: str = attrs.field(default=DISABLED, validator=_NAMED, metadata=_MODE)
    submit: tuple[str, ...] | None = _right("who may submit; nobody when left out, anybody while mode is disabled")
    reemit: tuple[str, ...] | None = _right("who may re-emit; who may submit when left out")
    supersede: tuple[str, ...] | None = _right("who may supersede a run; who may submit when left out")
    recover: tuple[str, ...] | None = _right("who may accept a loss; left out: nobody, with mode disabled who submits")
    read: tuple[str, ...] | None = _right("who may read; every authenticated actor when left out")
    settings: Mapping[str, Any] = attrs.field(factory=dict, validator=_no_slip, metadata=described(About(rest=True)))

    @property
    def authenticator(self) -> Section | None:
        """The authenticator by name, with its settings; None where nobody proves who he is."""
        return None if self.mode == DISABLED else Section(self.mode, self.settings)


@attrs.frozen(eq=False, repr=False)
class Plugins(Compared):
    """`allow`: distributions that may provide adapters and laws. `block`: names that are not used. `load`: files."""

    allow: Literal["any"] | frozenset[str] = attrs.field(
        default="any",
        metadata=setting("who may provide adapters and laws", wanted="any, or a list of distributions"),
    )
    block: frozenset[str] = attrs.field(
        default=frozenset(),
        validator=deep_iterable(min_len(1)),
        metadata=setting(
            "distributions, adapters and laws that are not used",
            wanted="a list of their names",
        ),
    )
    load: tuple[str, ...] = attrs.field(
        default=(),
        validator=deep_iterable(min_len(1)),
        metadata=setting("plugins that are one file each, such as ./my_law.py", wanted="a list of paths"),
    )


@attrs.frozen(eq=False, repr=False)
class NamedSink(Compared):
    """A sink by name, and the settings that are its own: read by its class of settings when it is built."""

    sink: str = attrs.field(validator=min_len(1), metadata=setting("the sink", wanted="a sink's name"))
    settings: Mapping[str, Any] = attrs.field(factory=dict, metadata=described(About(rest=True)))


@attrs.frozen(eq=False, repr=False)
class Observability(Compared):
    """`sinks`: the adapters that take events."""

    sinks: tuple[NamedSink, ...] = attrs.field(
        default=(NamedSink("console"), NamedSink("file")),
        metadata=setting("where events go", wanted="a list of sinks: names, or {sink: NAME, ...its settings}"),
    )


def _no_invoker(node: Any) -> Any:
    none = node == "none" or (isinstance(node, Mapping) and node.get("adapter") == "none")
    return None if none else node


def _given(text: str, adapter: str, before: Any) -> dict[str, Any]:
    """A section that is there only where the profile has it; `adapter`: the one it then means by default."""
    return described(About(text, base=Section(adapter), before=before))


@attrs.frozen(eq=False, repr=False)
class Profile(Compared):
    """A profile, whole. Times in seconds. `attest`: whose signature READY carries; None for none."""

    name: str = attrs.field(
        default="local",
        alias="profile",
        validator=[matches_re(r"[^\x00-\x1f\x7f]{1,512}"), _one_spelling],
        metadata=setting("the profile's name, which facts views carry", wanted="one line of 1 to 512 characters"),
    )
    runtime_root: str = attrs.field(
        default="runs", validator=min_len(1), metadata=setting("where runs are kept", wanted="a folder")
    )
    object_store: Section = attrs.field(default=Section("file"), metadata=setting("where truth is kept"))
    authority: Section = attrs.field(default=Section("sqlite"), metadata=setting("who admits runs and leases them"))
    control_bus: Bus = attrs.field(default=Bus("file"), metadata=setting("where READY is published"))
    invoker: Section | None = attrs.field(
        default=None, metadata=_given("what runs the engine; none for nothing", "subprocess", _no_invoker)
    )
    engine: Engine = attrs.field(default=Engine(), metadata=setting("the engine's runs and its interface pack"))
    auth: Auth = attrs.field(default=Auth(), metadata=setting("who may do what"))
    reemit: Reemit = attrs.field(default=Reemit(), metadata=setting("publishing facts again"))
    lease: Lease = attrs.field(default=Lease(), metadata=setting("how runs are held"))
    evidence: EvidenceSettings = attrs.field(default=EvidenceSettings(), metadata=setting("how evidence is read"))
    plugins: Plugins = attrs.field(default=Plugins(), metadata=setting("plugins of other distributions"))
    observability: Observability = attrs.field(default=Observability(), metadata=setting("telemetry"))
    service: ServiceSettings = attrs.field(
        default=ServiceSettings(), metadata=setting("what sr serve waits for and bounds")
    )
    policy: str | None = attrs.field(
        default=None, metadata=setting("a policy file instead of the shipped one", wanted="a path")
    )
    attest: Section | None = attrs.field(
        default=None, metadata=_given("what signs READY", "key_file", lambda node: None if node == {} else node)
    )
    taken: Taken = attrs.field(factory=Taken, eq=False, repr=False, metadata=described(About(aside=True)))

    @property
    def allow(self) -> frozenset[str] | None:
        """Distributions that may provide adapters and laws; None for any."""
        return None if isinstance(self.plugins.allow, str) else self.plugins.allow


ProfileSource = str | os.PathLike[str] | Mapping[str, Any] | Profile | None
"""A profile by its shipped name, by path, as a mapping, or as it was read; None for what `SR_PROFILE` names."""


def load_profile(source: ProfileSource = None, env: Mapping[str, str] | None = None) -> Profile:
    """A shipped profile by name, a file by path, or a mapping; environment values filled in. One that was read stays.

    Raises `BadInput`: PROFILE_NOT_FOUND, PROFILE_INVALID (naming the key), ENV_UNSET.
    """
    env = os.environ if env is None else env
    if isinstance(source, Profile):
        return source
    taken = Taken()
    with taken.nothing_quoted():
        name, document = profile_document(source, env)
        read = Reader(name).read(Profile, taken.fill(document, env), "")
    return attrs.evolve(read, taken=taken)


def profile_document(
    source: str | os.PathLike[str] | Mapping[str, Any] | None, env: Mapping[str, str]
) -> tuple[str, Mapping[str, Any] | None]:
    """What messages call a profile, and what it says before the environment is filled in. Raises as `load_profile`."""
    if isinstance(source, Mapping):
        return "profile", source
    chosen = at_home(str(source or env.get("SR_PROFILE") or "local"), "the profile")
    path: Traversable = shipped("config") / f"{chosen}.yaml" if chosen in SHIPPED else Path(chosen)
    if not path.is_file():
        named = (
            "that SR_PROFILE names" if str(source or env.get("SR_PROFILE")) == env.get("SR_PROFILE") else repr(chosen)
        )
        raise BadInput(ReasonCode.PROFILE_NOT_FOUND, f"there is no profile {named}")
    document = load_yaml(read_config(path, ReasonCode.PROFILE_NOT_FOUND, "profile"), what=str(path))
    if document is not None and not isinstance(document, dict):
        what, remedy = f"{path}: it is not a mapping of sections", f"its sections are {', '.join(fields_of(Profile))}"
        raise BadInput(ReasonCode.PROFILE_INVALID, what, remedy)
    return str(path), document
