"""The names of a run: its id, six characters or more of it, ``key:KEY``, a ref of it. Writes nothing, mints nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from sr_domain.encoding.ids import run_id_for
from sr_domain.record.layout import Layout, run_of
from sr_domain.run.bound import index_store, own
from sr_domain.run.platform_runs import authorities, ids_below, platform_runs
from sr_domain.run.ports import Ports
from sr_domain.run.store_identity import KnownStore
from sr_ports import AuthorityStore, BadInput, IndexedRun, NotFound, ReasonCode, Unreachable

_RUN_ID = re.compile(r"[0-9a-f]{32}")
KEY = "key:"
"""Before a run equivalence key where a run may be named."""
LEAST = 6
_LENGTH = 32
_PREFIX = re.compile(rf"[0-9a-f]{{{LEAST},{_LENGTH - 1}}}")
_TOLD = 5


def is_name(text: str) -> bool:
    """Whether it has the form of a run's name: an id, a prefix of one, or ``key:KEY``."""
    whole = len(text) == _LENGTH and not set(text) - set("0123456789abcdef")
    return whole or bool(_PREFIX.fullmatch(text)) or (text.startswith(KEY) and text != KEY)


def no_run(name: str) -> NotFound:
    """That neither authority nor store knows the run. `name`: as it was asked for."""
    if not name.startswith(KEY):
        return NotFound(ReasonCode.RUN_NOT_FOUND, f"there is no run {name[:64]!r}")
    what = f"there is no run with the key {name.removeprefix(KEY)[:128]!r}"
    return NotFound(ReasonCode.RUN_NOT_FOUND, what, "check the key and the profile; sr list shows the keys")


def no_view(name: str) -> NotFound:
    """That a consumer finds no facts view. `name`: the run, ref, path or URI that was asked for."""
    remedy = "check the path or id; sr status tells"
    return NotFound(ReasonCode.FACTS_VIEW_MISSING, f"the facts view {name} is not there", remedy)


def id_of(ports: Ports, run: str) -> str:
    """The id of a run that is named by it, by six characters or more of it, by ``key:KEY`` or by a ref of it.

    A prefix is looked for in the index, and only where the index has none in the records; nothing else is looked for.
    Raises `BadInput(USAGE)` for what is no name and for a prefix of several, `NotFound(RUN_NOT_FOUND)`.
    """
    found = id_in(run)
    return _id_below(ports, run) if found is None else found


def id_in(run: str) -> str | None:
    """The id that a run's name has in it; None for a prefix, which has to be looked for. Raises `BadInput(USAGE)`."""
    named = run_of(run)
    if named is not None:
        return named[1]
    if not is_name(run):
        remedy = f"give its 32 lower-case hex characters, the first {LEAST} or more of them, or key:KEY"
        raise BadInput(ReasonCode.USAGE, f"{run[:64]!r} is not a run id", remedy)
    if run.startswith(KEY):
        return run_id_for(run.removeprefix(KEY))
    return run if _RUN_ID.fullmatch(run) else None


def _id_below(ports: Ports, name: str) -> str:
    """The id of the run that is named by a prefix of its id."""
    found = _indexed(ports, name) or dict.fromkeys(islice(_recorded(ports, name), _TOLD + 1), "")
    if not found:
        raise no_run(name)
    if len(found) > 1:
        raise _ambiguous(name, found)
    return next(iter(found))


def _ambiguous(name: str, found: dict[str, str]) -> BadInput:
    shown = [f"{run_id[: _shown(found)]}{f' ({key})' if key else ''}" for run_id, key in sorted(found.items())]
    more = ", and more" if len(shown) > _TOLD else ""
    what = f"{name} is ambiguous: {', '.join(shown[:_TOLD])}{more}"
    return BadInput(ReasonCode.USAGE, what, "give more characters of the id, or key:KEY")


def _shown(run_ids: dict[str, str]) -> int:
    """So many characters tell the ids apart; eight at least."""
    return next(n for n in range(8, _LENGTH + 1) if n == _LENGTH or len({one[:n] for one in run_ids}) == len(run_ids))


def _indexed(ports: Ports, prefix: str) -> dict[str, str]:
    """The runs that the index has below the prefix, a few of them, each with its key. Nothing while it is away."""
    found: dict[str, str] = {}
    try:
        for _, authority in authorities(ports):
            store_id = index_store(authority, KnownStore(ports))
            rows = authority.runs(limit=_TOLD + 1, after=before_id(prefix), store_id=store_id)
            found |= {one.run_id: key_of(authority, one) for one in rows if one.run_id.startswith(prefix)}
    except (NotFound, Unreachable):
        return {}
    return found


def key_of(authority: AuthorityStore, row: IndexedRun) -> str:
    """The key of a row of the index; empty where nothing is bound any more."""
    binding = own(authority.find(row.run_id), row.store_id)
    return "" if binding is None else binding.run_equivalence_key


def before_id(prefix: str) -> str | None:
    """The id right before all that begin so; None where there is none."""
    first = int(prefix.ljust(_LENGTH, "0"), 16)
    return f"{first - 1:0{_LENGTH}x}" if first else None


def _recorded(ports: Ports, prefix: str) -> Iterator[str]:
    """The runs whose records' names begin so: of the current platform run, else of every one."""
    current = ports.platform.current()
    own = [] if current is None else list(_records(ports, current, prefix))
    if own:
        yield from own
        return
    seen: set[str] = set()
    for platform_run_id in platform_runs(ports.store):
        for run_id in _records(ports, platform_run_id, prefix):
            if run_id not in seen:
                seen.add(run_id)
                yield run_id


def _records(ports: Ports, platform_run_id: str, prefix: str) -> Iterator[str]:
    """The runs of a platform run whose records' names begin so."""
    folder = f"{Layout(platform_run_id).base}/run_record/"
    yield from (f"{prefix}{rest}" for rest in ids_below(ports.store, f"{folder}{prefix}", ".jsonl"))
