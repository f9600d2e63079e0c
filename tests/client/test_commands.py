"""Which commands ask a service, which say that they do not, and how the service is named."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from sr_adapters.cli.app import COMMANDS, sr
from sr_adapters.cli.far import ANSWERED, NOBODYS
from sr_adapters.client import remote, reports
from tests.client.served import own_variables, said
from tests.client.speakers import Speaker, in_turn, speaking, telling

RUN = "0" * 32
READY = {"schema_version": "1.0", "run_id": RUN, "state": "READY", "published": True, "is_new": False}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in own_variables():
        monkeypatch.delenv(name)


@pytest.fixture
def service() -> Iterator[Speaker]:
    with speaking(telling("200 OK", READY)) as speaker:
        yield speaker


def _commands() -> Iterator[str]:
    """Every command of the tree, by its words."""
    context = click.Context(sr)
    for name in COMMANDS:
        command = sr.get_command(context, name)
        if isinstance(command, click.Group):
            yield from (f"{name} {sub}" for sub in command.commands)
        else:
            yield name


def test_what_is_listed_is_there() -> None:
    there = {*_commands(), *COMMANDS}
    assert there >= ANSWERED
    assert "completion" in there & NOBODYS


LOCAL = [
    ["demo"],
    ["init", "data"],
    ["seal", "data"],
    ["engine", "--", "true"],
    ["check", "data"],
    ["open", RUN, "orders"],
    ["diff", RUN, RUN],
    ["doctor"],
    ["governance", "export"],
    ["session", "new"],
    ["plugins", "show", "s3"],
    ["plugins", "new", "law", "my-law"],
    ["plugins", "check", "scenario-runner"],
    ["profile", "check", "local"],
    ["profile", "schema"],
    ["pack", "new", "mine"],
    ["pack", "check", "mine"],
    ["contracts", "check"],
    ["policy", "seal", "policy.yaml"],
    ["serve"],
    ["list", "--ready"],
    ["resume", "--rebuild-index"],
    ["recover", "--store", "--as", "copy", "--accept-loss", "--reason", "a drill"],
    ["verify", RUN, "--key", "key.pem"],
    ["verify", "view.json"],
    ["verify", "s3://bucket/view.json"],
]


@pytest.mark.parametrize("args", LOCAL, ids=[" ".join(one[:3]) for one in LOCAL])
def test_what_is_of_one_machine_says_so_and_does_nothing(service: Speaker, args: list[str]) -> None:
    done = said("--server", service.url, *args)
    assert (done.code, done.error, done.out) == (2, "LOCAL_COMMAND", "")
    assert list(Path().iterdir()) == []
    assert service.heard == []
    told = said("--server", service.url, "--json", *args)
    assert (told.code, told.json["error"]["reason_code"], told.json["exit_code"]) == (2, "LOCAL_COMMAND", 2)


def test_what_asks_nobody_works_as_ever(service: Speaker) -> None:
    assert said("--server", service.url, "completion", "bash").code == 0
    assert said("--server", service.url, "--help").code == 0
    assert said("--server", service.url, "demo", "--help").code == 0
    assert service.heard == []


def test_the_option_stands_before_and_after_the_command_and_the_variable_in_its_place(
    service: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in (["--server", service.url, "status", RUN], ["status", RUN, f"--server={service.url}"]):
        assert said(*words).code == 0
    monkeypatch.setenv("SR_SERVER", "http://127.0.0.1:1")
    assert said("status", RUN, "--server", service.url).code == 0, "the option goes first"
    monkeypatch.setenv("SR_SERVER", service.url)
    assert said("status", RUN).code == 0
    monkeypatch.setenv("SR_PROFILE", "no-such-profile")
    assert said("status", RUN).code == 0, "the profile is the service's matter"
    assert len(service.heard) == 5
    assert said("status", RUN, "--server").error == "USAGE"


@pytest.mark.parametrize("option", ["--profile", "--policy"])
def test_a_profile_beside_a_service_is_a_contradiction(service: Speaker, option: str) -> None:
    done = said("--server", service.url, option, "local", "status", RUN)
    assert (done.code, done.error, service.heard) == (2, "USAGE", [])


def test_a_next_step_names_the_service(service: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"sr --server {service.url} facts {RUN}" in said("--server", service.url, "status", RUN).out


def test_who_asks_is_told_in_a_header(service: Speaker) -> None:
    said("--server", service.url, "retry", RUN, "--actor", "Zoë of ops")
    assert b"X-SR-Actor: Zo%C3%AB%20of%20ops\r\n" in service.heard[0]


def test_a_prefix_a_key_and_a_ref_name_a_run(service: Speaker) -> None:
    for name in ("abcdef", f"fraud-platform/platform_20260101T000000Z/sr/run_record/{RUN}.jsonl"):
        assert said("--server", service.url, "status", name).code == 0
    assert service.heard[0].startswith(b"GET /v1/runs/abcdef HTTP")
    assert service.heard[1].startswith(f"GET /v1/runs/{RUN} HTTP".encode())
    said("--server", service.url, "status", "key:a/b c?d")
    assert service.heard[2].split()[1].removeprefix(b"/v1/runs/").isalnum()
    assert said("--server", service.url, "status", "../../metrics").error == "USAGE"
    assert len(service.heard) == 3


EXECUTING = {"schema_version": "1.0", "run_id": RUN, "state": "EXECUTING", "is_new": False, "published": False}
HELD = {**EXECUTING, "in_flight": True, "reason_code": "LEASE_BUSY", "message": "held", "remedy": "wait"}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was slept, at once."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


def _request() -> str:
    Path("request.json").write_text(json.dumps({"run_equivalence_key": "key"}))
    return "request.json"


def test_a_submission_is_followed_while_the_service_works_on_it(quick: list[float]) -> None:
    ended = telling("200 OK", READY)
    with speaking(in_turn(telling("202 Accepted", EXECUTING), telling("202 Accepted", HELD), ended)) as service:
        done = said("--server", service.url, "submit", _request())
    assert (done.code, "already known" in done.out) == (0, False)
    assert [one.split()[:2] for one in service.heard] == [[b"POST", b"/v1/runs"]] * 3
    assert quick == sorted(quick)


def test_a_run_that_somebody_else_holds_is_left_to_him(quick: list[float]) -> None:
    with speaking(telling("202 Accepted", HELD)) as service:
        done = said("--server", service.url, "submit", _request())
    assert (done.code, done.error, len(service.heard), quick) == (3, "LEASE_BUSY", 1, [])


def test_with_wait_such_a_run_is_followed(quick: list[float]) -> None:
    with speaking(in_turn(telling("202 Accepted", HELD), telling("200 OK", READY))) as service:
        assert said("--server", service.url, "submit", _request(), "--wait", "60").code == 0
    assert service.heard[1].startswith(f"POST /v1/runs/{RUN}/resume HTTP".encode())


def test_a_run_is_watched_by_looking_again(quick: list[float]) -> None:
    goes_on, ended = telling("200 OK", EXECUTING), telling("200 OK", READY)
    with speaking(in_turn(goes_on, goes_on, ended)) as service:
        done = said("--server", service.url, "status", RUN, "--watch", "--every", "7")
    assert (done.code, done.out.splitlines()[0], quick) == (0, f"EXECUTING run {RUN}", [7.0, 7.0])
    with speaking(in_turn(goes_on, ended)) as service:
        assert said("--server", service.url, "wait", RUN).code == 0


def test_a_watch_outlives_a_service_that_is_away(quick: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    page = {"schema_version": "1.0", "runs": [{"run_id": RUN, "state": "OPEN", "platform_run_id": "p"}], "more": False}
    looks: list[float] = []

    def look(seconds: float) -> None:
        looks.append(seconds)
        if looks.count(9.0) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", look)
    away = telling("503 Service Unavailable", {"reason_code": "STORE_UNREACHABLE", "detail": "the store is away"})
    with speaking(in_turn(away, telling("200 OK", page), telling("200 OK", READY))) as service:
        done = said("--server", service.url, "--json", "resume", "--watch", "--every", "9")
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [row.get("reason_code") or row.get("state") for row in rows[:2]] == ["STORE_UNREACHABLE", "READY"]
    assert done.code == 130


def _fact(message: str, at: int, kind: str = "READY") -> dict[str, Any]:
    return {
        "topic": "t",
        "message_id": message,
        "published_at_utc": f"2026-01-01T00:00:{at:02}Z",
        "attributes": {"kind": kind, "run_id": RUN},
        "partition_key": RUN,
        "payload": {},
    }


def test_a_bus_is_followed_page_by_page_also_past_what_was_emitted_again(
    quick: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "_PAGE", 3)
    facts = [_fact("a", 0), _fact("b", 1), _fact("a", 2, "READY_REEMIT"), _fact("a", 3, "READY_REEMIT"), _fact("c", 4)]

    def page(connection: Any, asked: bytes) -> None:
        """As a service pages: behind the first fact of the message."""
        query = dict(pair.split("=") for pair in asked.split()[1].decode().partition("?")[2].split("&"))
        ids = [one["message_id"] for one in facts]
        begin = ids.index(query["after"]) + 1 if "after" in query else 0
        told = {"schema_version": "1.0", "envelopes": facts[begin : begin + int(query["limit"])]}
        telling("200 OK", told)(connection, asked)

    def later(_: float) -> None:
        facts.append(_fact("d", 5))

    with speaking(page) as service:
        done = said("--server", service.url, "--json", "bus", "tail")
        assert [one["published_at_utc"][-3:-1] for one in done.json["envelopes"]] == ["00", "01", "02", "03", "04"]
        monkeypatch.setattr(time, "sleep", later)
        done = said("--server", service.url, "--json", "bus", "tail", "--follow", "--from", "latest", "--limit", "1")
        assert json.loads(done.out)["message_id"] == "d"
        done = said("--server", service.url, "--json", "bus", "tail", "--follow", "--limit", "6")
        assert [json.loads(one)["message_id"] for one in done.out.splitlines()] == ["a", "b", "a", "a", "c", "d"]


def test_a_list_is_read_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_PAGE", 2)

    def rows(*ids: str) -> list[dict[str, Any]]:
        return [{"run_id": one * 32, "state": "READY", "platform_run_id": "p"} for one in ids]

    first = {"schema_version": "1.0", "runs": rows("a", "b"), "more": True, "total": 3, "cursor": "next"}
    last = {"schema_version": "1.0", "runs": rows("c"), "more": False, "total": 3}
    with speaking(in_turn(telling("200 OK", first), telling("200 OK", last))) as service:
        told = said("--server", service.url, "--json", "list", "--limit", "5").json
        assert [one["run_id"][0] for one in told["runs"]] == ["a", "b", "c"]
        assert (told["more"], told["total"]) == (False, 3)
    assert b"cursor=next" in service.heard[1]
    assert b"limit=2" in service.heard[0]
    with speaking(telling("200 OK", first)) as service:
        told = said("--server", service.url, "--json", "list", "--limit", "2").json
        assert (len(told["runs"]), told["more"], len(service.heard)) == (2, True, 1)


def test_completion_asks_no_service(service: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_SR_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "sr status ")
    monkeypatch.setenv("COMP_CWORD", "2")
    monkeypatch.setenv("SR_SERVER", service.url)
    assert (said().out.strip(), service.heard) == ("", [])


def test_nothing_of_the_client_is_imported_without_a_service() -> None:
    heavy = ("sr_adapters.client", "http.client", "ssl", "urllib.request")
    program = (
        "import sys; from sr_adapters.cli.app import run; run(['--help']); run(['status', '0' * 32]); "
        f"print([one for one in sys.modules if one.startswith({heavy})])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert told.splitlines()[-1] == "[]"
