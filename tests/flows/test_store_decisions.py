"""What is decided of a store is on record: by whom, what and why; and an audit finds whatever became of that since."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from sr_adapters.memory.authority import MemoryAuthority
from sr_domain import Settings
from sr_domain.encoding.canonical import sha256_hex
from sr_domain.encoding.ids import run_id_for
from sr_domain.record.layout import store_identity_key, store_record_key
from sr_domain.record.ledger import Ledger, read_ledger
from sr_domain.record.states import RunState
from sr_ports import BadInput, ReasonCode, SrError
from sr_ports.conformance.crash import CrashPlan, Died, crash, every_crash
from sr_ports.conformance.together import together
from tests.kit import TTL_S, Lab, request
from tests.worlds import small_world

RUN = run_id_for("key")
KEY = store_identity_key()


@pytest.fixture
def ready(any_lab: Lab) -> Lab:
    assert any_lab.reuse(small_world()).state is RunState.READY
    return any_lab


def identity(lab: Lab) -> str:
    return str(json.loads(lab.store.read(KEY).data)["store_id"])


def record(lab: Lab, store_id: str) -> Ledger:
    blob = lab.store.read(store_record_key(store_id))
    return Ledger(store_id) if blob is None else read_ledger(store_id, blob.data)


def notes(lab: Lab) -> dict[str, bytes]:
    return {key: data for key, data in lab.truth().items() if "/_store_notes/" in key}


def faults(lab: Lab) -> list[ReasonCode]:
    whole = lab.runner().audit_all()
    found = [one.code for _, done in whole.audits() for one in done.findings]  # type: ignore[union-attr]
    return [one.code for one in whole.store] + found


def test_a_decision_is_a_governance_fact_on_the_record_of_the_former_identity(ready: Lab) -> None:
    former = identity(ready)
    decided = ready.runner().recover_store("new", reason="the bucket is lost", actor="ops")
    (fact,) = record(ready, former).events
    assert (fact.event_kind, fact.actor) == ("GOV_LOSS_ACCEPTED", "ops")
    ((key, note),) = notes(ready).items()
    assert fact.details == {
        "actor_proof": "claimed",
        "reason": "the bucket is lost",
        "artifact_ref": KEY,
        "set_aside_ref": key,
        "set_aside_digest": sha256_hex(note),
        "digest": sha256_hex(ready.store.read(KEY).data),
    }
    said = json.loads(note)
    assert (said["store_id"], said["successor_store_id"]) == (former, decided.store_id) == (former, identity(ready))
    (told,) = [one for one in ready.listener.events if one.event_kind == "GOV_LOSS_ACCEPTED"]
    assert told.governance
    assert told.details["reason"] == "the bucket is lost"
    assert faults(ready) == []


def test_a_store_that_stays_itself_has_each_decision_on_one_record(ready: Lab) -> None:
    for reason in ("the first move", "the second"):
        ready.clock.sleep(1)
        ready.runner().recover_store("moved", reason=reason)
    told = record(ready, identity(ready)).events
    assert [one.details["reason"] for one in told] == ["the first move", "the second"]
    assert all("digest" not in one.details for one in told), "nothing took the identity's place"
    assert len(notes(ready)) == 2
    assert faults(ready) == []


def test_who_may_not_is_told_of_and_writes_nothing(ready: Lab) -> None:
    settings = Settings(lease_ttl_s=TTL_S, submitters=frozenset({"ops"}), recoverers=frozenset({"ops"}))
    before = ready.truth()
    with pytest.raises(BadInput) as caught:
        ready.runner(settings=settings).recover_store("new", reason="why not", actor="mallory")
    assert (caught.value.code, ready.truth()) == (ReasonCode.AUTH_DENIED, before)
    assert [one.details["reason_code"] for one in ready.listener.events if one.event_kind == "AUTH_DENIED"] == [
        "AUTH_DENIED"
    ]


def put(lab: Lab, key: str, data: bytes | None) -> None:
    lab.store.delete(key)
    if data is not None:
        lab.store.create(key, data)


def lost_line(data: bytes) -> bytes:
    return b"".join(data.splitlines(keepends=True)[1:])


ALTERED: dict[str, tuple[Callable[[Lab, str, str], None], ReasonCode]] = {
    "its reason": (
        lambda lab, key, note: put(lab, key, lab.store.read(key).data.replace(b"the bucket", b"the basket")),
        ReasonCode.RECORD_INVALID,
    ),
    "its first line": (
        lambda lab, key, note: put(lab, key, lost_line(lab.store.read(key).data)),
        ReasonCode.RECORD_INVALID,
    ),
    "the record": (lambda lab, key, note: put(lab, key, None), ReasonCode.TRUTH_MISSING),
    "the note": (lambda lab, key, note: put(lab, note, None), ReasonCode.TRUTH_MISSING),
    "who is named in the note": (
        lambda lab, key, note: put(lab, note, lab.store.read(note).data.replace(b'"local"', b'"other"')),
        ReasonCode.TRUTH_ALTERED,
    ),
}


@pytest.mark.parametrize("what", list(ALTERED))
def test_what_became_of_a_decision_since_is_found(ready: Lab, what: str) -> None:
    former = identity(ready)
    ready.runner().recover_store("moved", reason="the bucket was migrated")
    (first,) = notes(ready)
    ready.runner().recover_store("copy", reason="the bucket is a copy")
    (note,) = set(notes(ready)) - {first}
    assert faults(ready) == []
    alter, code = ALTERED[what]
    alter(ready, store_record_key(former), note)
    assert faults(ready)[0] is code


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"store_id": 1}'])
def test_a_note_that_decided_nothing_is_no_fault(ready: Lab, data: bytes) -> None:
    put(ready, f"fraud-platform/_store_notes/{'a' * 32}.{'b' * 64}.json", data)
    assert faults(ready) == []


@pytest.mark.parametrize("what", ["moved", "copy", "new"])
def test_whatever_cuts_a_decision_it_is_made_by_the_same_command(any_lab: Lab, what: str) -> None:
    def begun() -> tuple[Lab, dict[str, Any]]:
        lab = Lab.memory(any_lab.root)
        assert lab.reuse(small_world()).state is RunState.READY
        lab.authority = MemoryAuthority(lab.clock.now)  # which never served the store
        return lab, {"store": lab.store, "authority": lab.authority}

    lab, ports = begun()
    counted = CrashPlan()
    lab.runner(**crash(ports, counted)).recover_store(what, reason="a drill")
    for plan in every_crash(counted.calls):
        lab, ports = begun()
        former = identity(lab)
        try:
            lab.runner(**crash(ports, plan)).recover_store(what, reason="a drill")
        except (Died, SrError):
            """The next command finds what it left."""
        lab.lapse()
        decided = lab.runner().recover_store(what, reason="a drill")
        assert (decided.store_id == former) == (what == "moved")
        assert lab.runner().submit(request()).is_new is False
        assert faults(lab) == [], plan
        assert record(lab, former).events, plan


class _Slow:
    """An authority whose first change of a store's place waits while somebody else decides."""

    def __init__(self, inner: Any, meanwhile: Callable[[], object]) -> None:
        self._inner, self._meanwhile = inner, [meanwhile]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def serve(self, *args: Any, **named: Any) -> Any:
        for decide in (self._meanwhile.pop() for _ in self._meanwhile[:]):
            decide()
        return self._inner.serve(*args, **named)


def test_the_identity_of_the_later_decision_is_served_whoever_comes_last_to_the_authority(ready: Lab) -> None:
    later: list[str] = []

    def decide() -> None:
        later.append(ready.runner().recover_store("new", reason="again", actor="two").store_id)

    slow = ready.runner(authority=_Slow(ready.authority, decide))
    slow.recover_store("new", reason="lost", actor="one")
    assert [identity(ready)] == later
    assert faults(ready) == []
    assert ready.runner().submit(request()).is_new is False


def test_of_two_who_decide_at_once_one_identity_stands_and_both_are_on_record(ready: Lab) -> None:
    former = identity(ready)

    def decide(name: str) -> object:
        try:
            return ready.runner().recover_store("new", reason="both", actor=name).store_id
        except SrError as error:
            return error.code

    answers = together([partial(decide, name) for name in ("one", "two")])
    assert identity(ready) in answers
    assert {one.actor for one in record(ready, former).events} <= {"one", "two"}
    assert faults(ready) == []
    assert ready.runner().submit(request()).is_new is False
