"""Who may write the bus hides no audit: what is no envelope is told beside the audits of all runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Shell, sr

_ = sr
PLANTED = {
    "no JSON": (b"{", "DOCUMENT_INVALID"),
    "too large": (b"x" * (20 << 20), "DOCUMENT_TOO_LARGE"),
    "too deep": (b'{"payload":' * 70 + b"1" + b"}" * 70, "DOCUMENT_TOO_DEEP"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_no_envelope_is_told_beside_the_audits_of_all_runs(sr: Shell, name: str) -> None:
    assert sr("submit", sr.request()).code == 0
    assert sr("audit", "--all").code == 0
    (topic,) = Path("runs").glob("fraud-platform/*/control_bus/*")
    data, code = PLANTED[name]
    (topic / f"{'f' * 64}.json").write_bytes(data)
    answer = sr("--json", "audit", "--all")
    assert answer.code == 5
    told = answer.json
    assert [(one["state"], one["findings"]) for one in told["runs"]] == [("READY", [])]
    assert [one["code"] for one in told["store"]] == [code]
    assert any("control bus" in one for one in told["not_asked"])
