"""Documents that others write and Scenario Runner reads, each with every field of its row, by hand."""

from __future__ import annotations

from typing import Any

from tests.readers.written import ORACLE

MF, PH, RUN = "a" * 64, "b" * 64, "0123456789abcdef" * 2
INCOMING: dict[str, dict[str, Any]] = {
    "run_request": {
        "run_equivalence_key": "sales-2026-01",
        "manifest_fingerprint": MF,
        "parameter_hash": PH,
        "seed": 18446744073709551615,
        "scenario": {"scenario_set": ["baseline", "stress"]},
        "window": {
            "window_start_utc": "2026-01-01T00:00:00+01:00",
            "window_end_utc": "2026-02-01T00:00:00Z",
            "window_tz": "Europe/London",
        },
        "request_id": "r-1",
        "requested_strategy": "AUTO",
        "output_ids": ["orders"],
        "engine_run_root": "s3://bucket/runs/1",
        "notes": "monthly",
        "invoker": "scheduler",
        "supersedes": RUN,
    },
    "reemit_request": {
        "run_id": RUN,
        "reemit_kind": "BOTH",
        "reason": "the consumer lost it",
        "requested_by": "operator",
        "dry_run": True,
        "requested_at_utc": "2026-02-01T00:00:00Z",
    },
    "run_receipt": {"run_id": RUN, "manifest_fingerprint": MF, "parameter_hash": PH, "seed": 7},
    "oracle_pack_manifest": ORACLE,
}
