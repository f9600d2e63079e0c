"""The doctor finds an authority and a store that do not belong together, and says which of them lost something."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from sr_adapters.sqlite.authority import SqliteAuthority
from sr_domain.encoding.ids import run_id_for
from tests.cli.conftest import Shell

RUN = run_id_for("key")


@pytest.fixture
def shared(sr: Shell) -> Shell:
    """A READY run, in a store and under an authority that each have a place of their own."""
    profile = sr.folder / "profile.yaml"
    text = "object_store: {adapter: file, root: truth}\nauthority: {adapter: sqlite, path: authority.db}\n"
    profile.write_text(profile.read_text() + text)
    assert sr("submit", sr.request()).code == 0
    return sr


def found(sr: Shell) -> dict[str, Any]:
    """What the doctor says of truth, by the name of the check: ok, code, detail."""
    answer = sr("--json", "doctor")
    checks = {one["name"]: one for one in answer.json["checks"] if one["port"] == "truth"}
    assert (answer.code == 0) == all(one["ok"] is not False for one in checks.values())
    return {name: (one["ok"], one.get("code"), one["detail"]) for name, one in checks.items()}


def by_hand(sr: Shell, statement: str) -> None:
    authority = SqliteAuthority(str(sr.folder / "authority.db"))
    with authority._database.writing() as link:
        link.execute(statement)
    authority.close()


def test_where_both_belong_together_all_is_well(shared: Shell) -> None:
    told = found(shared)
    assert [one[0] for one in told.values()] == [True, True]
    store_id = json.loads((shared.folder / "truth/fraud-platform/_store.json").read_bytes())["store_id"]
    assert told["store identity"][2].startswith(store_id)


def test_so_it_is_before_the_first_run_and_where_each_platform_run_has_its_own(sr: Shell) -> None:
    for _ in range(2):
        assert all(one[0] is not False for one in found(sr).values())
        assert sr("submit", sr.request()).code == 0


def test_a_record_that_was_deleted_is_found(shared: Shell) -> None:
    next(shared.folder.glob("truth/fraud-platform/*/sr/run_record/*.jsonl")).unlink()
    ok, code, detail = found(shared)["index and records"]
    assert (ok, code) == (False, "TRUTH_ROLLED_BACK")
    assert RUN in detail


def test_a_store_that_was_emptied_is_found(shared: Shell) -> None:
    shutil.rmtree(shared.folder / "truth/fraud-platform")
    assert found(shared)["store identity"][:2] == (False, "TRUTH_ROLLED_BACK")


def test_a_copy_is_found(shared: Shell) -> None:
    shutil.copytree(shared.folder / "truth", shared.folder / "copy")
    profile = shared.folder / "profile.yaml"
    profile.write_text(profile.read_text().replace("root: truth", "root: copy"))
    assert found(shared)["store identity"][:2] == (False, "STORE_COPIED")


def test_an_authority_from_an_older_backup_is_found_and_its_remedy_mends_it(shared: Shell) -> None:
    by_hand(shared, "DELETE FROM store_run")
    ok, code, detail = found(shared)["index and records"]
    assert (ok, code) == (False, "AUTHORITY_BEHIND")
    assert RUN in detail
    assert shared("resume", "--rebuild-index").code == 0
    assert found(shared)["index and records"][0] is True


def test_one_that_never_served_the_store_takes_it_in_by_itself(shared: Shell) -> None:
    for file in shared.folder.glob("authority.db*"):
        file.unlink()
    ok, _, detail = found(shared)["index and records"]
    assert ok is True
    assert "takes in its records" in detail


def test_an_actor_who_was_refused_is_no_run_that_the_authority_should_know(shared: Shell) -> None:
    profile = shared.folder / "profile.yaml"
    profile.write_text(profile.read_text() + "auth: {mode: disabled, submit: [ops]}\n")
    shared.request("other", "other.yaml")
    shared("submit", "other.yaml", "--actor", "mallory")
    assert found(shared)["index and records"][0] is True
