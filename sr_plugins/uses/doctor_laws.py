"""The pack's laws that are not Scenario Runner's own, as the doctor tries them: each is found, its worker starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from sr_domain.evidence.provided_law import LawStopped, ProvidedLaw, RunsIn
from sr_domain.plan.absent_law import absence, law_remedy
from sr_domain.runner import ScenarioRunner
from sr_plugins.host.host_laws import HostLaws
from sr_plugins.isolation.law import IsolatedLaw
from sr_ports import BadInput, ReasonCode, SrError, Unreachable


def others_laws(runner: ScenarioRunner) -> Iterator[tuple[str, Callable[[], str]]]:
    """Each law to try: its kind, and what gives a sentence or raises `SrError`."""
    try:
        gates = runner.pack.gates.values()
    except SrError:  # told apart
        return
    for kind in sorted({gate.method.kind for gate in gates}):
        provided = runner.ports.laws.get(kind)
        if provided is None or provided.runs_in is not RunsIn.OWN:
            yield kind, partial(_law, runner.ports.laws, kind, provided)


def plugins_amiss(runner: ScenarioRunner) -> Iterator[tuple[str, bool | None, str, str, str]]:
    """Every plugin that cannot be used, or not whole: its distribution, ok, why, code and remedy.

    ok: False where that stops this profile, else None.
    """
    laws = runner.ports.laws
    for one, error in laws.amiss() if isinstance(laws, HostLaws) else ():
        told = error or BadInput(ReasonCode.PLUGIN_BROKEN, f"{one.source} {one.why}")
        yield one.source.distribution, None if error is None else False, told.what, told.code.value, told.remedy


def _law(laws: object, kind: str, provided: ProvidedLaw | None) -> str:
    if provided is None:
        what = f"no plugin provides {absence(laws, kind)}"
        raise BadInput(ReasonCode.UNKNOWN_HASHING_LAW, what, law_remedy(laws, kind))
    if not isinstance(provided.law, IsolatedLaw):
        return f"{provided.distribution} {provided.version}, in this process"
    try:
        provided.law.try_worker()
    except LawStopped as stopped:
        raise Unreachable(ReasonCode.LAW_FAILED, f"{provided.by}: {stopped.why}") from stopped
    return f"{provided.distribution} {provided.version}, in a process of its own"
