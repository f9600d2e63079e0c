"""How the command line proves its actor, what each may, and that no token is ever told."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pwd
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from sr_adapters.cli.identity import os_user
from sr_domain.encoding.ids import run_id_for
from sr_domain.flows.due_runs import DueRuns
from sr_plugins import build_runner
from tests.cli.conftest import Answer, Shell
from tests.worlds import tree

RUN = run_id_for("key")
EVERY_S = 7.5
ME = pwd.getpwuid(os.geteuid()).pw_name
TOKENS = {name: f"{name}-0123456789-abcdefghijklmnopqrstuv" for name in ("alice", "bob", "carol")}


@pytest.fixture
def guarded(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell whose profile asks for a token: alice submits, bob re-emits, carol may nothing but read."""
    monkeypatch.delenv("SR_TOKEN", raising=False)
    lines = {name: hashlib.sha256(token.encode()).hexdigest() for name, token in TOKENS.items()}
    (sr.folder / "tokens.yaml").write_text(yaml.safe_dump(lines))
    (sr.folder / "tokens.yaml").chmod(0o600)
    door(sr, submit=["alice"], reemit=["bob"])
    return sr


def door(sr: Shell, **lists: Any) -> None:
    base = {"runtime_root": "runs", "engine": {"interface_pack": "pack"}, "observability": {"sinks": ["file"]}}
    auth = {"mode": "token", "tokens_file": "tokens.yaml", **lists}
    (sr.folder / "profile.yaml").write_text(yaml.safe_dump({**base, "auth": auth}))


def as_(patch: pytest.MonkeyPatch, name: str) -> None:
    patch.setenv("SR_TOKEN", TOKENS[name])


def unproven(answer: Answer) -> str:
    """The one error line of an answer to somebody unknown; notes may stand before it."""
    (line,) = [one for one in answer.err.splitlines() if one.startswith("error[")]
    assert answer.code == 6, answer
    for token in TOKENS.values():
        assert token not in answer.out + answer.err
    return line


