"""A consumer that has no code of Scenario Runner: READY from the file bus, then its view, then the bytes.

Usage: ``python -I -S lone_consumer.py TOPIC_FOLDER STORE_FOLDER``. Prints a line for every READY run of
the topic, which files may be read, by output; exit code 1 and a line on stderr for bytes that are not the proven ones.
Written from the wire contract alone: what it needs of READY, view and part lists is all there is to know.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def ready_views(topic: Path, store: Path) -> list[dict[str, Any]]:
    """The facts view of every READY of the topic, once each."""
    views = {}
    for name in sorted(topic.glob("*.json")):
        envelope = json.loads(name.read_bytes())
        ready = envelope["payload"]
        if envelope["attributes"]["kind"] not in ("READY", "READY_REEMIT"):
            continue
        view = json.loads((store / ready["facts_view_ref"]).read_bytes())
        for field in ("run_id", "platform_run_id", "bundle_hash"):
            if view[field] != ready[field]:
                raise SystemExit(f"{ready['facts_view_ref']}: its {field} is not READY's")
        views[ready["message_id"]] = view
    return list(views.values())


def may_be_read(view: dict[str, Any], locator: dict[str, Any], store: Path) -> list[tuple[str, str]]:
    """Path and sha256 of every file of a locator: the file itself, or those on its part list."""
    path, digest = locator["path"], locator["content_digest"]["hex"]
    root = view["oracle_pack_ref"]["engine_run_root"].rstrip("/") + "/"
    if not path.startswith(root):
        raise SystemExit(f"{path} is not below {root}")
    segments = path[len(root) :].split("/")
    wild = [n for n, segment in enumerate(segments) if set(segment) & set("*?[")]
    if not wild and segments[-1]:
        return [(path, digest)]
    base = root + "".join(f"{segment}/" for segment in segments[: wild[0] if wild else -1])
    lists = store / "fraud-platform" / view["platform_run_id"] / "sr" / "part_lists"
    data = (lists / f"{digest}.json").read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise SystemExit(f"the part list of {path} is not the one that was proven")
    parts = json.loads(data)
    if any(".." in part["path"].split("/") or part["path"].startswith("/") for part in parts):
        raise SystemExit(f"the part list of {path} leads out of it")
    return [(base + part["path"], part["sha256"]) for part in parts]


def main(topic: Path, store: Path) -> None:
    for view in ready_views(topic, store):
        outputs: dict[str, list[str]] = {}
        for locator in view["locators"]:
            for path, digest in may_be_read(view, locator, store):
                if sha256(Path(path)) != digest:
                    raise SystemExit(f"{path} has other bytes than were proven")
                outputs.setdefault(locator["output_id"], []).append(path)
        sys.stdout.write(json.dumps({"run_id": view["run_id"], "outputs": outputs}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
