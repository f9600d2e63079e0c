"""A run that another has corrected is READY to nobody who reads without asking for just that."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sr_domain.encoding.ids import run_id_for
from sr_plugins.consumer import verify_facts
from sr_ports import Fault, ReasonCode
from tests.cli.conftest import Shell

OLD, MIDDLE, NEW = (run_id_for(key) for key in ("key", "second", "third"))


@pytest.fixture
def chain(sr: Shell) -> Shell:
    """Three READY runs, each superseding the one before."""
    for key, old in (("key", None), ("second", OLD), ("third", MIDDLE)):
        changes = {} if old is None else {"supersedes": old}
        assert sr("submit", sr.request(key, **changes)).code == 0
    return sr


def view(sr: Shell, run_id: str) -> Path:
    (path,) = (sr.folder / "runs").glob(f"fraud-platform/*/sr/run_facts_view/{run_id}.json")
    return path


def test_verify_refuses_a_superseded_run_and_names_the_newest(chain: Shell) -> None:
    for source in (OLD, str(view(chain, OLD))):
        for flags in ((), ("--fast",)):
            answer = chain("verify", source, *flags)
            assert (answer.code, answer.error) == (5, "SUPERSEDED")
            assert f"superseded by {MIDDLE}, the newest of its successors is {NEW}" in answer.err
            assert "proven" not in answer.out
    told = chain("--json", "verify", OLD).json
    assert (told["ok"], told["superseded_by"], told["newest_run_id"]) == (False, MIDDLE, NEW)
    assert [one["code"] for one in told["findings"]] == ["SUPERSEDED"]


def test_verify_allows_it_when_asked_and_still_says_it(chain: Shell) -> None:
    answer = chain("verify", OLD, "--allow-superseded")
    assert answer.code == 0
    assert "every byte read again" in answer.out
    assert f"was superseded by {MIDDLE}, the newest is {NEW}" in answer.err
    told = chain("--json", "verify", OLD, "--allow-superseded").json
    assert (told["ok"], told["superseded_by"], told["findings"]) == (True, MIDDLE, [])


def test_the_newest_run_is_proven_and_nothing_is_said(chain: Shell) -> None:
    answer = chain("verify", NEW)
    assert (answer.code, answer.err) == (0, "")
    assert chain("--json", "verify", NEW).json["superseded_by"] is None


def test_a_graver_fault_is_told_first(chain: Shell) -> None:
    (chain.folder / "root/data/world.bin").write_bytes(b"rot")
    told = chain("--json", "verify", OLD).json["findings"]
    assert [one["code"] for one in told][-1] == "SUPERSEDED"
    assert told[0]["code"] == "TRUTH_ALTERED"
    assert "TRUTH_ALTERED" in chain("verify", OLD, "--allow-superseded").err


def test_verify_needs_no_authority_to_know(chain: Shell) -> None:
    for path in (chain.folder / "runs").glob("fraud-platform/*/sr/index/*"):
        path.unlink()
    assert chain("verify", str(view(chain, OLD))).error == "SUPERSEDED"


def test_the_guard_of_a_consumer_stands_before_the_read(chain: Shell) -> None:
    guarded = verify_facts(view(chain, OLD), profile="profile.yaml")
    with pytest.raises(Fault) as refused:
        guarded.raise_if_faulty()
    assert refused.value.code is ReasonCode.SUPERSEDED
    assert guarded.verification.superseded_by == (MIDDLE, NEW)
    verify_facts(view(chain, OLD), profile="profile.yaml", allow_superseded=True).raise_if_faulty()
    verify_facts(view(chain, NEW), profile="profile.yaml").raise_if_faulty()


def test_a_copy_of_the_view_is_held_against_the_record_where_there_is_one(chain: Shell) -> None:
    shutil.copy(view(chain, OLD), chain.folder / "copy.json")
    assert chain("verify", "copy.json").error == "SUPERSEDED"
    (chain.folder / "elsewhere.yaml").write_text("runtime_root: other\n")
    lone = chain.bare("--profile", "elsewhere.yaml", "verify", "copy.json")
    assert lone.code == 5
    assert "error[TRUTH_MISSING]" in lone.err


def test_facts_still_shows_the_view_and_warns_beside_it(chain: Shell) -> None:
    before = view(chain, OLD).read_bytes()
    for flags in ((), ("--json",)):
        answer = chain(*flags, "facts", OLD)
        assert answer.code == 0
        assert f"note: run {OLD} was superseded by {MIDDLE}, the newest is {NEW}" in answer.err
    assert chain("--json", "facts", OLD).json == json.loads(before), "the view itself is a closed contract"
    assert chain("facts", OLD).out.startswith(f"facts view of run {OLD} (superseded)")
    assert chain("facts", NEW).err == ""


def test_lists_and_answers_say_it(chain: Shell) -> None:
    rows = {one["run_id"]: one for one in chain("--json", "list").json["runs"]}
    assert (rows[OLD]["state"], rows[OLD]["superseded_by"], rows[OLD]["newest_run_id"]) == ("READY", MIDDLE, NEW)
    assert "superseded_by" not in rows[NEW]
    lines = {line.split()[0]: line for line in chain("list").out.splitlines()}
    assert "READY (superseded)" in lines[OLD]
    assert "superseded" not in lines[NEW]
    for command in ("status", "explain", "resume", "show"):
        assert chain(command, OLD).out.startswith(f"READY (superseded) run {OLD}"), command
        assert chain(command, NEW).out.startswith(f"READY run {NEW}"), command
        assert chain("--json", command, OLD).json["superseded_by"] == MIDDLE
    assert chain("status", OLD).out.endswith(f" facts {NEW}\n")
    assert chain("explain", OLD).out.endswith(f" facts {NEW}\n")
    assert chain("--json", "explain", OLD).json["newest_run_id"] == NEW


def test_the_same_request_again_is_answered_with_the_successor(chain: Shell) -> None:
    again = chain("submit", chain.request("key"))
    assert again.out.startswith(f"READY (superseded) run {OLD} (already known)")
    assert again.out.endswith(f" facts {NEW}\n")
    assert chain("--json", "submit", chain.request("key")).json["superseded_by"] == MIDDLE
    newest = chain("--json", "submit", chain.request("third", supersedes=MIDDLE)).json
    assert newest["state"] == "READY"
    assert not newest.get("superseded_by")


@pytest.mark.parametrize("kind", ["READY_ONLY", "BOTH"])
@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_ready_of_a_superseded_run_is_not_sent_again_by_accident(chain: Shell, kind: str, dry: tuple[str, ...]) -> None:
    before = len(chain("--json", "bus", "tail").json["envelopes"])
    answer = chain("reemit", OLD, "--kind", kind, *dry)
    assert (answer.code, answer.error) == (2, "REEMIT_SUPERSEDED")
    assert NEW in answer.err
    assert "publish" not in answer.out
    told = chain("--json", "reemit", OLD, "--kind", kind, *dry).json
    assert (told["reason_code"], told["superseded_by"], told["newest_run_id"]) == ("REEMIT_SUPERSEDED", MIDDLE, NEW)
    assert len(chain("--json", "bus", "tail").json["envelopes"]) == before


def test_ready_of_a_superseded_run_is_sent_when_asked_for_and_the_envelope_warns(chain: Shell) -> None:
    dry = chain("reemit", OLD, "--kind", "READY_ONLY", "--superseded", "--dry-run")
    assert (dry.code, dry.out) == (0, "dry run: would publish READY\n")
    assert chain("reemit", OLD, "--kind", "READY_ONLY", "--superseded").code == 0
    sent = chain("--json", "bus", "tail").json["envelopes"][-1]["attributes"]
    assert (sent["kind"], sent["run_id"], sent["superseded_by"]) == ("READY_REEMIT", OLD, NEW)
    assert chain("reemit", NEW, "--kind", "READY_ONLY").code == 0
    assert chain("audit", "--all").code == 0


def test_a_place_that_is_only_claimed_supersedes_nothing_yet(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from sr_adapters.file.store import FileObjectStore
    from sr_ports import Unreachable

    assert sr("submit", sr.request()).code == 0
    real = FileObjectStore.replace

    def away(self: FileObjectStore, key: str, data: bytes, *, etag: str) -> object:
        if b'"EVIDENCE_COMPLETE"' in data and OLD not in key:
            raise Unreachable(ReasonCode.STORE_UNREACHABLE, "the store is away")
        return real(self, key, data, etag=etag)

    monkeypatch.setattr(FileObjectStore, "replace", away)
    assert sr("submit", sr.request("second", supersedes=OLD)).code == 9
    monkeypatch.setattr(FileObjectStore, "replace", real)
    assert "SUPERSEDE_CLAIMED" in sr("show", OLD).out
    assert sr("verify", OLD).code == 0
    assert sr("status", OLD).out.startswith(f"READY run {OLD}")
    assert sr("reemit", OLD, "--kind", "READY_ONLY").code == 0
    assert sr("submit", sr.request("second", supersedes=OLD)).code == 0
    assert sr("verify", OLD).error == "SUPERSEDED"
