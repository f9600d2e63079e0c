"""Proves a run before it is read, in plain Python: no code of Scenario Runner, no library.

    python prove.py STORE READY_SIGNAL

STORE is the folder of the object store, READY_SIGNAL the payload of READY on the control bus, or its artifact. Prints
the proven files, ``OUTPUT<tab>PATH`` a line; ends with 1 and a line on stderr for whatever is not as it was proven.
docs/proving.md says each step in words.
"""

import hashlib
import json
import sys
from pathlib import Path

WILD = set("*?[")


class NotProven(Exception):
    """Bytes, or what vouches for them, are not what was proven."""


def check(holds, why):
    if not holds:
        raise NotProven(why)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def plain(value):
    """Integers that not every reader of JSON can hold are hashed as text (RFC 7493)."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return str(value) if type(value) is int and abs(value) >= 2**53 else value


def canonical(value):
    """Canonical JSON (RFC 8785) of what these documents hold: text, whole numbers, lists, objects with ASCII names."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def relative(path, root):
    """A resolved path without the engine root; the root itself is the empty string."""
    below = root.rstrip("/") + "/"
    check(path.rstrip("/") == root.rstrip("/") or path.startswith(below), f"{path} is not below {root}")
    return path[len(below) :]


def bundle_hash(view):
    """Step 2: over locators, receipts and policy, every path taken relative to the engine root."""
    root = view["oracle_pack_ref"]["engine_run_root"]
    locators = [{**one, "path": relative(one["path"], root)} for one in view["locators"]]
    gates = []
    for one in view["gate_receipts"]:
        artifacts = {name: relative(path, root) for name, path in one.get("artifacts", {}).items()}
        gates.append({**one, "artifacts": artifacts} if artifacts else one)
    instances = [
        {**one, "target_ref": {**one["target_ref"], "path": relative(one["target_ref"]["path"], root)}}
        for one in view.get("instance_receipts", [])
    ]
    document = {
        "locators": sorted(locators, key=lambda one: (one["output_id"], one["path"])),
        "gate_receipts": sorted(
            gates, key=lambda one: (one["gate_id"], one.get("artifacts", {}).get("passed_flag_path", ""))
        ),
        "instance_receipts": sorted(instances, key=lambda one: (one["output_id"], one["target_ref"]["path"])),
        "policy_rev": view["policy_rev"],
    }
    return sha256(canonical(document))


def events(store, view):
    """Step 3: the record's lines, each chained to the one before and named by itself."""
    before, found = "0" * 64, []
    for line in (store / view["record_ref"]).read_bytes().splitlines():
        event = json.loads(line)
        check(event["prev_hash"] == before, f"the record of run {view['run_id']} is broken at seq {event['seq']}")
        own = line.replace(f'"event_id":"{event["event_id"]}"'.encode(), b'"event_id":""', 1)
        check(event["event_id"] == sha256(own), f"a line of the record of run {view['run_id']} was altered")
        before = sha256(line)
        found.append(event)
    return found


def decided(record, data):
    """Step 4: the record decided this very view, and no other run has corrected it."""
    kinds = {event["event_kind"]: event["details"] for event in record}
    decision = kinds.get("EVIDENCE_COMPLETE", {})
    check(decision.get("facts_view_digest") == sha256(data), "the record did not decide this view")
    check("READY_COMMITTED" in kinds, "the run is not READY")
    check("TRUTH_LOST" not in kinds, "the record lost what others knew of the run")
    successor = kinds.get("SUPERSEDED_BY", {}).get("successor")
    check(successor is None, f"the run was superseded by {successor}")


def proven(path, digest, size=None):
    """Step 6: a file has the bytes that were proven."""
    whole, read = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            whole.update(chunk)
            read += len(chunk)
    check(whole.hexdigest() == digest and size in (None, read), f"{path} has other bytes than were proven")
    return path


def files(store, view, locator):
    """Step 5: the files that a locator names: itself, or those on its part list."""
    path, digest, root = locator["path"], locator["content_digest"]["hex"], view["oracle_pack_ref"]["engine_run_root"]
    segments = relative(path, root).split("/")
    wild = [at for at, segment in enumerate(segments) if WILD & set(segment)]
    if not wild and segments[-1]:
        return [proven(Path(path), digest)]
    listed = store / "fraud-platform" / view["platform_run_id"] / "sr/part_lists" / f"{digest}.json"
    parts = json.loads(proven(listed, digest).read_bytes())
    check(not any({"..", "", "."} & set(part["path"].split("/")) for part in parts), f"{listed} leads astray")
    base = Path(root, *segments[: wild[0] if wild else -1])
    return [proven(base / part["path"], part["sha256"], part["size"]) for part in parts]


def main(folder, signal):
    try:
        store, ready = Path(folder), json.loads(Path(signal).read_bytes())
        data = (store / ready["facts_view_ref"]).read_bytes()
        view = json.loads(data)
        told = "|".join(("ready", view["platform_run_id"], view["scenario_run_id"], view["bundle_hash"]))
        check(ready["message_id"] == sha256(told.encode()), "READY is not of this view")  # step 1
        check(ready["run_id"] == view["run_id"] == view["pins"]["run_id"], "READY and view are of two runs")
        check(bundle_hash(view) == view["bundle_hash"], "the view's bundle_hash is not that of its content")
        decided(events(store, view), data)
        found = [(one["output_id"], path) for one in view["locators"] for path in files(store, view, one)]
    except (NotProven, OSError, ValueError, KeyError) as wrong:
        sys.stderr.write(f"not proven: {wrong}\n")
        return 1
    for output, path in found:
        sys.stdout.write(f"{output}\t{path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
