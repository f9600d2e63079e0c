"""Every ``--json`` document has one contract, in every state that a run can be in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import hatch_build
from sr_adapters.answers import CONTRACTS
from sr_adapters.cli.app import COMMANDS, run
from sr_domain.encoding.contracts import problem
from sr_domain.encoding.ids import run_id_for
from sr_plugins import build_runner
from tests.cli.answers import ARTIFACTS, contract_of, documents, misfits, renamed
from tests.cli.conftest import ME, Answer
from tests.domain.contract_samples import ROOT, schemas
from tests.reliability.lab import request, write_world
from tests.reliability.test_kill import pack

KEYS = ("ready", "waiting", "failed", "unplanned", "quarantined", "corrected", "bus")
STATES = {
    "ready": "READY",
    "waiting": "WAITING_EVIDENCE",
    "failed": "FAILED",
    "unplanned": "FAILED",
    "quarantined": "QUARANTINED",
    "corrected": "READY",
    "bus": "READY",
}


class Stage:
    """A folder with a run in every state; every answer that was given here."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys
        self.said: list[tuple[str, Any]] = []

    def __call__(self, *args: str, policy: str = "policy.yaml", profile: str = "profile.yaml") -> Answer:
        self.capsys.readouterr()
        code = run(["--profile", profile, "--policy", policy, "--json", *args])
        told = self.capsys.readouterr()
        command = next(row for row in _commands() if " ".join(args).startswith(row))
        assert misfits(command, ["--json", *args], told.out) == []
        self.said += [(contract_of(command, args, one), one) for one in documents(args, told.out)]
        return Answer(code, told.out, told.err)

    def request(self, key: str, name: str = "request.json", **changes: Any) -> str:
        (self.folder / name).write_text(json.dumps(request(key, **{"engine_run_root": "root", **changes})))
        return name


def _commands() -> list[str]:
    words = {row.split(" --")[0].split(" (")[0] for row in CONTRACTS}
    return sorted((one for one in words if one.split()[0] in COMMANDS), key=len, reverse=True)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Stage:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PLATFORM_RUN_ID", raising=False)
    pack(tmp_path / "pack")
    write_world(tmp_path / "root")
    write_world(tmp_path / "part", skip=("gate.end",))
    write_world(tmp_path / "bad", spoil="gate.up")
    wiring = "runtime_root: runs\nengine: {interface_pack: pack}\n"
    (tmp_path / "profile.yaml").write_text(wiring)
    (tmp_path / "closed.yaml").write_text(wiring + "auth: {submit: [alice], reemit: [alice]}\n")
    for name, wait in (("policy", 600), ("short", 0)):
        (tmp_path / f"{name}.yaml").write_text(f'policy_id: test\nrevision: "1"\nevidence_wait_seconds: {wait}\n')
    stage = Stage(tmp_path, capsys)
    for name in ("policy", "short"):
        assert stage("policy", "seal", f"{name}.yaml").code == 0
    return stage


@pytest.fixture
def states(stage: Stage) -> Stage:
    """A run of every key in the state that `STATES` gives it; ``bus`` is READY and not published."""
    assert stage("submit", stage.request("ready")).code == 0
    assert stage("submit", stage.request("waiting", engine_run_root="part")).code == 3
    assert stage("submit", stage.request("failed", engine_run_root="part"), policy="short.yaml").code == 4
    assert stage("submit", stage.request("unplanned", output_ids=["nope"])).code == 4
    assert stage("submit", stage.request("quarantined", engine_run_root="bad")).code == 5
    assert stage("submit", stage.request("corrected", supersedes=run_id_for("ready"))).code == 0
    (bus,) = stage.folder.glob("runs/**/fp.bus.control.v1")
    away = bus.with_name("away")
    bus.rename(away)
    bus.write_bytes(b"")
    assert stage("submit", stage.request("bus")).json["unpublished"]["kind"] == "READY"
    bus.unlink()
    away.rename(bus)
    return stage


def test_every_state_is_reached_and_told_in_the_one_shape(states: Stage) -> None:
    for key, state in STATES.items():
        told = states("status", run_id_for(key)).json
        assert told["state"] == state
        assert states("explain", run_id_for(key)).json["state"] == state
        assert states("show", run_id_for(key)).json["state"] == state
        facts = states("facts", run_id_for(key))
        assert ("error" in facts.json) is (state != "READY")
    assert states("submit", states.request("ready")).json["is_new"] is False
    assert {row["state"] for row in states("list").json["runs"]} == set(STATES.values())


