"""The judge of a gate is evidence: verify compares it first, and takes another law for no rotten bytes."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from tests.cli.conftest import Answer, Shell
from tests.cli.test_plugin_output import gated, profiled
from tests.plugins.conftest import Site, site

__all__ = ["site"]
LAW = """
import hashlib
from sr_ports import hookimpl

class Law:
    kind = "zz_law"
    version = "{version}"
    def digest(self, bundle):
        {digest}

@hookimpl
def sr_hashing_laws():
    return [Law()]
"""
SOUND = "return bundle.sha256([one.path for one in bundle.files()])"
AGAIN = "return bundle.sha256(tuple(paths))"
OTHER = "return hashlib.sha256(repr([one.path for one in bundle.files()]).encode()).hexdigest()"


@pytest.fixture
def ready(sr: Shell, site: Site) -> tuple[Shell, Site, str]:
    """A run that a law of ``acme-laws 1.2`` judged."""
    site.install("acme-laws", LAW.format(version="1", digest=SOUND))
    profiled(sr)
    gated(sr, "zz_law")
    answer = sr("--json", "submit", sr.request())
    assert answer.json["state"] == "READY", answer.err
    return sr, site, str(answer.json["run_id"])


def replaced(site: Site, code: str | None, version: str = "2.0", name: str = "acme-laws") -> None:
    """Uninstall the law, and install another in its place."""
    shutil.rmtree(site.folder / "acme_laws-1.2.dist-info")
    (site.folder / "plugin_acme_laws.py").unlink()
    sys.modules.pop("plugin_acme_laws", None)
    if code is not None:
        site.install(name, code, version=version)


def verified(sr: Shell, run_id: str, *, code: int) -> Answer:
    answer = sr("--json", "verify", run_id)
    assert answer.code == code, answer.err
    return answer


def test_the_judge_is_on_record_with_its_fingerprint(ready: tuple[Shell, Site, str]) -> None:
    sr, _, run_id = ready
    (record,) = sr.folder.rglob("run_record/*.jsonl")
    (decided,) = [one for one in map(json.loads, record.read_text().splitlines())
                  if one["event_kind"] == "EVIDENCE_COMPLETE"]  # fmt: skip
    judges = {one["gate_id"]: one for one in decided["details"]["judges"]}
    theirs, own = judges["gate.up"], judges["gate.end"]
    assert (theirs["distribution"], theirs["version"], theirs["law_version"]) == ("acme-laws", "1.2", "1")
    assert (theirs["algorithm"], own["algorithm"]) == ("sha256", "sha256")
    for one in (theirs, own):
        probes, _, digest = one["fingerprint"].partition(":")
        assert probes.isdecimal() and len(digest) == 64
    assert theirs["fingerprint"] == own["fingerprint"], "they are the same function"
    verified(sr, run_id, code=0)


def test_a_law_that_is_gone_is_named_with_what_to_install(ready: tuple[Shell, Site, str]) -> None:
    sr, site, run_id = ready
    replaced(site, None)
    answer = verified(sr, run_id, code=9)
    assert [one["code"] for one in answer.json["findings"]] == ["UNKNOWN_HASHING_LAW"]
    assert "; install acme-laws==1.2" in answer.err
    assert answer.json["not_judged"] == ["gate.up"]
    assert answer.json["proven_outputs"] > 0, "the bytes of outputs are proven all the same"


@pytest.mark.parametrize("section", [{"allow": ["scenario-runner"]}, {"block": ["acme-laws"]}])
def test_a_law_that_the_profile_leaves_out_is_told_so(
    ready: tuple[Shell, Site, str], section: dict[str, list[str]]
) -> None:
    sr, _, run_id = ready
    profiled(sr, plugins=section)
    answer = verified(sr, run_id, code=9)
    assert "let acme-laws in by plugins.allow" in answer.err
    assert "install" not in answer.err


@pytest.mark.parametrize("section", [{"allow": ["scenario-runner"]}, {"block": ["acme-laws"]}])
def test_what_needs_a_law_that_is_left_out_says_to_let_it_in(
    ready: tuple[Shell, Site, str], section: dict[str, list[str]]
) -> None:
    sr, site, _ = ready
    profiled(sr, plugins=section)
    for command in (["submit", sr.request("key-2")], ["contracts", "check"], ["doctor"]):
        said = sr(*command).err
        assert "UNKNOWN_HASHING_LAW" in said and "acme-laws 1.2: plugins." in said
        assert "let " in said and "repair the pack" not in said
    profiled(sr)
    replaced(site, None)
    for command in (["submit", sr.request("key-2")], ["contracts", "check"], ["doctor"]):
        said = sr(*command).err
        assert "install the plugin of that law" in said and "repair the pack" not in said


def test_facts_shows_a_digest_of_another_algorithm(sr: Shell, site: Site) -> None:
    wide = 'algorithm = "sha512"\n    def stated(self, flag):\n        return "5" * 128\n    def digest(self, bundle):'
    law = LAW.replace("    def digest(self, bundle):", "    " + wide).format(version="1", digest="return '5' * 128")
    site.install("acme-laws", law)
    profiled(sr)
    gated(sr, "zz_law")
    run_id = sr("--json", "submit", sr.request()).json["run_id"]
    answer = sr("facts", run_id)
    assert answer.code == 0, answer.err
    assert f"sha512:{'5' * 128}" in answer.out


def test_another_version_of_the_same_function_goes_on(ready: tuple[Shell, Site, str]) -> None:
    sr, site, run_id = ready
    replaced(site, LAW.format(version="7", digest=f"paths = (one.path for one in bundle.files())\n        {AGAIN}"))
    verified(sr, run_id, code=0)


def test_another_function_is_a_law_that_differs_and_never_rotten_bytes(ready: tuple[Shell, Site, str]) -> None:
    sr, site, run_id = ready
    replaced(site, LAW.format(version="1", digest=OTHER))
    answer = verified(sr, run_id, code=9)
    (finding,) = answer.json["findings"]
    assert (finding["code"], finding["where"]) == ("LAW_VERSION_CHANGED", "gate.up")
    assert "acme-laws==1.2 judged the gate, and acme-laws==2.0, which is here, answers otherwise" in finding["what"]
    assert "ROTTED" not in answer.err
    assert "; install acme-laws==1.2" in answer.err


def test_a_law_of_another_distribution_that_returns_the_flag_judges_nothing(ready: tuple[Shell, Site, str]) -> None:
    sr, site, run_id = ready
    replaced(site, LAW.format(version="1", digest="return 'a' * 64"), name="clone-laws")
    assert "clone-laws==2.0, which is here, answers otherwise" in verified(sr, run_id, code=9).err


def test_bytes_that_rotted_are_told_as_that_where_the_law_is_the_same(ready: tuple[Shell, Site, str]) -> None:
    sr, _, run_id = ready
    victim = next(one for one in sr.folder.rglob("*") if one.is_file() and one.parent.name == "up")
    victim.write_bytes(b"other")
    answer = verified(sr, run_id, code=5)
    assert "ROTTED" in answer.err


@pytest.mark.parametrize(
    ("kind", "more", "told"),
    [
        ("zz_law", {"exclude_filename": []}, "did you mean exclude_filenames?"),
        ("zz_law", {"salt": "x"}, "unknown key 'salt'"),
        ("bagit", {"algoritms": ["md5"]}, "did you mean algorithms?"),
        ("bagit", {"algorithms": "md5"}, "algorithms must be array"),
        ("sha256sums_file", {"algorithms": ["md5"]}, "unknown key 'algorithms'"),
    ],
)
def test_a_key_that_the_gate_s_law_does_not_know_is_an_error_of_the_pack(
    sr: Shell, site: Site, kind: str, more: dict[str, object], told: str
) -> None:
    site.install("acme-laws", LAW.format(version="1", digest=SOUND))
    profiled(sr)
    path = sr.folder / "pack" / "engine_gates.map.yaml"
    node = json.loads(path.read_text())
    node["gates"][0]["verification_method"] = {"kind": kind, "x-note": "free", **more}
    path.write_text(json.dumps(node))
    checked = sr("contracts", "check")
    assert (checked.code, told in checked.out) == (5, True), checked.out
    answer = sr("submit", sr.request())
    assert (answer.code, answer.error, told in answer.err) == (2, "PACK_INVALID", True), answer.err
    assert sr("--json", "list").json["runs"] == [], "nothing is bound"
