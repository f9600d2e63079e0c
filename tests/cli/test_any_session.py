"""Runs are read, resumed and told again from any session or none: where each one is, authority and store know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_adapters.file.store import FileObjectStore
from sr_adapters.sqlite.authority import SqliteAuthority
from sr_domain.encoding.ids import run_id_for
from sr_domain.plan.request import parse_request
from sr_domain.run.platform_runs import platform_runs
from sr_ports import Binding, ReasonCode, Unreachable
from tests.cli.conftest import Answer, Shell
from tests.reliability.lab import request
from tests.worlds import tree

ONE, TWO, FREE = "platform_20260201T000000Z", "platform_20260202T000000Z", "my-run"
RUN, BAD, LATER = run_id_for("key"), run_id_for("bad"), run_id_for("later")
READING = ("status", "facts", "show", "explain", "audit")


@attrs.frozen
class Sessions:
    """A store in which platform run ONE has a READY run and a quarantined one. `shared`: one authority for all."""

    sr: Shell
    monkeypatch: pytest.MonkeyPatch
    shared: bool

    def at(self, session: str | None, *args: str) -> Answer:
        """The command in the session of a platform run, or of none."""
        if session is None:
            self.monkeypatch.delenv("PLATFORM_RUN_ID", raising=False)
        else:
            self.monkeypatch.setenv("PLATFORM_RUN_ID", session)
        return self.sr(*args)

    def ids(self, session: str | None, *args: str) -> list[str]:
        """The run ids of a list."""
        document = self.at(session, "--json", *args).json
        return [row["run_id"] for row in document.get("runs", document.get("quarantine"))]

    @property
    def truth(self) -> Path:
        return self.sr.folder / "runs" / "fraud-platform"


@pytest.fixture(params=["own", "shared"])
def sessions(sr: Shell, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Sessions:
    """With the authority of each platform run its own, and with one for all."""
    made = Sessions(sr, monkeypatch, request.param == "shared")
    authority = {"authority": {"adapter": "sqlite", "path": "authority.db"}} if made.shared else {}
    profile = {"runtime_root": "runs", "engine": {"interface_pack": "pack"}, **authority}
    (sr.folder / "profile.yaml").write_text(json.dumps(profile))
    report = sr.folder / "root/up/report.json"
    sound = report.read_bytes()
    assert made.at(ONE, "submit", sr.request()).code == 0
    report.write_bytes(b"altered")
    assert made.at(ONE, "submit", sr.request("bad")).code == 5
    report.write_bytes(sound)
    return made


@pytest.mark.parametrize("session", [TWO, None, FREE])
def test_every_reading_command_tells_the_same_from_any_session(sessions: Sessions, session: str | None) -> None:
    before = tree(sessions.sr.folder)
    for command in READING:
        own, other = (sessions.at(one, "--json", command, RUN) for one in (ONE, session))
        assert (other.code, other.err) == (0, ""), command
        assert other.json == own.json, command
    assert sessions.at(session, "--json", "quarantine", "show", BAD).json["run_id"] == BAD
    assert sessions.ids(session, "quarantine", "list") == [BAD]
    assert sessions.at(session, "verify", RUN).code == 0
    audited = sessions.at(session, "--json", "audit", "--all")
    assert sorted(row["run_id"] for row in audited.json["runs"]) == sorted([RUN, BAD])
    assert audited.json["ok"]
    assert tree(sessions.sr.folder) == before
    assert sessions.at(session, "status", "0" * 32).error == "RUN_NOT_FOUND"


def test_reading_makes_nothing(sessions: Sessions) -> None:
    before = tree(sessions.sr.folder)
    for words in (("list",), ("list", "--ready"), ("status", RUN), ("audit", "--all"), ("quarantine", "list")):
        for session in (TWO, None):
            assert sessions.at(session, *words).code == 0, words
    assert tree(sessions.sr.folder) == before


def test_the_list_is_the_authoritys_and_with_no_session_all_there_is(sessions: Sessions) -> None:
    assert sessions.at(TWO, "submit", sessions.sr.request("later")).code == 0
    everything = sorted([RUN, BAD, LATER])
    assert sorted(sessions.ids(None, "list")) == everything
    assert sorted(sessions.ids(TWO, "list")) == (everything if sessions.shared else [LATER])
    assert sessions.ids(None, "list", "--state", "READY", "--limit", "1") == [LATER], "the newest"


def test_a_list_of_nothing_says_what_there_is_elsewhere(sessions: Sessions) -> None:
    told = sessions.at(TWO, "list").out
    if sessions.shared:
        assert RUN in told
    else:
        assert told.startswith("No runs in this platform run yet. ")
        assert told.endswith(" list --ready\n")
    assert sessions.at(ONE, "list", "--state", "FAILED").out == "No run known here is FAILED.\n"
    (sessions.truth / ONE / "sr/run_facts_view" / f"{RUN}.json").unlink()
    assert sessions.at(TWO, "list", "--ready").out == "No run of this store is READY.\n"


@pytest.mark.parametrize("command", ["status", "resume"])
def test_only_a_request_that_comes_again_is_called_known(sessions: Sessions, command: str) -> None:
    assert sessions.at(ONE, command, RUN).out.startswith(f"READY run {RUN}\n")
    assert sessions.at(ONE, "submit", sessions.sr.request()).out.startswith(f"READY run {RUN} (already known)\n")


def test_ready_runs_are_listed_from_the_store_alone(sessions: Sessions) -> None:
    assert sessions.at(TWO, "submit", sessions.sr.request("later")).code == 0

    def away(*args: Any, **kwargs: Any) -> Any:
        raise Unreachable(ReasonCode.AUTHORITY_UNREACHABLE, "the authority is away")

    for method in ("find", "runs", "holder", "now"):
        sessions.monkeypatch.setattr(SqliteAuthority, method, away)
    for session in (ONE, TWO, None):
        answer = sessions.at(session, "--json", "list", "--ready")
        assert answer.code == 0
        rows = answer.json["runs"]
        assert [(row["run_id"], row["platform_run_id"]) for row in rows] == [(LATER, TWO), (RUN, ONE)]
        assert [(row["state"], row["settled"]) for row in rows] == [("READY", True)] * 2
        for row in rows:
            assert (sessions.sr.folder / "runs" / row["facts_view_ref"]).is_file()
        assert not answer.json["more"]
    first = sessions.at(None, "--json", "list", "--ready", "--limit", "1").json
    assert ([row["run_id"] for row in first["runs"]], first["more"]) == ([LATER], True)
    told = sessions.at(None, "list", "--ready", "--limit", "1").out
    assert told.endswith("1 READY run shown, of the newest platform run first; there may be more: raise --limit\n")
    assert sessions.at(None, "list", "--ready", "--state", "FAILED").error == "USAGE"


@pytest.mark.parametrize(
    ("narrowed", "runs"),
    [
        (["--key", "l*"], [LATER]),
        (["--key", "key"], [RUN]),
        (["--key", "*", "--state", "READY"], [LATER, RUN]),
        (["--key", "nobody's"], []),
        (["--since", "1d"], [LATER, RUN]),
        (["--since", "2999-01-01"], []),
    ],
    ids=str,
)
def test_the_ready_runs_may_be_asked_for_by_key_and_time(
    sessions: Sessions, narrowed: list[str], runs: list[str]
) -> None:
    assert sessions.at(TWO, "submit", sessions.sr.request("later")).code == 0
    found = sessions.at(None, "--json", "list", "--ready", *narrowed).json
    assert [row["run_id"] for row in found["runs"]] == runs
    if not runs:
        told = sessions.at(None, "list", "--ready", *narrowed).out
        assert told == "No READY run of this store is asked for by that.\n"


def test_a_run_without_its_record_may_be_the_one_that_is_asked_for(sessions: Sessions) -> None:
    (sessions.truth / ONE / "sr" / "run_record" / f"{RUN}.jsonl").unlink()
    assert sessions.at(None, "list", "--ready", "--key", "nobody's").error == "TRUTH_MISSING"


def noted(sessions: Sessions, owner: type, method: str) -> list[str]:
    """The first argument of every call of the method from now on."""
    seen: list[str] = []
    whole = getattr(owner, method)

    def call(one: Any, first: str, *rest: Any, **named: Any) -> Any:
        seen.append(first)
        return whole(one, first, *rest, **named)

    sessions.monkeypatch.setattr(owner, method, call)
    return seen


def test_a_ready_row_costs_one_record(sessions: Sessions) -> None:
    for n in range(4):
        assert sessions.at(TWO, "submit", sessions.sr.request(f"k{n}")).code == 0
    read = noted(sessions, FileObjectStore, "read")
    assert sessions.at(None, "list", "--ready", "--limit", "3").code == 0
    assert len(read) == 3
    assert all("/run_record/" in key for key in read)


def test_a_ready_run_without_its_record_is_told_as_that(sessions: Sessions) -> None:
    (sessions.truth / ONE / "sr" / "run_record" / f"{RUN}.jsonl").unlink()
    answer = sessions.at(None, "list", "--ready")
    assert (answer.code, answer.error) == (5, "TRUTH_MISSING")


def test_a_run_that_was_superseded_is_not_listed_as_the_newest(sessions: Sessions) -> None:
    assert sessions.at(TWO, "submit", sessions.sr.request("later", supersedes=RUN)).code == 0
    rows = {row["run_id"]: row for row in sessions.at(None, "--json", "list", "--ready").json["runs"]}
    assert rows[RUN]["superseded_by"] == LATER
    assert "superseded_by" not in rows[LATER]
    assert sessions.at(ONE, "--json", "status", RUN).json["superseded_by"] == LATER
    assert all(sessions.at(None, "audit", run).code == 0 for run in (RUN, LATER))


def test_a_waiting_run_is_resumed_in_its_own_platform_run(sessions: Sessions, policy: Any) -> None:
    policy(evidence_wait_seconds=600)
    report = sessions.sr.folder / "root/up/report.json"
    sound = report.read_bytes()
    report.unlink()
    assert sessions.at(ONE, "submit", sessions.sr.request("later")).code == 3
    assert sessions.at(TWO, "resume", LATER).code == 3
    assert sessions.at(None, "resume", LATER).code == 3
    report.write_bytes(sound)
    assert sessions.at(TWO, "resume", LATER).code == 0
    assert (sessions.truth / ONE / "sr" / "run_facts_view" / f"{LATER}.json").is_file()
    assert not (sessions.truth / TWO / "sr").exists(), "no truth, and no index"
    assert sessions.at(ONE, "--json", "resume", "--all").json["runs"] == []
    rows = {row["run_id"]: row for row in sessions.at(ONE, "--json", "list").json["runs"]}
    assert (rows[LATER]["state"], rows[LATER]["settled"]) == ("READY", True)


def test_with_no_session_all_that_is_left_to_do_is_done(sessions: Sessions, policy: Any) -> None:
    policy(evidence_wait_seconds=600)
    (sessions.sr.folder / "root/up/report.json").unlink()
    for session, key in ((ONE, "later"), (TWO, "last")):
        assert sessions.at(session, "submit", sessions.sr.request(key)).code == 3
    assert sorted(sessions.ids(None, "resume", "--all")) == sorted([LATER, run_id_for("last")])
    assert sessions.ids(TWO, "resume", "--all") == sorted([LATER] * sessions.shared + [run_id_for("last")])


def test_a_re_emit_is_on_the_runs_own_record(sessions: Sessions) -> None:
    assert sessions.at(None, "reemit", RUN, "--kind", "READY_ONLY", "--dry-run").code == 0
    assert sessions.at(TWO, "reemit", RUN, "--kind", "READY_ONLY").code == 0
    kinds = [one["event_kind"] for one in sessions.at(ONE, "--json", "show", RUN).json["events"]]
    assert kinds.count("REEMIT_PUBLISHED") == 1
    assert not (sessions.truth / TWO / "sr").exists()


@pytest.mark.parametrize("session", [None, TWO])
def test_a_lost_index_is_rebuilt_for_every_platform_run_that_it_knew(sessions: Sessions, session: str | None) -> None:
    assert sessions.at(TWO, "submit", sessions.sr.request("later")).code == 0
    for file in (*sessions.truth.glob("*/sr/index/*"), *sessions.sr.folder.glob("authority.db*")):
        file.unlink()
    one_of_its_own = session is not None and not sessions.shared
    answer = sessions.at(session, "--json", "resume", "--rebuild-index")
    assert (answer.code, answer.json["rebuilt"]) == (0, 1 if one_of_its_own else 3)
    assert sessions.at(TWO, "submit", sessions.sr.request("later", seed=9)).error == "EQUIVALENCE_COLLISION"
    assert sorted(sessions.ids(None, "list")) == sorted([RUN, BAD, LATER])
    assert sessions.at(session, "--json", "resume", "--rebuild-index").json["rebuilt"] == 0


def test_a_run_that_a_crash_left_without_a_record_is_found_by_its_authority(sessions: Sessions) -> None:
    asked = parse_request(request("later", engine_run_root="root"), lambda name: True)
    own = sessions.truth / ONE / "sr" / "index" / "authority.db"
    file = sessions.sr.folder / "authority.db" if sessions.shared else own
    authority = SqliteAuthority(str(file))
    authority.admit(Binding("later", asked.run_id, asked.fingerprint, asked.canonical(), ONE))
    authority.close()
    assert sessions.at(TWO, "resume", LATER).code == 0
    assert (sessions.truth / ONE / "sr" / "run_facts_view" / f"{LATER}.json").is_file()


@pytest.mark.parametrize("session", [ONE, TWO, None])
def test_a_view_whose_record_and_authority_are_lost_is_found_and_its_outputs_are_proven(
    sessions: Sessions, session: str | None
) -> None:
    proven = sessions.at(session, "--json", "verify", RUN).json["proven_outputs"]
    (sessions.truth / ONE / "sr/run_record" / f"{RUN}.jsonl").unlink()
    own = sessions.truth / ONE / "sr/index/authority.db"
    (sessions.sr.folder / "authority.db" if sessions.shared else own).unlink()
    told = sessions.at(session, "--json", "verify", RUN)
    assert (told.code, told.json["proven_outputs"]) == (5, proven)
    assert [one["code"] for one in told.json["findings"]] == ["TRUTH_MISSING"]
    nobody = sessions.at(session, "verify", "f" * 32)
    assert (nobody.code, nobody.error) == (8, "FACTS_VIEW_MISSING")


def test_a_ref_of_a_place_that_is_not_the_runs_home_says_where_it_is(sessions: Sessions) -> None:
    wrong, right = (f"fraud-platform/{one}/sr/run_record/{RUN}.jsonl" for one in (TWO, ONE))
    answer = sessions.at(TWO, "status", wrong)
    assert (answer.code, answer.error) == (8, "RUN_NOT_FOUND")
    assert (f"its home is {ONE}" in answer.err) is sessions.shared
    assert sessions.at(TWO, "status", right).code == 0


class TestOneKeyInTwoPlatformRuns:
    """Each platform run begins afresh, where the authority is its own: then one id is two runs."""

    @pytest.fixture
    def twice(self, sessions: Sessions) -> Sessions:
        if sessions.shared:
            pytest.skip("a shared authority binds a key once")
        assert sessions.at(TWO, "submit", sessions.sr.request()).code == 0
        return sessions

    def home(self, sessions: Sessions, session: str | None, run: str) -> str:
        """The platform run of the facts view that is told."""
        answer = sessions.at(session, "--json", "facts", run)
        assert answer.code == 0, answer.err
        return str(answer.json["pins"]["platform_run_id"])

    def test_the_sessions_own_is_meant(self, twice: Sessions) -> None:
        assert (self.home(twice, ONE, RUN), self.home(twice, TWO, RUN)) == (ONE, TWO)

    @pytest.mark.parametrize("session", [None, "platform_20260203T000000Z"])
    def test_else_it_is_refused_and_both_are_named(self, twice: Sessions, session: str | None) -> None:
        for words in (("status", RUN), ("facts", RUN), ("audit", RUN), ("resume", RUN), ("verify", RUN)):
            answer = twice.at(session, *words)
            assert (answer.code, answer.error) == (2, "USAGE"), words
            assert f"{TWO}, {ONE}" in answer.err
            assert f"PLATFORM_RUN_ID={TWO}" in answer.err

    def test_a_lost_authority_and_lost_records_change_nothing_of_that(self, twice: Sessions) -> None:
        for file in (*twice.truth.glob("*/sr/run_record/*"), *twice.truth.glob("*/sr/index/authority.db*")):
            file.unlink()
        answer = twice.at(None, "verify", RUN)
        assert (answer.code, answer.error) == (2, "USAGE")
        assert f"{TWO}, {ONE}" in answer.err
        assert twice.at(ONE, "verify", RUN, "--fast").code == 5

    def test_a_ref_says_which(self, twice: Sessions) -> None:
        for session in (ONE, TWO, None):
            for platform_run_id in (ONE, TWO):
                ref = f"fraud-platform/{platform_run_id}/sr/run_facts_view/{RUN}.json"
                assert self.home(twice, session, ref) == platform_run_id
                status = twice.at(session, "--json", "status", ref).json
                assert (status["run_id"], status["platform_run_id"]) == (RUN, platform_run_id)
                assert twice.at(session, "audit", ref).code == 0
                assert twice.at(session, "reemit", ref, "--kind", "READY_ONLY", "--dry-run").code == 0
                assert twice.at(session, "resume", ref).code == 0

    def test_lists_and_audits_have_both(self, twice: Sessions) -> None:
        rows = twice.at(None, "--json", "list", "--ready").json["runs"]
        assert [(row["run_id"], row["platform_run_id"]) for row in rows] == [(RUN, TWO), (RUN, ONE)]
        known = twice.at(None, "--json", "list", "--state", "READY").json["runs"]
        assert {(row["run_id"], row["platform_run_id"]) for row in known} == {(RUN, TWO), (RUN, ONE)}
        audits = twice.at(None, "--json", "audit", "--all").json
        assert audits["ok"]
        assert [row["run_id"] for row in audits["runs"]].count(RUN) == 2


def unlogged(folder: Path) -> dict[str, bytes]:
    """Every file below, less the log of all sessions, which tells of a refusal too."""
    return {name: data for name, data in tree(folder).items() if name != "runs/fraud-platform/platform.log"}


@pytest.mark.parametrize("named", ["my-run", "platform_20260230T000000Z"])
def test_a_submit_under_another_name_is_refused_and_writes_nothing(sessions: Sessions, named: str) -> None:
    path = sessions.sr.request("later")
    before = unlogged(sessions.sr.folder)
    answer = sessions.at(named, "submit", path)
    assert (answer.code, answer.error) == (2, "PLATFORM_RUN_INVALID")
    assert "make one with sr session new" in answer.err
    assert unlogged(sessions.sr.folder) == before
    assert sessions.at(TWO, "submit", path).code == 0, "the innocent twin: a name of the right form"


@pytest.mark.parametrize("session", [TWO, None])
def test_what_the_doctor_tried_and_the_stores_identity_are_in_no_list(sessions: Sessions, session: str | None) -> None:
    words = (("list",), ("list", "--ready"), ("quarantine", "list"), ("bus", "tail"), ("audit", "--all"))
    before = [sessions.at(session, "--json", *one).json for one in words]
    assert sessions.at(session, "doctor").code == 0
    held = {path.name for path in sessions.truth.iterdir()}
    assert {"_doctor", "_store.json"} <= held
    assert [sessions.at(session, "--json", *one).json for one in words] == before
    assert platform_runs(FileObjectStore(str(sessions.truth.parent))) == sorted(held & {ONE, TWO}, reverse=True)


def test_a_new_session_is_the_one_that_requests_are_admitted_in(sessions: Sessions) -> None:
    answer = sessions.at(None, "--json", "session", "new")
    made = answer.json["platform_run_id"]
    assert (answer.code, answer.json["export"]) == (0, f"export PLATFORM_RUN_ID={made}")
    assert sessions.at(None, "--json", "submit", sessions.sr.request("later")).json["platform_run_id"] == made
    assert sessions.at(None, "session", "new").out.startswith("export PLATFORM_RUN_ID=platform_")
    assert "PLATFORM_RUN_ID set, which goes first" in sessions.at(ONE, "session", "new").err


def test_a_run_of_the_current_session_costs_no_further_look(sessions: Sessions) -> None:
    found = noted(sessions, SqliteAuthority, "find")
    looked = [noted(sessions, FileObjectStore, method) for method in ("stat", "folders")]
    for command in ("status", "show", "explain", "resume"):
        found.clear()
        assert sessions.at(ONE, command, RUN).code == 0
        assert (found, looked) == ([RUN], [[], []]), command
