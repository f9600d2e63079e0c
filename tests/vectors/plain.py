"""The formulas once more, written from the spec in plain Python: no code of Scenario Runner is used here."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Node = Mapping[str, Any]


def sha(data: bytes | str) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def canonical(node: Any) -> str:
    """RFC 8785, for the numbers that the vectors have."""
    if isinstance(node, dict):
        keys = sorted(node, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{canonical(key)}:{canonical(node[key])}" for key in keys) + "}"
    if isinstance(node, list):
        return "[" + ",".join(map(canonical, node)) + "]"
    if isinstance(node, bool) or node is None or isinstance(node, str):
        return json.dumps(node, ensure_ascii=False)
    if isinstance(node, int):
        return str(node) if abs(node) < 2**53 else f'"{node}"'
    return str(int(node)) if node == int(node) and abs(node) < 1e21 else repr(node).replace("e-0", "e-")


def digest(node: Any) -> str:
    return sha(canonical(node))


def identity(formula: str, given: Node) -> str:
    """An id by its formula (behaviour, "Identity")."""
    match formula:
        case "run_id":
            return sha("sr_run|" + given["run_equivalence_key"])[:32]
        case "attempt_id":
            return sha(f"sr_attempt|{given['run_id']}|{given['attempt_no']}")[:32]
        case "scenario_id":
            return "scnset_" + sha("|".join(sorted(set(given["scenario_set"]))))[:16]
        case "ready_message_id":
            return sha("|".join(("ready", given["platform_run_id"], given["scenario_run_id"], given["bundle_hash"])))
        case "terminal_reemit_key":
            return sha("|".join(("terminal", given["run_id"], given["state"], digest(given["status"]))))
        case "superseded_message_id":
            return sha("|".join(("superseded", given["run_id"], given["superseded_by"])))
        case _:
            raise ValueError(formula)


def intent(request: Node) -> dict[str, Any]:
    """What was asked for (behaviour, "Identity": intent_fingerprint)."""
    scenario, window = request["scenario"], request["window"]
    named = scenario.get("scenario_id") or identity("scenario_id", scenario)
    outputs = request.get("output_ids")
    return {
        **{name: request[name] for name in ("manifest_fingerprint", "parameter_hash", "seed")},
        "scenario_id": named,
        "window_start_utc": _utc(window["window_start_utc"]),
        "window_end_utc": _utc(window["window_end_utc"]),
        "window_tz": window["window_tz"],
        "output_ids": None if outputs is None else sorted(set(outputs)),
        "supersedes": request.get("supersedes"),
    }


def _utc(instant: str) -> str:
    return datetime.fromisoformat(instant).astimezone(UTC).isoformat().replace("+00:00", "Z")


def unpacked(files: Mapping[str, Node]) -> dict[str, bytes]:
    """The files of a case, as bytes."""
    return {
        path: one["text"].encode() if "text" in one else base64.b64decode(one["base64"]) for path, one in files.items()
    }


def part_list(files: Mapping[str, bytes]) -> str:
    """The list that several files have (behaviour, "Evidence": content digest)."""
    return canonical([{"path": path, "size": len(files[path]), "sha256": sha(files[path])} for path in sorted(files)])


def gate_digest(case: Node) -> str:
    """What the passed flag must state (behaviour, "Evidence": the table of laws)."""
    files, method, root = unpacked(case["files"]), case["verification_method"], case["bundle_root"]
    skipped = method["exclude_filenames"]
    if method["kind"] == "sha256_bundle_digest":
        inside = sorted(path for path in files if path.startswith(root) and path.split("/")[-1] not in skipped)
        return sha(b"".join(files[path] for path in inside))
    base = "" if method.get("path_base") == "run_root" else root
    if method["kind"] == "sha256_part_list" and case["index_path"] is None:
        inside = sorted(path for path in files if path.startswith(root) and path.split("/")[-1] not in skipped)
        return sha(part_list({path[len(base) :]: files[path] for path in inside}))
    listed = json.loads(files[case["index_path"]])
    if isinstance(listed, dict):
        (listed,) = (listed[name] for name in ("files", "entries", "items", "members") if name in listed)
    if method["kind"] == "sha256_member_digest_concat":
        return sha("".join(one["sha256_hex"] for one in listed))
    paths = [one if isinstance(one, str) else one["path"] for one in listed]
    if method["kind"] == "sha256_part_list":
        return sha(part_list({path: files[base + path] for path in paths}))
    if method.get("ordering", "ascii_lex") == "ascii_lex":
        paths.sort()
    return sha(b"".join(files[base + path] for path in paths))


def manifest_digest(case: Node) -> str:
    """What a flag that lists its files, and their bytes, give (behaviour, "Evidence": the table of laws)."""
    files, root = unpacked(case["files"]), case["bundle_root"]
    by_length = {32: "md5", 64: "sha256", 128: "sha512"}
    version = files.get(f"{root}bagit.txt", b"")[15:18]
    lines = set()
    for line in files[case["flag_path"]].decode().splitlines():
        digest, name = line.split(maxsplit=1)
        written = name.removeprefix("*").removeprefix("./")
        path = written.replace("%25", "%") if version == b"1.0" else written
        assert hashlib.new(by_length[len(digest)], files[root + path]).hexdigest() == digest.lower()
        lines.add((written, digest.lower()))
    return sha("".join(f"{digest}  {path}\n" for path, digest in sorted(lines)))


def bundle_hash(case: Node) -> str:
    """Over locators, receipts and policy revision, every path relative to the engine root (behaviour, "Identity")."""
    root = case["engine_run_root"].rstrip("/")

    def within(path: str) -> str:
        inside = path == f"{root}/" or path.startswith(f"{root}/")
        return path[len(root) + 1 :] if inside else path

    def at(one: Node) -> dict[str, Any]:
        return {**one, "path": within(one["path"])}

    locators = sorted(map(at, case["locators"]), key=lambda one: (one["output_id"], one["path"]))
    gates = [
        {**one, "artifacts": {name: within(path) for name, path in one["artifacts"].items()}}
        for one in case["gate_receipts"]
    ]
    receipts = [{**one, "target_ref": at(one["target_ref"])} for one in case.get("instance_receipts", ())]
    return digest(
        {
            "locators": locators,
            "gate_receipts": sorted(gates, key=lambda one: (one["gate_id"], one["artifacts"]["passed_flag_path"])),
            "instance_receipts": sorted(receipts, key=lambda one: (one["output_id"], one["target_ref"]["path"])),
            "policy_rev": case["policy_rev"],
        }
    )


def chain_holds(run_id: str, lines: list[str]) -> bool:
    """Whether a record is as it was written (behaviour, "The record")."""
    before = "0" * 64
    for number, line in enumerate(lines):
        event = json.loads(line)
        bare = line.replace(f'"event_id":"{event["event_id"]}"', '"event_id":""')
        if event["prev_hash"] != before or event["seq"] != number or event["run_id"] != run_id:
            return False
        if sha(bare) != event["event_id"]:
            return False
        before = sha(line)
    return bool(lines)