def test_what_answers_refuse_and_fail_with(states: Stage) -> None:
    assert states("submit", states.request("ready", seed=8)).json["differences"] == {"seed": {"old": 7, "new": 8}}
    assert states("submit", states.request("denied"), profile="closed.yaml").json["actor"] == ME
    assert states("reemit", run_id_for("ready"), "--kind", "BOTH", profile="closed.yaml").json["actor"] == ME
    for args in (
        ("status", "0" * 32),
        ("submit", "absent.json"),
        ("plan", states.request("x", seed=-1)),
        ("list", "-x"),
    ):
        error = states(*args).json["error"]
        assert error["message"] == error["what"]
        assert error["remedy"]


def test_a_run_that_another_worker_holds(states: Stage) -> None:
    with build_runner("profile.yaml", policy="policy.yaml") as other:
        lease = other.ports.authority.acquire(run_id_for("waiting"), "another", ttl_s=60.0)
        assert lease is not None
        write_world(states.folder / "part")  # else there is nothing to do, and no lease is asked for
        told = states("submit", states.request("waiting", engine_run_root="part"))
        assert (told.code, told.json["in_flight"], told.json["reason_code"]) == (3, True, "LEASE_BUSY")
        assert states("explain", run_id_for("waiting")).json["holder"].startswith("another")


def _everything(states: Stage) -> None:
    """Every command that answers in JSON, in what states it can."""
    ids = [run_id_for(key) for key in KEYS]
    for one in ids:
        for command in ("status", "explain", "show", "facts", "audit"):
            states(command, one)
    states("auth", "hash", "alice", "--new", "alice.token")
    for key, kind in (
        ("ready", "BOTH"),
        ("corrected", "READY_ONLY"),
        ("corrected", "TERMINAL_ONLY"),
        ("failed", "BOTH"),
    ):
        states("reemit", run_id_for(key), "--kind", kind)
    states("reemit", run_id_for("quarantined"), "--kind", "BOTH", "--dry-run")
    lost = ("--accept-loss", "--reason", "a drill")
    states("recover", run_id_for("ready"), "--artifact", "no/such/key", *lost)
    states("recover", run_id_for("ready"), "--receipt", "nope", *lost)
    states("recover", run_id_for("corrected"), *lost)
    states("retry", run_id_for("failed"))
    states("retry", run_id_for("waiting"))
    states("quarantine", "list")
    states("quarantine", "show", run_id_for("quarantined"))
    for args in (("resume", *ids, "0" * 32), ("resume", "--all"), ("resume", ids[0]), ("resume", "--rebuild-index")):
        states(*args)
    states("list")
    states("list", "--ready")
    states("list", "--limit", "1")
    states("wait", run_id_for("ready"))
    states("open", run_id_for("corrected"), "events")
    states("diff", run_id_for("ready"), run_id_for("corrected"))
    states("pack", "new", "fresh")
    states("pack", "add", "output", "more", "more/*.bin", "--pack", "fresh")
    states("pack", "check", "fresh", "--root", "root")
    states("verify", run_id_for("ready"))
    states("verify", run_id_for("corrected"))
    states("audit", "--all", "--repair-status")
    states("doctor")
    states("bus", "tail")
    states("bus", "tail", "--follow", "--limit", "2")
    states("governance", "export")
    states("plugins")
    states("plugins", "list")
    for name in ("s3", "scenario-runner", "no-such"):
        states("plugins", "show", name)
    for kind in ("law", "law", "sink"):
        states("plugins", "new", kind, f"fresh-{kind}")
    states("plugins", "check", "fresh-law/src/fresh_law/__init__.py")
    states("plugins", "check", "no-such")
    (states.folder / "odd.yaml").write_text("object_stor: {}\nauthority: {adapter: postgres, dsn: ''}\nlease: 3\n")
    for name in ("odd.yaml", "profile.yaml", "no-such"):
        states("profile", "check", name)
    states("profile", "schema")
    states("contracts", "check")
    states("plan", states.request("other"))
    states("plan", states.request("other", output_ids=["nope"]))
    states("plan", states.request("other"), "--diff", states.request("two", "two.json", seed=9))
    states("recover", "--store", "--as", "copy", "--accept-loss", "--reason", "a rehearsal")
    states("session", "new")
    for shell in ("bash", "zsh", "fish"):
        states("completion", shell)
    for root in ("root", "part", "bad"):
        states("check", root, "--request", states.request("checked"))
    (states.folder / "own").mkdir()
    (states.folder / "own" / "sales-2026-01-01.csv").write_text("1")
    states("init", "own", "--force")
    states("seal", profile="sr.yaml")
    states("demo", "--root", "demo", "--size", "10k")
    pytest.importorskip("jinja2", reason="pages need pip install 'scenario-runner[report]'")
    states("report", run_id_for("ready"))


