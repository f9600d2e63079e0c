"""A program that embeds the core: ports in memory, a law and a sink of its own, every answer typed."""

import hashlib

import attrs

from sr_adapters.memory import MemoryEngineRoot, MemoryEngineRoots, MemoryPorts, NullSink
from sr_domain import (
    Audit,
    Event,
    Explanation,
    GateSpec,
    InterfacePack,
    MemberDigests,
    Outcome,
    OutputSpec,
    PlanReport,
    Policy,
    PolicyRev,
    Ports,
    ProvidedLaw,
    Reemit,
    ReusePolicy,
    RunState,
    ScenarioRunner,
    Timeline,
    UngatedOutputs,
    Verification,
)
from sr_plugins import builtin_laws
from sr_ports import ObsEvent, VerificationMethod
from tests.typing.third_party.law import NamesAndBytes


@attrs.define
class Counter:
    """A sink that counts."""

    seen: int = 0

    def emit(self, event: ObsEvent) -> None:
        del event
        self.seen += 1

    def close(self) -> None:
        """Nothing is held."""


REPORT = b"all is well"
NAMED = f"{hashlib.sha256(REPORT).hexdigest()} report.txt\n".encode()
FILES = {
    "data/orders.csv": b"1,2\n",
    "gate/report.txt": REPORT,
    "gate/passed.flag": f"sha256_hex = {hashlib.sha256(NAMED).hexdigest()}\n".encode(),
}
REQUEST = {
    "run_equivalence_key": "orders-1",
    "manifest_fingerprint": "a" * 64,
    "parameter_hash": "b" * 64,
    "seed": 7,
    "scenario": {"scenario_id": "baseline"},
    "window": {
        "window_start_utc": "2026-01-01T00:00:00Z",
        "window_end_utc": "2026-01-02T00:00:00Z",
        "window_tz": "UTC",
    },
    "engine_run_root": "memory:world",
    "output_ids": ["orders"],
}


def pack() -> InterfacePack:
    """One output behind one gate, judged by a law of this program."""
    gate = GateSpec(
        "sound",
        passed_flag_path_template="gate/passed.flag",
        bundle_root_template="gate/",
        method=VerificationMethod("names_and_bytes", exclude_filenames=("passed.flag",)),
        authorizes_outputs=("orders",),
    )
    return InterfacePack({"orders": OutputSpec("orders", "data/orders.csv")}, {"sound": gate}, digest="0" * 64)


def policy() -> Policy:
    """A policy that says everything it can."""
    return Policy(
        PolicyRev("mine", revision="1", content_digest="0" * 64),
        reuse_policy=ReusePolicy.ALLOW,
        ungated_outputs=UngatedOutputs.REFUSE,
        member_digests=MemberDigests.IGNORE,
    )


def ports(sink: Counter | NullSink) -> Ports:
    """The world in memory, with this program's law beside SR's own."""
    laws = {**builtin_laws(), "names_and_bytes": ProvidedLaw(NamesAndBytes(), "mine", "1.0")}
    roots = MemoryEngineRoots({"memory:world": MemoryEngineRoot(FILES, "memory:world")})
    return MemoryPorts(laws=laws, roots=roots, telemetry=sink)


def main() -> RunState | None:
    """Take one run to its end; the state it is in, None where anything is wrong with it."""
    with ScenarioRunner(ports=ports(Counter()), policy=policy(), pack=pack) as runner:
        plan: PlanReport = runner.plan(REQUEST)
        outcome: Outcome = runner.submit(REQUEST)
        why: Explanation = runner.explain(outcome.run_id)
        events: tuple[Event, ...] = runner.record(outcome.run_id)
        story: Timeline = runner.timeline(outcome.run_id)
        audit: Audit = runner.audit(outcome.run_id)
        proof: Verification = runner.verify(outcome.run_id)
        again: Reemit | Outcome = runner.reemit(outcome.run_id, "READY_ONLY")
        published = again.published if isinstance(again, Reemit) else ()
        sound = proof.ok and not audit.findings and not plan.problems and story.events == events
        return outcome.state if sound and published and why.state == "READY" else None
