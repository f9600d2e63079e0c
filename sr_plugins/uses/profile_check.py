"""Everything that is wrong with a profile, told at once and without asking a server (``sr profile check``)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import attrs

from sr_plugins.documents.environment import Taken
from sr_plugins.documents.profile import Profile, Section, profile_document
from sr_plugins.documents.settings import Faults, Reader
from sr_plugins.host.plugin_host import PluginHost
from sr_plugins.wiring.adapter_settings import SECTIONS, read_settings
from sr_plugins.wiring.wire import Wires, host_of, isolation
from sr_ports import BadInput, ReasonCode

_HERE_ALONE = (ReasonCode.EXTRA_MISSING,)
"""What is amiss with this machine and not with the profile."""
_GONE = object()


@attrs.frozen
class ProfileFault:
    """One fault. `key`: of the profile, with dots between; empty where it is about the whole."""

    severity: Literal["error", "warning"]
    code: str
    key: str
    what: str
    remedy: str


def check_profile(
    source: str | os.PathLike[str] | Mapping[str, Any] | None, env: Mapping[str, str] | None = None
) -> list[ProfileFault]:
    """What is wrong with a profile, each with its key, errors first. Raises `BadInput` where there is none to read."""
    env = os.environ if env is None else env
    faults: Faults = []
    name, document = profile_document(source, env)
    unset: set[str] = set()
    taken = Taken()
    with taken.nothing_quoted():
        node = _filled(document, lambda node, where: taken.fill(node, env, where), "", faults, unset)
        profile = attrs.evolve(Reader(name, faults=faults).read(Profile, node, ""), taken=taken)
        faults += [one for one in _wired(profile) if one[0] not in unset]
    told = [(key, error) for key, error in faults if key not in unset or error.code is ReasonCode.ENV_UNSET]
    return sorted((_fault(name, taken, *one) for one in told), key=lambda one: one.severity)


def _fault(name: str, taken: Taken, key: str, error: BadInput) -> ProfileFault:
    severity: Literal["error", "warning"] = "warning" if error.code in _HERE_ALONE else "error"
    what = taken.unquoted(error.what).removeprefix(f"{name}: ")
    return ProfileFault(severity, error.code.value, key, what, taken.unquoted(error.remedy))


def _filled(node: Any, fill: Callable[[Any, str], Any], where: str, faults: Faults, unset: set[str]) -> Any:
    """The document as `fill` makes it, without what cannot be filled in; that is noted."""
    if isinstance(node, Mapping):
        made = {
            key: _filled(value, fill, f"{where}.{key}" if where else str(key), faults, unset)
            for key, value in node.items()
        }
        return {key: value for key, value in made.items() if value is not _GONE}
    if isinstance(node, list):
        items = [_filled(value, fill, f"{where}[{at}]", faults, unset) for at, value in enumerate(node)]
        return [one for one in items if one is not _GONE]
    try:
        return fill(node, where)
    except BadInput as error:
        faults.append((where, error))
        unset.add(where)
        return _GONE


def _wired(profile: Profile) -> Iterator[tuple[str, BadInput]]:
    """What does not fit the plugins that are installed here."""
    host = host_of(profile)
    isolating = isolation(Wires(profile, host))
    try:
        yield from _fitting(profile, host)
    finally:
        isolating.close()


def _fitting(profile: Profile, host: PluginHost) -> Iterator[tuple[str, BadInput]]:
    for port, section in _sections(profile):
        yield from _adapter(host, port, section)
    if profile.auth.authenticator is not None:
        yield from _adapter(host, "authenticator", profile.auth.authenticator, "auth.mode")
    for named in profile.observability.sinks:
        yield from _adapter(host, "sink", Section(named.sink, named.settings), "observability.sinks")
    if not profile.plugins.load:
        return
    for one in host.amiss():
        error = host.unusable(one)
        if error is not None:
            yield "plugins.load", error
    if next(_adapter(host, "object_store", profile.object_store), None) is None:
        try:
            Wires(profile, host).store()
        except BadInput as error:
            yield "plugins.load" if error.code is ReasonCode.PLUGIN_NOT_ALLOWED else "object_store", error


def _sections(profile: Profile) -> Iterator[tuple[str, Section]]:
    named = {
        "object_store": profile.object_store,
        "authority": profile.authority,
        "control_bus": profile.control_bus,
        "invoker": profile.invoker,
        "attest": profile.attest,
    }
    yield from ((port, section) for port, section in named.items() if section is not None)


def _adapter(host: PluginHost, port: str, section: Section, key: str | None = None) -> Iterator[tuple[str, BadInput]]:
    """Whether there is such an adapter, and what of its settings does not fit."""
    found: Faults = []
    try:
        host.require([(port, section.adapter)])
    except BadInput as error:
        yield key or f"{port}.adapter", error
        if error.code not in _HERE_ALONE:
            return
    try:
        read_settings(port, host.offered[port, section.adapter][0], section.settings, found)
    except BadInput as error:
        found = found or [(SECTIONS.get(port, port), error)]
    yield from found