def record(folder: Path) -> list[dict[str, Any]]:
    (path,) = folder.glob("runs/**/run_record/*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def proven(lines: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Who wrote each line, and how that was proven, as the line that first named him so says."""
    known: dict[str, str] = {}
    for line in lines:
        known[line["actor"]] = line["details"].get("actor_proof", known.get(line["actor"]))
    return [(line["actor"], known[line["actor"]]) for line in lines]


def test_a_token_proves_who_submits_and_every_line_says_so(guarded: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    as_(monkeypatch, "alice")
    answer = guarded("submit", guarded.request())
    assert (answer.code, answer.err) == (0, "")
    assert set(proven(record(guarded.folder))) == {("alice", "token")}
    assert [one["details"].get("actor_proof") for one in record(guarded.folder)][:2] == ["token", None]
    shown = guarded("--json", "show", RUN).json
    assert {step["actor_proof"] for step in shown["steps"]} == {"token"}
    assert guarded("audit", RUN).code == 0
    facts = guarded("--json", "governance", "export").out.splitlines()
    assert {json.loads(one)["actor_proof"] for one in facts} == {"token"}


@pytest.mark.parametrize("token", ["x" * 40, TOKENS["alice"][:-1], TOKENS["alice"].upper(), "", " ", "a\nb", "é" * 40])
def test_a_bad_token_is_refused_with_nothing_written(
    guarded: Shell, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("SR_TOKEN", token)
    request, before = guarded.request(), tree(guarded.folder)
    for command in (("submit", request), ("status", RUN), ("resume", RUN), ("retry", RUN), ("list",)):
        answer = guarded(*command)
        assert "AUTH_UNPROVEN" in unproven(answer)
        assert len(token) < 3 or token not in answer.out + answer.err
    assert tree(guarded.folder) == before
    as_(monkeypatch, "alice")
    assert guarded("submit", request).code == 0


def test_without_a_token_the_actor_is_the_user_and_that_is_told(
    guarded: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER", "alice")
    monkeypatch.setenv("LOGNAME", "alice")
    answer = guarded("submit", guarded.request())
    assert f"actor '{ME}' may not submit (auth.submit: alice)" in unproven(answer)
    assert f"SR_TOKEN is not set: the actor is {ME}, this machine's user" in answer.err
    door(guarded, submit=[ME])
    assert guarded("submit", guarded.request()).code == 0
    lines = zip(record(guarded.folder), proven(record(guarded.folder)), strict=True)
    assert [who for one, who in lines if one["event_kind"] == "RUN_ACCEPTED"] == [(ME, "os")]


def test_a_user_without_a_name_is_told_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (os_user().actor, os_user().mode) == (ME, "os")
    monkeypatch.setattr(pwd, "getpwuid", lambda number: (_ for _ in ()).throw(KeyError(number)))
    assert os_user().actor == f"uid {os.geteuid()}"


def test_a_claim_is_refused_where_proof_is_asked_for(guarded: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    request, before = guarded.request(invoker="alice"), tree(guarded.folder)
    loss = ("--accept-loss", "--reason", "r")
    commands = (
        ("submit", request), ("retry", RUN), ("reemit", RUN, "--kind", "BOTH"), ("recover", RUN, *loss),
        ("recover", "--store", "--as", "new", *loss),
    )  # fmt: skip
    for token in (None, "carol"):
        if token is not None:
            as_(monkeypatch, token)
        for command in commands:
            line = unproven(guarded(*command, "--actor", "alice"))
            assert "--actor is a claim that nobody proves" in line
    assert tree(guarded.folder) == before


def test_an_invoker_in_the_request_proves_nothing(guarded: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    as_(monkeypatch, "carol")
    assert "actor 'carol' may not submit" in unproven(guarded("submit", guarded.request(invoker="alice")))
    as_(monkeypatch, "alice")
    assert guarded("submit", guarded.request(invoker="carol")).code == 0


def test_without_an_authenticator_a_claim_counts_and_is_called_one(sr: Shell) -> None:
    assert sr("submit", sr.request(), "--actor", "mallory").code == 0
    assert set(proven(record(sr.folder))) == {("mallory", "claimed")}
    assert sr("submit", sr.request(invoker="scheduler")).code == 0


def test_each_may_what_his_list_says(guarded: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    as_(monkeypatch, "alice")
    assert guarded("submit", guarded.request()).code == 0
    assert "may not reemit (auth.reemit: bob)" in unproven(guarded("reemit", RUN, "--kind", "BOTH"))
    assert "may not recover (auth.recover: nobody)" in unproven(
        guarded("recover", RUN, "--accept-loss", "--reason", "r")
    )
    assert guarded("resume", RUN).code == 0
    as_(monkeypatch, "bob")
    assert guarded("reemit", RUN, "--kind", "BOTH").code == 0
    assert "may not resume (auth.submit and auth.supersede: alice)" in unproven(guarded("resume", RUN))
    as_(monkeypatch, "carol")
    assert "may not submit" in unproven(guarded("submit", guarded.request("other")))
    assert guarded("status", RUN).code == 0
    denied = [one for one in record_of(guarded.folder, RUN) if one["event_kind"] == "AUTH_DENIED"]
    assert [(one["actor"], one["details"]["action"], one["details"]["actor_proof"]) for one in denied] == [
        ("alice", "reemit", "token"), ("alice", "recover", "token"), ("bob", "resume", "token"),
    ]  # fmt: skip


def test_what_goes_over_every_run_needs_the_right_first(guarded: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    as_(monkeypatch, "alice")
    assert guarded("submit", guarded.request()).code == 0
    commands = (("resume", "--all"), ("resume", "--rebuild-index"), ("audit", RUN, "--repair-status"))
    as_(monkeypatch, "carol")
    before = tree(guarded.folder)
    for command in commands:
        assert "AUTH_DENIED" in unproven(guarded(*command))
    assert tree(guarded.folder) == before
    assert guarded("audit", RUN).code == 0
    as_(monkeypatch, "alice")
    assert [guarded(*command).code for command in commands] == [0, 0, 0]


def test_a_watch_works_on_nothing_once_its_token_is_taken_back(guarded: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    as_(monkeypatch, "alice")
    tokens = guarded.folder / "tokens.yaml"
    known, looks, claimed = tokens.read_text(), list[float](), list[int]()
    claim = DueRuns.claim

    def counted(due: DueRuns, **asked: Any) -> Any:
        claimed.append(len(looks))
        return claim(due, **asked)

    def sleep(seconds: float) -> None:
        if seconds != EVERY_S:
            return
        looks.append(seconds)
        if len(looks) == 4:
            raise KeyboardInterrupt
        tokens.write_text(known if len(looks) != 2 else f"alice: {'0' * 64}\n")

    monkeypatch.setattr(DueRuns, "claim", counted)
    monkeypatch.setattr("sr_adapters.cli.runs.time.sleep", sleep)
    answer = guarded("--json", "resume", "--watch", "--every", str(EVERY_S))
    told = [json.loads(line) for line in answer.out.splitlines()]
    assert [row["reason_code"] for row in told if "reason_code" in row and row.get("run_id") == "-"] == [
        "AUTH_UNPROVEN"
    ]
    assert claimed == [1, 3], "it looks with a token that holds, and not without"


def test_a_token_that_is_taken_back_ends_a_command_that_goes_on(
    guarded: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sr_adapters.cli.session import Session
    from sr_ports import BadInput, Identity

    as_(monkeypatch, "alice")
    session = Session("profile.yaml", None, False, False)
    with build_runner("profile.yaml") as runner:
        vars(session)["local"] = runner
        who = session.actor()
        assert isinstance(who, Identity)
        assert who.actor == "alice"
        (guarded.folder / "tokens.yaml").write_text(f"alice: {'0' * 64}\n")
        with pytest.raises(BadInput, match="AUTH_UNPROVEN"):
            session.actor()


def record_of(folder: Path, run_id: str) -> list[dict[str, Any]]:
    (path,) = folder.glob(f"runs/**/run_record/{run_id}.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_who_is_denied_cannot_fill_the_record(guarded: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    as_(monkeypatch, "alice")
    assert guarded("submit", guarded.request()).code == 0
    as_(monkeypatch, "carol")
    for _ in range(8):
        assert "AUTH_DENIED" in unproven(guarded("reemit", RUN, "--kind", "BOTH"))
    kinds = [one["event_kind"] for one in record(guarded.folder)]
    assert kinds.count("AUTH_DENIED") == 5
    (log,) = [path.read_text() for path in guarded.folder.glob("runs/**/platform.log")][:1]
    assert log.count("denied") >= 8
    as_(monkeypatch, "bob")
    assert guarded("reemit", RUN, "--kind", "BOTH").code == 0


def test_reading_has_a_list_too(guarded: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    door(guarded, submit=["alice"], read=["bob"])
    as_(monkeypatch, "alice")
    assert guarded("submit", guarded.request()).code == 0
    for command in (("status", RUN), ("list",), ("show", RUN), ("facts", RUN), ("explain", RUN), ("bus", "tail")):
        assert "actor 'alice' may not read (auth.read: bob)" in unproven(guarded(*command))
    as_(monkeypatch, "bob")
    assert guarded("status", RUN).code == 0
    door(guarded, submit=["alice"], read=[])
    assert "auth.read: nobody" in unproven(guarded("status", RUN))


def test_a_broken_tokens_file_keeps_everybody_out_who_has_a_token(
    guarded: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_(monkeypatch, "alice")
    (guarded.folder / "tokens.yaml").write_text(f"alice: {TOKENS['alice']}\n")
    answer = guarded("submit", guarded.request())
    assert (answer.code, answer.error) == (9, "AUTH_UNREACHABLE")
    assert TOKENS["alice"] not in answer.err
    assert guarded("doctor").code in (5, 9)
    assert not list(guarded.folder.glob("runs/**/run_record/*"))


def test_no_token_is_on_disk_or_told_in_any_way(guarded: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    as_(monkeypatch, "alice")
    told = [guarded("-v", "submit", guarded.request()), guarded("--json", "show", RUN), guarded("doctor")]
    as_(monkeypatch, "carol")
    told += [guarded("-v", "submit", guarded.request("other")), guarded("--json", "reemit", RUN, "--kind", "BOTH")]
    for token in TOKENS.values():
        assert all(token not in one.out + one.err for one in told)
        assert all(token.encode() not in data for data in tree(guarded.folder).values())


def test_the_engine_has_no_token_of_its_caller(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    as_(monkeypatch, "alice")
    (sr.folder / "made").mkdir()
    invocation = {"run_id": RUN, "manifest_fingerprint": "0" * 64, "parameter_hash": "1" * 64, "seed": 7}
    given = {"SR_ENGINE_INVOCATION_JSON": json.dumps(invocation), "SR_ENGINE_RUN_ROOT": str(sr.folder / "made")}
    for name, value in {**given, "SR_OTHER": "seen"}.items():
        monkeypatch.setenv(name, value)
    look = "import json, os; open('seen', 'w').write(json.dumps(dict(os.environ))); open('made/a.csv', 'w').write('1')"
    assert sr.bare("engine", "--", sys.executable, "-c", look).code == 0
    seen = json.loads((sr.folder / "seen").read_text())
    assert seen["SR_OTHER"] == "seen"
    assert "SR_TOKEN" not in seen


def test_doctor_looks_at_the_keys(guarded: Shell) -> None:
    def row() -> Any:
        checks = guarded("--json", "doctor").json["checks"]
        return next(one for one in checks if one["port"] == "auth")

    assert row()["ok"] is True
    assert row()["detail"].startswith("3 tokens of 3 actors")
    (guarded.folder / "tokens.yaml").chmod(0o644)
    assert (row()["ok"], row()["code"]) == (False, "AUTH_UNSAFE")
    (guarded.folder / "tokens.yaml").unlink()
    assert (row()["ok"], row()["code"]) == (False, "AUTH_UNREACHABLE")


# sr auth hash


def given(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


TOKEN = TOKENS["alice"]
DIGEST = hashlib.sha256(TOKEN.encode()).hexdigest()


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_hash_reads_standard_input(sr: Shell, monkeypatch: pytest.MonkeyPatch, end: bytes) -> None:
    given(monkeypatch, TOKEN.encode() + end)
    assert sr.bare("auth", "hash").out == f"{DIGEST}\n"


@pytest.mark.parametrize("actor", ["alice", "ops team", "true", "12", "a: b", "Zoë", "#1", "it's"])
def test_hash_prints_a_line_that_the_file_takes(sr: Shell, monkeypatch: pytest.MonkeyPatch, actor: str) -> None:
    given(monkeypatch, TOKEN.encode())
    line = sr.bare("auth", "hash", actor).out
    from sr_adapters.auth.tokens import entries_of

    assert entries_of(line.encode()) == ((bytes.fromhex(DIGEST), actor),)
    given(monkeypatch, TOKEN.encode())
    assert sr.bare("--json", "auth", "hash", actor).json == {"schema_version": "1.0", "sha256": DIGEST, "actor": actor}


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"short", b"a b" * 20, b"x" * 40 + b"\ny", "é".encode() * 40, b"x" * 20_000]
)
def test_hash_takes_no_token_that_cannot_be_one(sr: Shell, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    given(monkeypatch, data)
    answer = sr.bare("auth", "hash", "alice")
    assert (answer.code, answer.error, answer.out) == (2, "USAGE", "")
    assert not data.strip() or data.decode().strip() not in answer.err


def test_hash_makes_a_token_into_a_file_of_ones_own(sr: Shell) -> None:
    answer = sr.bare("auth", "hash", "alice", "--new", "t")
    token = (sr.folder / "t").read_text().strip()
    assert len(token) >= 43
    assert answer.out == f"alice: {hashlib.sha256(token.encode()).hexdigest()}\n"
    assert token not in answer.out + answer.err
    assert (sr.folder / "t").stat().st_mode & 0o777 == 0o600
    again = sr.bare("auth", "hash", "alice", "--new", "t")
    assert (again.code, again.error) == (2, "USAGE")
    assert (sr.folder / "t").read_text().strip() == token


def test_hash_has_no_place_for_a_token_on_the_command_line(sr: Shell) -> None:
    assert sr.bare("auth", "hash", "alice", TOKEN).code == 2
