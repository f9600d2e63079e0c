"""A run is named by its id, by six characters or more of it, or by its key, in any session."""

from __future__ import annotations

import shutil

import pytest

from sr_domain.encoding.ids import run_id_for
from sr_plugins import build_runner
from sr_ports import BadInput
from tests.cli.conftest import Shell

RUN = run_id_for("key")


@pytest.fixture
def ready(sr: Shell) -> Shell:
    assert sr("submit", sr.request()).code == 0
    return sr


@pytest.mark.parametrize("name", [RUN[:6], RUN[:8], RUN[:31], "key:key"])
def test_any_name_of_a_run_will_do(ready: Shell, name: str) -> None:
    for command in (
        ("status",), ("facts",), ("show",), ("explain",), ("audit",), ("resume",), ("verify", "--fast"), ("wait",),
    ):  # fmt: skip
        answer = ready(*command, name)
        assert (answer.code, answer.err) == (0, ""), (command, answer)
        assert RUN in answer.out
    assert ready("reemit", name, "--kind", "READY_ONLY", "--dry-run").code == 0


@pytest.mark.parametrize("name", [RUN[:5], "zzzzzz", RUN + "0", "key:", RUN[:6].upper()])
def test_what_is_no_name_says_what_names_are(ready: Shell, name: str) -> None:
    answer = ready("status", name)
    assert (answer.code, answer.error) == (2, "USAGE")
    assert "key:KEY" in answer.err


def test_a_name_of_no_run_is_not_found(ready: Shell) -> None:
    other = "0" * 6 if not RUN.startswith("000000") else "1" * 6
    for name in (other, "key:another"):
        answer = ready("status", name)
        assert (answer.code, answer.error) == (8, "RUN_NOT_FOUND")


@pytest.mark.parametrize(
    "words",
    [
        ("status",), ("wait", "--timeout", "0"), ("explain",), ("show",), ("facts",), ("resume",), ("retry",),
        ("audit",),        ("diff", RUN), ("quarantine", "show"), ("reemit", "--kind", "BOTH"), ("verify",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_key_of_no_run_is_told_as_it_was_asked_for(ready: Shell, words: tuple[str, ...]) -> None:
    answer = ready(*words, "key:nope")
    assert answer.code == 8
    assert "nope" in answer.err
    assert run_id_for("nope") not in answer.err


def test_an_ambiguous_prefix_lists_the_runs(ready: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """No two keys of a test begin alike by chance: two runs are made to, in what the index tells."""
    twin = RUN[:7] + ("0" if RUN[7] != "0" else "1") * 25
    with build_runner("profile.yaml", policy="policy.yaml") as runner:
        authority = runner.ports.authority
        rows = list(authority.runs())
        import attrs

        pair = [attrs.evolve(rows[0], run_id=one) for one in (RUN, twin)]
        monkeypatch.setattr(type(authority), "runs", lambda *_, **__: pair)
        with pytest.raises(BadInput) as caught:
            runner.run_id(RUN[:6])
    assert f"{RUN[:8]} (key)" in caught.value.what
    assert twin[:8] in caught.value.what
    assert RUN[:9] not in caught.value.what


def test_records_tell_where_the_index_is_lost_or_the_session_another(ready: Shell) -> None:
    for path in (ready.folder / "runs").glob("fraud-platform/*/sr/index/*"):
        path.unlink()
    assert ready("status", RUN[:7]).code == 0, "no index"
    (ready.folder / "runs/fraud-platform/ACTIVE_RUN_ID").unlink()
    assert ready("status", RUN[:7]).code == 0, "no session"
    assert ready("session", "new").code == 0
    assert ready("status", RUN[:7]).code == 0, "another session"
    assert ready("verify", "--fast", "key:key").code == 0
    shutil.rmtree(ready.folder / "runs")
    assert ready("status", RUN[:7]).code == 8
