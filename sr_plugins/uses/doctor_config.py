"""What a profile names besides servers: pack, policy and engine command, as the doctor tries them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator

from sr_domain.run.ports import Ports
from sr_domain.runner import ScenarioRunner
from sr_ports import BadInput, EngineInvoker, EngineRoot, Examined, Readiness, ReasonCode

Tries = Iterator[tuple[str, Callable[[], str]]]


def configured(runner: ScenarioRunner) -> Tries:
    """Each thing to try: its name, and what gives a sentence or raises `BadInput`."""
    yield "pack", lambda: _pack(runner)
    yield "policy", lambda: _policy(runner)
    invoker = runner.ports.invoker
    if invoker is not None:
        yield "engine command", lambda: _command(invoker)


def proving(ports: Ports) -> Tries:
    """What proves who asks: its keys are read now."""
    made = ports.authenticator
    if made is not None:
        yield "keys", lambda: made.examine() if isinstance(made, Examined) else "whether its keys are there is not told"


UNREACHED = (
    "truth is shared, and an engine that leaves its root in a folder of this machine leaves it where "
    "no consumer elsewhere can read it: set engine.publish_root, or let the engine write to S3"
)


def copied(runner: ScenarioRunner, target: str) -> str:
    """Look at where copies of engine roots go: what cannot be listed there is no evidence either."""
    with runner.ports.roots.open(target) as root:
        there = "" if root.exists() else ", where nothing is yet"
    return f"the root of an attempt that succeeded is copied below {target}{there}; it can be read from here"


def _pack(runner: ScenarioRunner) -> str:
    pack = runner.pack
    required = {one for output in pack.outputs.values() for one in output.read_requires_gates}
    required |= {one for gate in pack.gates.values() for one in gate.upstream_gate_dependencies}
    idle = [one.gate_id for one in pack.gates.values() if not one.authorizes_outputs and one.gate_id not in required]
    told = f"{len(pack.gates)} gates, {len(pack.outputs)} outputs"
    return f"{told}; nothing rests on {', '.join(idle)}" if idle else told


def _policy(runner: ScenarioRunner) -> str:
    """The outputs that a request without any means, all in the pack."""
    policy = runner.policy
    try:
        lacking = [one for one in policy.traffic_output_ids if one not in runner.pack.outputs]
    except BadInput:
        return f"{policy.rev.policy_id} {policy.rev.revision}; whether the pack has its outputs cannot be told"
    told = f"{policy.rev.policy_id} {policy.rev.revision}"
    if lacking:  # a request may name its outputs: the policy's are then not asked for
        return f"{told}; the pack lacks its traffic output {lacking[0]}: name output_ids in each request"
    return told


def _command(invoker: EngineInvoker) -> str:
    why = invoker.unready() if isinstance(invoker, Readiness) else None
    if why is not None:
        raise BadInput(ReasonCode.ENGINE_COMMAND_MISSING, why)
    return invoker.describe()


def fits(runner: ScenarioRunner, root: EngineRoot) -> str:
    """How the pack fits an engine root, to add to a sentence. Raises `BadInput(PACK_INVALID)` where it does not."""
    from sr_plugins.uses.pack_root import check_against

    try:
        pack = runner.pack
    except BadInput:  # told apart
        return ""
    findings = check_against(root, pack, runner.ports.laws)
    wrong = [one for one in findings if one.severity == "error"]
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise BadInput(
            ReasonCode.PACK_INVALID, f"{wrong[0].where}: {wrong[0].what}{more}", "mend the root, or the pack"
        )
    return f"; {len(findings)} notes: sr pack check --root {shlex.quote(root.uri)}" if findings else ""
