"""Where a run's truth lives under the object store root (spec: wire, "Layout")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.encoding.canonical import sha256_hex
from sr_ports.compared import Compared

SCOPE_ORDER = ("manifest_fingerprint", "parameter_hash", "seed", "scenario_id", "run_id")
_LONG = 200


STORE_NOTES = "fraud-platform/_store_notes/"
"""Below it is a note on each decision of which store this is."""
STORE_RECORDS = "fraud-platform/_store_records/"
"""Below it is a record for each identity that was decided upon: lines as a run's, `run_id` the identity."""

OBJECT_VERSIONS = "object_versions.json"
"""Of revision 1, beside an instance's part list: which very objects were hashed, where the store can tell."""


@attrs.frozen(eq=False, repr=False)
class Layout(Compared):
    """Keys of one platform run. Refs inside artifacts are these keys."""

    platform_run_id: str

    @property
    def base(self) -> str:
        return f"fraud-platform/{self.platform_run_id}/sr"

    def plan(self, run_id: str) -> str:
        return f"{self.base}/run_plan/{run_id}.json"

    def record(self, run_id: str) -> str:
        return f"{self.base}/run_record/{run_id}.jsonl"

    def status(self, run_id: str) -> str:
        return f"{self.base}/run_status/{run_id}.json"

    def facts(self, run_id: str) -> str:
        return f"{self.base}/run_facts_view/{run_id}.json"

    def ready(self, run_id: str) -> str:
        return f"{self.base}/ready_signal/{run_id}.json"

    def attestation(self, run_id: str) -> str:
        return f"{self.base}/attestation/{run_id}.dsse.json"

    def quarantine(self, run_id: str) -> str:
        return f"{self.base}/quarantine/{run_id}.json"

    def set_aside(self, key: str, digest: str) -> str:
        """Where the bytes of this sha256, hex64, are kept that stood at `key` and were not the record's."""
        return f"{self.base}/quarantine/set_aside/{digest}{'.json' if '/instance_receipts/' in key else ''}"

    def part_list(self, digest: str) -> str:
        """The part list whose sha256 is this digest, hex64."""
        return f"{self.base}/part_lists/{digest}.json"

    def object_versions(self, run_id: str) -> str:
        """Which very objects were hashed for a run, where the store can tell."""
        return f"{self.base}/object_versions/{run_id}.json"

    def instance_folder(self, output_id: str, scope: Mapping[str, Any], day: str | None = None) -> str:
        """Folder of an output's instance receipt: partitions in the fixed order, then the day it is of."""
        parts = [f"{pin}={_segment(str(scope[pin]))}" for pin in SCOPE_ORDER if pin in scope]
        parts += [] if day is None else [f"utc_day={day}"]
        return "/".join([self.base, "instance_receipts", f"output_id={output_id}", *parts])

    def instance_receipt(self, output_id: str, scope: Mapping[str, Any], day: str | None = None) -> str:
        """An output's instance receipt, in its folder."""
        return f"{self.instance_folder(output_id, scope, day)}/instance_receipt.json"

    def attempt_log(self, run_id: str, attempt_no: int, stream: str) -> str:
        return f"{self.base}/engine_attempt_logs/run_id={run_id}/attempt_no={attempt_no}/{stream}.log"


def store_identity_key() -> str:
    """The key of the store's identity, beside the platform runs."""
    return "fraud-platform/_store.json"


def store_note_key(store_id: str, digest: str) -> str:
    """The key of the note on an identity, and what was decided of it. `digest`: the note's sha256, hex64."""
    return f"{STORE_NOTES}{store_id}.{digest}.json"


def store_record_key(store_id: str) -> str:
    """The key of the record of an identity: what was decided of the store that had it."""
    return f"{STORE_RECORDS}{store_id}.jsonl"


_REF = re.compile(
    r"fraud-platform/([^/]+)/sr/(?:run_plan|run_record|run_status|run_facts_view|ready_signal|quarantine|attestation|object_versions)"
    r"/([0-9a-f]{32})\.(?:json|jsonl|dsse\.json)"
)


def run_of(ref: str) -> tuple[Layout, str] | None:
    """Whose artifact a key is, of those that are named for their run; None for any other text."""
    match = _REF.fullmatch(ref)
    return None if match is None else (Layout(match[1]), match[2])


def _segment(value: str) -> str:
    # File systems end a name at 255 bytes; a longer scenario id is named by its digest.
    return value if len(value.encode()) <= _LONG else f"sha256-{sha256_hex(value.encode())}"
