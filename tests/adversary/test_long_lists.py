"""A list of files as long as objects of the store may be: whoever wrote it, no command grows with it (spec: behaviour,
"Bounds"). Each attack has beside it the same commands over what a run itself has written."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adversary.peak import measured
from tests.cli.conftest import Shell, sr
from tests.forger import rechained

_ = sr
MEMORY_MIB = 120
LONG = 96 << 20
"""Bytes: held whole, and as text, it is more than all that a process may have."""
OUTPUT = "events"
CONFIG = ("--profile", "profile.yaml", "--policy", "policy.yaml")


def one(pattern: str) -> Path:
    return next(Path("runs").rglob(pattern))


def ready(sr: Shell, key: str = "key") -> str:
    answer = sr("submit", sr.request(key), "--json")
    assert answer.code == 0
    return str(answer.json["run_id"])


def hostile() -> Iterator[bytes]:
    """A canonical list of as many parts as there is room for; none of them is anywhere."""
    some = 1000
    for at in range(0, LONG, some * 96):
        number = at // 96
        parts = (b'{"path":"%08d","sha256":"%064d","size":1}' % (n, n) for n in range(number, number + some))
        yield (b"," if at else b"[") + b",".join(parts)
    yield b"]"


def planted(key: Path, pieces: Iterator[bytes]) -> str:
    """What stands at `key` afterwards, by its sha256."""
    whole = hashlib.sha256()
    with key.open("wb") as file:
        for piece in pieces:
            whole.update(piece)
            file.write(piece)
    return whole.hexdigest()


COMMANDS: dict[str, tuple[str, ...]] = {
    "verify": ("verify", "RUN"),
    "verify fast": ("verify", "RUN", "--fast"),
    "audit": ("audit", "RUN"),
    "open": ("open", "RUN", OUTPUT),
    "explain": ("explain", "RUN"),
    "resume": ("resume", "RUN"),
    "again": ("submit", "again.yaml"),
    "another run": ("submit", "another.yaml"),
    "recover": ("recover", "RUN", "--artifact", "LIST", "--accept-loss", "--reason", "planted"),
}
FAULT = {"verify": 5, "verify fast": 5, "audit": 5, "open": 5, "another run": 5, "recover": 5}
"""How a command ends over a list that is not the run's, where that is not as ever."""


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("attack", [True, False])
def test_a_list_that_is_not_the_runs_is_never_held(sr: Shell, name: str, attack: bool) -> None:
    run_id = ready(sr)
    path = one("part_lists/*.json")
    sr.request("key", name="again.yaml")
    sr.request("another", name="another.yaml")
    if attack:
        planted(path, hostile())
    words = [{"RUN": run_id, "LIST": str(path.relative_to("runs"))}.get(word, word) for word in COMMANDS[name]]
    done = measured(*CONFIG, *words)
    assert done.mib < MEMORY_MIB
    assert done.code == (FAULT.get(name, 0) if attack else 0), done.err


def named(run_id: str) -> str:
    """The digest of the run's list."""
    facts = json.loads(one(f"run_facts_view/{run_id}.json").read_bytes())
    return str(next(each for each in facts["locators"] if each["output_id"] == OUTPUT)["content_digest"]["hex"])


def made_up(run_id: str) -> str:
    """A hostile list under its own name, beside the run's; its digest."""
    made = one(f"part_lists/{named(run_id)}.json").with_name("made.json")
    digest = planted(made, hostile())
    made.rename(made.with_name(f"{digest}.json"))
    return digest


def rewritten(run_id: str) -> None:
    """Whoever may write the store makes the run's truth name another list, with no key to stop him."""
    was, digest = named(run_id).encode(), made_up(run_id).encode()
    record, view = one(f"run_record/{run_id}.jsonl"), one(f"run_facts_view/{run_id}.json")
    record.write_bytes(rechained(record.read_bytes().replace(was, digest), lambda event: event))
    view.write_bytes(view.read_bytes().replace(was, digest))


def another(sr: Shell) -> str:
    """A READY run of another seed, one file of which differs."""
    folder = Path("root/data/events")
    shutil.copytree(folder / "seed=7", folder / "seed=8")
    next(folder.glob("seed=8/*/part-1.bin")).write_bytes(b"other")
    answer = sr("submit", sr.request("other", seed=8), "--json")
    assert answer.code == 0
    return str(answer.json["run_id"])


@pytest.mark.parametrize("name", ["verify", "verify fast", "audit", "open", "diff"])
@pytest.mark.parametrize("attack", [True, False])
def test_a_list_of_its_own_name_is_read_part_by_part(sr: Shell, name: str, attack: bool) -> None:
    run_id, other = ready(sr), another(sr)
    if attack:
        rewritten(run_id)
    words = COMMANDS.get(name, ("diff", "OTHER", "RUN", "--json"))
    done = measured(*CONFIG, *({"RUN": run_id, "OTHER": other}.get(word, word) for word in words))
    assert done.mib < MEMORY_MIB
    assert done.code == (5 if attack and name != "diff" else 0), done.err
    if name == "diff":
        (differ,) = json.loads(done.out)["outputs"]["differ"]
        assert ("unnamed" in differ) is attack
        assert ("part-1.bin" in differ["changed"]) is not attack


@pytest.mark.parametrize("attack", [True, False])
def test_a_receipt_that_names_a_long_list_puts_no_more_on_record_than_fits(sr: Shell, attack: bool) -> None:
    run_id = ready(sr)
    if attack:
        receipt = one("instance_receipts/**/instance_receipt.json")
        receipt.write_bytes(receipt.read_bytes().replace(named(run_id).encode(), made_up(run_id).encode()))
    sr.request("another", name="another.yaml")
    done = measured(*CONFIG, "submit", "another.yaml")
    assert done.mib < MEMORY_MIB
    assert done.code == (9 if attack else 0), done.err
    assert ("INSTANCE_RECEIPT_ORPHAN" in done.out + done.err) is attack
    assert all(path.stat().st_size < 4 << 20 for path in Path("runs").rglob("run_record/*.jsonl"))


@pytest.mark.parametrize("bound", [True, False])
def test_object_versions_that_nobody_wrote_are_never_held(sr: Shell, bound: bool) -> None:
    run_id = ready(sr)
    versions = one("part_lists").with_name("object_versions") / f"{run_id}.json"
    versions.parent.mkdir()
    if bound:
        versions.write_bytes(b'{"events":{"data/a":"v1"}}')
    else:
        planted(versions, iter([b'{"events":{' + b'"a":"b",' * (LONG // 8), b'"a":"b"}}']))
    done = measured(*CONFIG, "verify", run_id)
    assert done.mib < MEMORY_MIB
    assert done.code == 0, done.err


def test_as_many_files_as_are_promised_are_opened_and_told_apart(sr: Shell) -> None:
    folder = Path(f"root/data/events/seed=7/manifest_fingerprint={'a' * 64}")
    for number in range(100_000):
        os.close(os.open(folder / f"part-{number:06}.parquet", os.O_CREAT | os.O_WRONLY))
    sr.request(name="many.yaml")
    done = measured(*CONFIG, "submit", "many.yaml", "--json")
    assert (done.code, done.mib < MEMORY_MIB) == (0, True), done
    run_id = str(json.loads(done.out)["run_id"])
    for words in (("verify", run_id), ("audit", run_id), ("open", run_id, OUTPUT, "--json")):
        done = measured(*CONFIG, *words)
        assert (done.code, done.mib < MEMORY_MIB) == (0, True), (words, done.mib, done.err)
    assert len(json.loads(done.out)["files"]) == 100_002
