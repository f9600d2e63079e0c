"""The doctor: proves the wired servers by doing, under a throw-away prefix.

Nothing is believed: create-once, stale ETags and a race are tried for real, because there
are stores that accept conditional writes and ignore them (spec: surface, ``sr doctor``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

import attrs

from sr_domain.artifacts.attestation import PAYLOAD_TYPE, fault_in, normal
from sr_domain.run.ports import Ports
from sr_domain.runner import ScenarioRunner
from sr_plugins.uses.doctor_bus import bus_tried
from sr_plugins.uses.doctor_config import UNREACHED, configured, copied, fits, proving
from sr_plugins.uses.doctor_laws import others_laws, plugins_amiss
from sr_plugins.uses.doctor_truth import belonging
from sr_ports import REASONS, Kind, LeaseLost, Migratable, NotFound, Provable, ReasonCode, SrError, one_line
from sr_ports.errors import described

RACERS = 16
SKEW_S = 5.0
CALLERS, CALLS = 4, 96
"""More calls a connection than any driver or pooler takes before it begins to reuse statements."""
_HOME = "_doctor"
"""What is tried lies here, in no platform run."""
SAMPLE = "Zoë-東京-😀"


@attrs.frozen
class Check:
    """One thing tried. `ok`: None where there was nothing to try yet, or this role may not do it."""

    port: str
    name: str
    ok: bool | None
    detail: str
    code: str | None = None
    remedy: str = ""


def examine(runner: ScenarioRunner, *, migrate: bool = False) -> list[Check]:
    """Try everything that is wired. Raises nothing: what fails is a check that failed."""
    ports = runner.ports
    token = ports.ids.new_id()
    servers = [
        *_in_turn("object_store", _store(ports, f"fraud-platform/{_HOME}/{token}")),
        *_in_turn("authority", _authority(ports, f"doctor:{token}", migrate=migrate)),
    ]
    away = next((f"{one.port} {one.name}" for one in servers if one.ok is False and is_away(one.code)), None)
    return [
        *servers,
        *_in_turn("truth", belonging(runner), away),
        *_bus(ports, runner.settings.topic, token),
        *(_try("engine", name, work) for name, work in configured(runner)),
        *_within_reach(runner),
        *_root(runner),
        *_signer(ports),
        *(_try("auth", name, work) for name, work in proving(ports)),
        *(_try("law", kind, work) for kind, work in others_laws(runner)),
        *(Check("plugin", *one) for one in plugins_amiss(runner)),
    ]


_Tries = Iterator[tuple[str, Callable[[], str]]]
_PLACE, _CLEAN = "place", "clean up"
_DENIED = (ReasonCode.STORE_DENIED,)
_STOPS = (ReasonCode.STORE_UNSAFE,)
"""What says enough of a server: anything more would be one more sign of the same."""
_ANSWERED = (ReasonCode.STORE_UNSAFE, ReasonCode.CLOCK_SKEW)
"""Codes of servers that were reached."""


def is_away(code: str | None) -> bool:
    """Whether a check that failed so could not reach its server."""
    if code is None:
        return False
    reason = ReasonCode(code)
    return REASONS[reason].kind is Kind.UNREACHABLE and reason not in _ANSWERED


def _in_turn(port: str, tries: _Tries, stopped: str | None = None) -> Iterator[Check]:
    """Each thing tried; after one that nothing else could hold without, the rest is not: one cause, one line.

    `stopped`: what could not be done before. What is denied to a role that may do other things here is left out; what
    can be tried is tried.
    """
    reached = cleans = False
    for name, work in tries:
        if stopped is not None and not (name == _CLEAN and cleans):
            yield Check(port, name, None, f"not tried: {stopped} could not be done")
            continue
        check = _try(port, name, work)
        if check.code in _DENIED and reached:
            check = attrs.evolve(check, ok=None, detail=f"this role may not do it: {check.detail}")
            stopped, cleans = stopped or name, True
        elif check.ok is False and (name == _PLACE or check.code in _STOPS or is_away(check.code)):
            stopped, cleans = stopped or name, check.code in _STOPS
        reached = reached or check.ok is True
        yield check


def _try(port: str, name: str, work: Callable[[], str]) -> Check:
    try:
        return Check(port, name, True, work())
    except NotFound as error:
        return Check(port, name, None, f"nothing to try yet: {error.what}", error.code.value, error.remedy)
    except SrError as error:
        return Check(port, name, False, error.what, error.code.value, error.remedy)
    except _Broken as broken:
        return Check(port, name, False, str(broken), broken.code.value, REASONS[broken.code].remedy)
    except Exception as error:  # noqa: BLE001 - a doctor that falls ill has found something too
        code = ReasonCode.INTERNAL
        return Check(port, name, False, one_line(described(error)), code.value, REASONS[code].remedy)


class _Broken(Exception):
    """A law that does not hold."""

    def __init__(self, what: str, code: ReasonCode = ReasonCode.STORE_UNSAFE) -> None:
        super().__init__(what)
        self.code = code


def _store(ports: Ports, prefix: str) -> _Tries:
    store, keys = ports.store, [f"{prefix}/{name}" for name in ("once", "swap", "race", "none")]
    if isinstance(store, Provable):
        yield _PLACE, lambda: _prove(store)
    yield "reach", lambda: _reach(ports, keys[0])
    yield "create-once", lambda: _create_once(ports, keys[0])
    yield "stale ETag", lambda: _stale(ports, keys[1], keys[3])
    yield f"race of {RACERS}", lambda: _race(ports, keys[2])
    yield "list after write", lambda: _listed(ports, prefix, keys[:3])

    def clean() -> str:
        for key in keys:
            store.delete(key)
        if next(iter(store.list(prefix + "/")), None) is not None:
            raise _Broken("something is left under the throw-away prefix", ReasonCode.STORE_UNREACHABLE)
        return "the throw-away prefix is empty again"

    yield _CLEAN, clean


def _prove(store: Provable) -> str:
    store.prove()
    return "has what the laws need"


def _reach(ports: Ports, key: str) -> str:
    ports.store.read(key)
    return ports.store.describe()


def _create_once(ports: Ports, key: str) -> str:
    if ports.store.create(key, b"first") is None:
        raise _Broken("a new key was refused")
    if ports.store.create(key, b"second") is not None:
        raise _Broken("a key that is there was created again: If-None-Match is ignored")
    blob = ports.store.read(key)
    if blob is None or blob.data != b"first":
        raise _Broken("a refused create changed the object")
    return "the second create is refused, the first bytes stand"


def _stale(ports: Ports, key: str, absent: str) -> str:
    first = ports.store.create(key, b"1")
    second = None if first is None else ports.store.replace(key, b"2", etag=first.etag)
    if first is None or second is None:
        raise _Broken("a swap with the fresh ETag was refused")
    if ports.store.replace(key, b"3", etag=first.etag) is not None:
        raise _Broken("a swap with a stale ETag was accepted: If-Match is ignored")
    if ports.store.replace(absent, b"4", etag=first.etag) is not None:
        raise _Broken("a swap of a missing key was accepted: If-Match is ignored")
    return "fresh swaps, stale and missing are refused"


def _race(ports: Ports, key: str) -> str:
    """All at once on one key: one may win."""
    start, won, broken = threading.Barrier(RACERS), [], []

    def racer(number: int) -> None:
        start.wait(30)
        try:
            if ports.store.create(key, str(number).encode()) is not None:
                won.append(number)
        except SrError as error:
            broken.append(error)

    _at_once(racer, RACERS)
    if broken:
        raise broken[0]
    blob = ports.store.read(key)
    if len(won) != 1 or blob is None or blob.data != str(won[0]).encode():
        raise _Broken(f"{len(won)} of {RACERS} writers of one key were told that they won")
    return f"one of {RACERS} writers won, and its bytes stand"


def _listed(ports: Ports, prefix: str, keys: list[str]) -> str:
    found = [stored.key for stored in ports.store.list(prefix + "/")]
    if found != sorted(keys):
        raise _Broken(f"listed {len(found)} keys of {len(keys)} just written", ReasonCode.STORE_UNREACHABLE)
    return f"{len(found)} keys, in order"


def _authority(ports: Ports, resource: str, *, migrate: bool) -> _Tries:
    if migrate and isinstance(ports.authority, Migratable):
        yield "migrate", partial(_migrate, ports.authority)
    yield "lease and fence", lambda: _fences(ports, resource)
    yield "text", lambda: _text(ports, resource)
    yield f"{CALLS} calls, {CALLERS} at once", lambda: _many(ports, resource)
    yield "clock skew", lambda: _skew(ports)


def _migrate(authority: Migratable) -> str:
    authority.migrate()
    return "the schema is up to date"


def _fences(ports: Ports, resource: str) -> str:
    code = ReasonCode.AUTHORITY_UNREACHABLE
    first = ports.authority.acquire(resource, "one", ttl_s=30)
    if first is None or ports.authority.acquire(resource, "two", ttl_s=30) is not None:
        raise _Broken("a lease was not exclusive", code)
    ports.authority.release(first)
    second = ports.authority.acquire(resource, "two", ttl_s=30)
    if second is None or second.fence <= first.fence:
        raise _Broken("a fence did not rise", code)
    try:
        ports.authority.renew(first, ttl_s=30)
    except LeaseLost:
        ports.authority.release(second)
        return f"{ports.authority.describe()}: exclusive, fences rise, a stale lease is refused"
    raise _Broken("a lease that was given up was renewed", code)


def _text(ports: Ports, resource: str) -> str:
    """What a name may hold comes back as it was given: an encoding of its own would lose or change it."""
    name, code = f"{resource}:{SAMPLE}", ReasonCode.AUTHORITY_ENCODING
    lease = ports.authority.acquire(name, SAMPLE, ttl_s=30)
    if lease is None:
        raise _Broken("a lease that nobody holds was refused", ReasonCode.AUTHORITY_UNREACHABLE)
    held = ports.authority.holder(name)
    ports.authority.release(lease)
    if held is None or held.owner != SAMPLE:
        raise _Broken("a name came back otherwise than it was given", code)
    return "names in any script come back as they were given"


def _many(ports: Ports, resource: str) -> str:
    """Many calls on few connections, each with its own answer: a pooler that mixes clients up shows here."""
    wrong: list[str] = []
    broken: list[SrError] = []

    def caller(number: int) -> None:
        mine, fence = f"{resource}:{number}", 0
        try:
            for turn in range(CALLS // CALLERS // 3):
                owner = f"{number}:{turn}"
                lease = ports.authority.acquire(mine, owner, ttl_s=30, above=fence)
                held = ports.authority.holder(mine)
                if lease is None or held is None or (held.owner, held.fence) != (owner, lease.fence):
                    wrong.append(owner)
                    return
                fence = lease.fence
                ports.authority.release(lease)
        except SrError as error:
            broken.append(error)

    _at_once(caller, CALLERS)
    if broken:
        raise broken[0]
    if wrong:
        raise _Broken(
            f"{len(wrong)} of {CALLERS} callers were given another caller's answer", ReasonCode.AUTHORITY_UNREACHABLE
        )
    return "each caller was given its own answers"


def _at_once(work: Callable[[int], None], count: int) -> None:
    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def _skew(ports: Ports) -> str:
    before = datetime.now(UTC)
    theirs = ports.authority.now()
    after = datetime.now(UTC)
    skew = max((theirs - after).total_seconds(), (before - theirs).total_seconds(), 0.0)
    if skew > SKEW_S:
        raise _Broken(f"this machine's clock is {skew:.1f} s from the authority's", ReasonCode.CLOCK_SKEW)
    return f"{skew:.2f} s"


def _bus(ports: Ports, topic: str, token: str) -> Iterator[Check]:
    port = "control_bus"
    for one in bus_tried(ports, topic, token):
        if one.error is not None:
            yield Check(port, one.name, False, one.error.what, one.error.code.value, one.error.remedy)
        else:
            yield Check(port, one.name, None if one.skipped else True, one.detail)


def _within_reach(runner: ScenarioRunner) -> Iterator[Check]:
    """Whether consumers elsewhere can read what the wired engine leaves, where there is such a question."""
    target, name = runner.settings.publish_root, "reach of its root"
    if runner.ports.invoker is None:
        return
    if target is not None:
        yield _try("engine", name, lambda: copied(runner, target))
    elif runner.ports.store.shared:
        yield Check("engine", name, None, UNREACHED)


def _root(runner: ScenarioRunner) -> Iterator[Check]:
    uri = runner.settings.oracle_engine_run_root
    if uri is None:
        return

    def there() -> str:
        with runner.ports.roots.open(uri) as root:
            if not root.exists():
                raise _Broken(f"{uri} is not there", ReasonCode.ENGINE_ROOT_UNREACHABLE)
            return f"{uri}{fits(runner, root)}"

    yield _try("engine", "oracle root", there)


def _signer(ports: Ports) -> Iterator[Check]:
    signer = ports.signer
    if signer is None:
        return

    def signs() -> str:
        wrong = fault_in(normal(signer.sign(PAYLOAD_TYPE, b"{}")), b"{}")
        if wrong is not None:
            raise _Broken(wrong, ReasonCode.ATTESTATION_INVALID)
        return f"READY is signed by key {signer.keyid}"

    yield _try("attest", "sign", signs)
