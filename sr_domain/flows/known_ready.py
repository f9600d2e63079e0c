"""Who knows of a READY that a run's record does not have: the index, the control bus, a signature.

Where anybody does, what stands beside the record may be what consumers were told to read: it is not set aside.
"""

from __future__ import annotations

from sr_domain.artifacts.attestation import payload_of
from sr_domain.encoding.bounds import stored_json
from sr_domain.encoding.canonical import sha256_hex
from sr_domain.encoding.ids import ready_message_id
from sr_domain.record.states import Fact, RunState
from sr_domain.run.derived_artifact import signed_by
from sr_domain.run.held_run import HeldRun
from sr_ports import Envelope, Fault

_PUBLISHED = frozenset({Fact.READY.value, f"{Fact.READY.value}_REEMIT"})


def ready_elsewhere(run: HeldRun, key: str, standing: bytes) -> str | None:
    """Who knows of a READY that the record does not have, in a sentence; None for nobody. Raises `Unreachable`.

    `standing`: the bytes at `key`.
    """
    return _index(run) or _bus(run) or _signature(run, key, standing)


def _index(run: HeldRun) -> str | None:
    """The index is read in pages by ascending id: this run's row is the first after the id before."""
    before = f"{max(int(run.run_id, 16) - 1, 0):032x}"
    rows = [
        row
        for row in run.ports.authority.runs(after=before, limit=1, store_id=run.lease.store_id)
        if row.run_id == run.run_id
    ]
    if rows and rows[0].state == RunState.READY and run.history.committed is None:
        return "the index has known the run as READY, and its record does not say so"
    return None


def _bus(run: HeldRun) -> str | None:
    decided = run.history.decision
    own = None
    if decided is not None:
        own = ready_message_id(run.layout.platform_run_id, run.run_id, decided.details.bundle_hash)
    for envelope in run.ports.bus.tail(run.settings.topic):
        if _is_ready(run, envelope) and envelope.message_id != own:
            return f"the control bus has its READY {envelope.message_id}, and its record has not"
    return None


def _is_ready(run: HeldRun, envelope: Envelope) -> bool:
    """Whether a fact says READY of this run in this store. The first release's name no store."""
    said, own = envelope.attributes, run.known_store.identity().store_id
    return (
        said.get("kind") in _PUBLISHED
        and (said.get("run_id"), said.get("platform_run_id")) == (run.run_id, run.layout.platform_run_id)
        and said.get("store_id", own) == own
    )


def _signature(run: HeldRun, key: str, standing: bytes) -> str | None:
    """What an attestation says that states something else than the record. One over another run says nothing of this
    one, however sound. One nobody here can check counts only against the very facts view that it names, until it was
    itself set aside."""
    where, signer = run.layout.attestation(run.run_id), run.ports.signer
    blob = None if key == where else run.ports.store.read(where)
    envelope = standing if key == where else None if blob is None else blob.data
    if envelope is None:
        return None
    try:
        payload = payload_of(envelope)
    except Fault:
        return None  # no envelope at all: nobody signed anything
    if payload == run.derives.statement():
        return None
    subjects = _subjects(payload)
    sound = None if signer is None else signed_by(signer, envelope, payload)
    if sound and run.layout.facts(run.run_id) in subjects:
        return f"{where} has a sound signature over something else than its record decided"
    named = key == run.layout.facts(run.run_id) and sha256_hex(standing) in subjects.values()
    if not named or sound is not None:
        return None
    return f"{where} states these very bytes, and its signature cannot be checked here"


def _subjects(payload: bytes) -> dict[str, str]:
    """The digests that a statement has of its subjects, by name."""
    try:
        return {str(one["name"]): str(one["digest"]["sha256"]) for one in stored_json(payload)["subject"]}
    except (ValueError, KeyError, TypeError):
        return {}