def test_each_contract_is_met_by_a_real_answer_and_refuses_it_with_any_field_renamed(states: Stage) -> None:
    _everything(states)
    assert {contract for contract, _ in states.said} == set(CONTRACTS.values())
    seen: dict[str, int] = {}
    for contract, document in {json.dumps(one, sort_keys=True): one for one in states.said}.values():
        for where, changed in renamed(contract, document):
            seen[contract] = seen.get(contract, 0) + 1
            assert problem(contract, changed) is not None, f"{contract}: {where} may be renamed"
    assert all(count >= 3 for count in seen.values()), seen
    assert sum(seen.values()) > 1000


def test_what_is_unreadable_is_a_row_of_the_same_shape(states: Stage) -> None:
    for kind in ("run_status", "quarantine"):
        (path,) = states.folder.glob(f"runs/fraud-platform/*/sr/{kind}/{run_id_for('quarantined')}.json")
        path.write_bytes(b"no json")
    (record,) = states.folder.glob(f"runs/fraud-platform/*/sr/run_record/{run_id_for('waiting')}.jsonl")
    record.write_bytes(b"no json\n")
    rows = {row["run_id"]: row for row in states("list").json["runs"]}
    troubles = [rows[run_id_for("quarantined")]["trouble"]]
    troubles += [row["trouble"] for row in states("quarantine", "list").json["quarantine"]]
    states("resume", run_id_for("ready"), run_id_for("waiting"))
    states("audit", "--all")
    assert [set(one) for one in troubles] == [{"reason_code", "message", "remedy"}] * 2


def _sources() -> Iterator[tuple[str, Any]]:
    for name, data in hatch_build.sources(ROOT).items():
        yield name, yaml.safe_load(data)


@pytest.fixture(scope="module")
def plain() -> Callable[[str, Any], list[str]]:
    """Checks with a validator that is not ours, on the files as they lie in the repository."""
    jsonschema = pytest.importorskip("jsonschema", reason="needs requirements/dev.txt")
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT7

    files = dict(_sources())
    for one in files.values():
        jsonschema.Draft7Validator.check_schema(one)
    registry: Any = Registry().with_resources(
        (name, Resource.from_contents(one, default_specification=DRAFT7)) for name, one in files.items()
    )

    def check(contract: str, document: Any) -> list[str]:
        schema = {"$ref": f"{contract}.schema.yaml"}
        return [one.message for one in jsonschema.Draft7Validator(schema, registry=registry).iter_errors(document)]

    return check


def test_the_contracts_are_plain_draft_7_to_any_other_validator(
    states: Stage, plain: Callable[[str, Any], list[str]]
) -> None:
    _everything(states)
    for contract, document in states.said:
        assert plain(contract, document) == []
        field = next(iter(document))
        assert plain(contract, {**{k: v for k, v in document.items() if k != field}, f"{field}_x": document[field]})


def test_the_table_in_the_docs_is_the_codes() -> None:
    whole = (ROOT / "docs" / "contracts.md").read_text("utf-8")
    text, _, _ = whole.partition("What the service takes and gives beside them")  # a table of its own
    rows = dict(re.findall(r"^\| `?(?:sr )?([^|`]+?)`? \| `contracts/(\w+)\.schema\.yaml` \|", text, re.MULTILINE))
    assert rows == dict(CONTRACTS)


def test_answers_are_not_revisioned_with_the_record() -> None:
    """They refer to nothing that a revision may change: else an answer would have two shapes at once."""
    answers = set(CONTRACTS.values()) - ARTIFACTS
    for name, schema in _sources():
        if name.removesuffix(".schema.yaml") in {*answers, "answers"}:
            refs = re.findall(r"'\$ref': '([^'#]+)", str(schema))
            assert {one.removesuffix(".schema.yaml") for one in refs} <= {*answers, "answers"}, name
    assert not [one for one in schemas() if any(re.fullmatch(rf"{name}_r\d+", one) for name in answers)]
