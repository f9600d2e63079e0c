"""A consumer with no code of Scenario Runner: from READY on the bus to the bytes, as the wire describes it.

    python reader.py TOPIC_FOLDER STORE_ROOT

Prints, for each run that may be read, its outputs with their files; ends with 1 and a line where bytes are not those
that were proven.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WILD = frozenset("*?[")


class NotProven(Exception):
    """Bytes, or what vouches for them, are not what was proven."""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def ready_facts(topic: Path) -> Iterator[dict[str, Any]]:
    """READY, one for each message; whoever was superseded is left out."""
    envelopes = [json.loads(path.read_bytes()) for path in sorted(topic.glob("*.json"))]
    gone = {one["payload"]["run_id"] for one in envelopes if one["attributes"]["kind"] == "RUN_SUPERSEDED"}
    seen = set()
    for one in envelopes:
        key = (one["attributes"]["store_id"], one["message_id"])
        if one["attributes"]["kind"] in ("READY", "READY_REEMIT") and key not in seen:
            seen.add(key)
            if one["payload"]["run_id"] not in gone:
                yield one["payload"]


def view_of(ready: dict[str, Any], store: Path) -> dict[str, Any]:
    """The facts view that READY names, if the two speak of the same evidence."""
    view: dict[str, Any] = json.loads((store / ready["facts_view_ref"]).read_bytes())
    told = "|".join(("ready", view["platform_run_id"], view["scenario_run_id"], view["bundle_hash"]))
    if ready["message_id"] != sha256(told.encode()) or ready["bundle_hash"] != view["bundle_hash"]:
        raise NotProven(f"READY of run {ready['run_id']} is not of this view")
    return view


def files_of(locator: dict[str, Any], view: dict[str, Any], store: Path) -> list[Path]:
    """The files that a locator names, each with the bytes that were proven."""
    path, digest = locator["path"], locator["content_digest"]["hex"]
    inner = path.removeprefix(view["oracle_pack_ref"]["engine_run_root"]).lstrip("/")
    if not path.endswith("/") and not WILD & set(inner):
        return [proven(Path(path), digest)]
    listed = store / f"fraud-platform/{view['platform_run_id']}/sr/part_lists/{digest}.json"
    parts = json.loads(proven(listed, digest).read_bytes())
    base = Path(path) if path.endswith("/") else Path(path[: len(path) - len(inner)], *plain(inner))
    return [proven(base / part["path"], part["sha256"], part["size"]) for part in parts]


def plain(inner: str) -> list[str]:
    """The folders of a glob before the first segment with a wildcard."""
    segments = inner.split("/")
    first = next(at for at, one in enumerate(segments) if WILD & set(one))
    return segments[:first]


def proven(path: Path, digest: str, size: int | None = None) -> Path:
    data = path.read_bytes()
    if sha256(data) != digest or size not in (None, len(data)):
        raise NotProven(f"{path} has other bytes than were proven")
    return path


def main(topic: str, store: str) -> int:
    try:
        for ready in ready_facts(Path(topic)):
            view = view_of(ready, Path(store))
            outputs: dict[str, list[str]] = {}
            for locator in view["locators"]:
                outputs.setdefault(locator["output_id"], []).extend(map(str, files_of(locator, view, Path(store))))
            sys.stdout.write(json.dumps({"run_id": ready["run_id"], "outputs": outputs}) + "\n")
    except NotProven as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 1
    assert not [name for name in sys.modules if name.startswith("sr_")]
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
