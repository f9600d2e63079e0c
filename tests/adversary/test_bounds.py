"""Nothing from outside grows without bound: over a bound a document is refused by the bound's own code, in no
time and little memory, and close below it it is read (spec: behaviour, "Bounds")."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from sr_domain.evidence.bundle import member_fault
from sr_ports import EvidenceFault, ReasonCode
from sr_ports.roots import MAX_PARTS, MAX_PATH, check_path
from sr_ports.wanted import MAX_PATTERN, MAX_SPANS
from tests.adversary.hostile import HOSTILE
from tests.cli.conftest import Shell, sr

_ = sr
MEMORY_MIB = 120
EVENTS = f"root/data/events/seed=7/manifest_fingerprint={'a' * 64}"


def test_no_document_takes_much_memory_or_time() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.adversary.hostile"], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    told = {name: (code, seconds, peak) for name, code, seconds, peak in map(json.loads, done.stdout.splitlines())}
    assert {name: code for name, (code, _, _) in told.items()} == {
        name: None if one.code is None else one.code.value for name, one in HOSTILE.items()
    }
    assert max(peak for _, _, peak in told.values()) < MEMORY_MIB
    assert max(seconds for _, seconds, _ in told.values()) < 3  # below one on a machine that does nothing else


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("x" * MAX_PATH, None),
        ("x" * (MAX_PATH + 1), ReasonCode.NAME_TOO_LONG),
        ("\u20ac" * (MAX_PATH // 3), None),
        ("\u20ac" * (MAX_PATH // 3 + 1), ReasonCode.NAME_TOO_LONG),
        ("/".join("x" * MAX_PARTS), None),
        ("/".join("x" * (MAX_PARTS + 1)), ReasonCode.PATH_TOO_DEEP),
    ],
)
def test_a_path_is_bounded_in_length_and_depth(path: str, code: ReasonCode | None) -> None:
    if code is None:
        check_path(path)
        assert member_fault(path) is None
        return
    with pytest.raises(EvidenceFault) as caught:
        check_path(path)
    assert caught.value.code is code
    fault = member_fault(path)
    assert fault is not None
    assert fault[0] is code
    assert len(caught.value.what) < 300


def deepened(top: Path, count: int) -> None:
    """So many folders one in another, and a file in the last: made from within, as no path is long enough."""
    here = os.open(top, os.O_RDONLY)
    for _ in range(count):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("x.bin", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)


def test_a_folder_1500_deep_is_a_conflict_that_says_so(sr: Shell) -> None:
    deepened(Path(EVENTS), 1500)
    try:
        answer = sr("submit", sr.request())
    finally:
        subprocess.run(["rm", "-rf", "root"], check=True)  # pytest itself cannot: it calls itself for each folder
    assert answer.code == 5
    assert "PATH_TOO_DEEP" in answer.out + answer.err


def test_a_folder_less_deep_is_evidence(sr: Shell) -> None:
    deepened(Path(EVENTS), 400)
    assert sr("submit", sr.request()).code == 0


@pytest.mark.parametrize("name", ["run_receipt.json", "_oracle_pack_manifest.json", "up/_passed.flag"])
@pytest.mark.parametrize("stands", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("elsewhere")])
def test_what_is_no_file_in_a_small_files_place_ends_the_run(
    sr: Shell, name: str, stands: Callable[[Path], object]
) -> None:
    path = Path("root") / name
    path.unlink(missing_ok=True)
    stands(path)
    answer = sr("submit", sr.request())
    assert answer.code == 5
    assert "QUARANTINED" in answer.out


@pytest.mark.parametrize("name", ["run_receipt.json", "_oracle_pack_manifest.json", "up/_passed.flag"])
def test_a_small_file_that_is_large_ends_the_run_by_the_code_of_its_bound(sr: Shell, name: str) -> None:
    (Path("root") / name).write_bytes(b'{"a":"' + b"x" * (2 << 20) + b'"}')
    answer = sr("submit", sr.request())
    assert answer.code in (4, 5)
    assert "DOCUMENT_TOO_LARGE" in answer.out + answer.err


@pytest.mark.parametrize(
    ("template", "bad"),
    [
        ("**/a*/" * MAX_SPANS + "*.bin", False),
        ("**/a*/" * (MAX_SPANS + 1) + "*.bin", True),
        ("x" * MAX_PATTERN, False),
        ("x" * (MAX_PATTERN + 1), True),
        ("*a*a*a*a*b", False),
    ],
)
def test_a_template_is_bounded_before_a_key_is_bound(sr: Shell, template: str, bad: bool) -> None:
    path = Path("pack/engine_outputs.catalogue.yaml")
    catalogue = yaml.safe_load(path.read_text())
    catalogue["outputs"][0]["path_template"] = template
    path.write_text(yaml.safe_dump(catalogue))
    answer = sr("plan", sr.request())
    assert ("PATTERN_TOO_LONG" in answer.out + answer.err) is bad
    assert not bad or answer.code == 2


def test_a_request_and_a_profile_are_bounded(sr: Shell) -> None:
    Path("long.yaml").write_bytes(b"# \n" * 400_000)
    Path("many.yaml").write_bytes(b"runtime_root: runs\nx: [" + b"1," * 200_000 + b"1]\n")
    assert sr("submit", "long.yaml").error == "DOCUMENT_TOO_LARGE"
    assert sr.bare("--profile", "many.yaml", "list").error == "DOCUMENT_TOO_MANY"
