"""sr plugins show, new and check: what an adapter takes, a distribution from nothing, and whether one is sound."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sr_adapters.cli.plugins import KINDS
from sr_plugins.uses import plugin_apart
from tests.cli.conftest import Answer, Shell
from tests.cli.test_plugin_output import gated, profiled
from tests.plugins.conftest import Site, site

__all__ = ["site"]
ADAPTER = """
import attrs
from sr_ports import Adapter, hookimpl, setting

@attrs.frozen
class Inner:
    depth: int = attrs.field(default=3, metadata=setting("how deep"))

@attrs.frozen
class Settings:
    url: str = attrs.field(metadata=setting("the address"))
    token: str = attrs.field(default="hunter2", repr=False, metadata=setting("a token", secret=True))
    inner: Inner = attrs.field(default=Inner(), metadata=setting("more"))

@hookimpl
def sr_control_buses():
    return [Adapter("pigeon", lambda wiring: None, settings=Settings)]
"""
LAW = """
from sr_ports import hookimpl

class Law:
    kind = "zz_law"
    params_schema = {
        "type": "object",
        "properties": {"depth": {"type": "integer", "description": "how deep", "default": 2}},
        "additionalProperties": False,
    }
    def digest(self, bundle):
        SAID
        return bundle.sha256([one.path for one in bundle.files()])

@hookimpl
def sr_hashing_laws():
    return [Law()]
"""


def recorded(site: Site, name: str, *, version: str = "1.2") -> Path:
    """Write the RECORD of a distribution, as pip does; the folder of its metadata."""
    module = "plugin_" + name.replace("-", "_")
    info = site.folder / f"{name.replace('-', '_')}-{version}.dist-info"
    lines = []
    for path in (site.folder / f"{module}.py", info / "METADATA", info / "entry_points.txt"):
        made = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
        lines.append(f"{path.relative_to(site.folder)},sha256={made},{path.stat().st_size}")
    (info / "RECORD").write_text("\n".join([*lines, f"{info.name}/RECORD,,"]) + "\n")
    return info


def checked(sr: Shell, name: str, *more: str) -> tuple[Answer, dict[str, Any]]:
    """The answer, and each check by its name."""
    answer = sr("--json", "plugins", "check", name, *more)
    return answer, {f"{one['check']} {one['name']}": one for one in answer.json["checks"]}


def test_show_tells_settings_with_types_defaults_and_secrets(sr: Shell, site: Site) -> None:
    site.install("acme", ADAPTER)
    (one,) = sr("--json", "plugins", "show", "pigeon").json["found"]
    assert (one["port"], one["distribution"], one["version"]) == ("control_bus", "acme", "1.2")
    rows = {row["key"]: row for row in one["settings"]}
    assert list(rows) == ["url", "token", "inner.depth"]
    assert (rows["url"]["required"], rows["url"]["wanted"], rows["url"]["text"]) == (True, "text", "the address")
    assert (rows["token"]["secret"], rows["token"]["default"]) == (True, None)
    assert (rows["inner.depth"]["default"], rows["inner.depth"]["wanted"]) == (3, "a whole number")
    told = sr("plugins", "show", "pigeon")
    assert "hunter2" not in told.out
    assert "acme 1.2" in told.out


def test_show_tells_a_laws_parameters_and_all_that_a_distribution_gives(sr: Shell, site: Site) -> None:
    site.install("acme", LAW.replace("SAID", ""))
    (one,) = sr("--json", "plugins", "show", "zz_law").json["found"]
    assert (one["law"]["algorithm"], one["law"]["vectors"]) == ("sha256", 0)
    assert [(row["key"], row["wanted"], row["default"]) for row in one["settings"]] == [("depth", "integer", 2)]
    assert sr("--json", "plugins", "show", "ACME").json["found"] == [one]
    assert {row["port"] for row in sr("--json", "plugins", "show", "file").json["found"]} >= {"object_store", "sink"}


def test_show_of_nothing_names_the_nearest(sr: Shell) -> None:
    answer = sr("plugins", "show", "postgrs")
    assert (answer.code, answer.error) == (8, "PLUGIN_NOT_FOUND")
    assert "did you mean postgres?" in answer.err


def test_a_sound_distribution_is_told_so(sr: Shell, site: Site) -> None:
    site.install("acme", 'sr_api = ">=1.0,<2"\n' + LAW.replace("SAID", ""))
    recorded(site, "acme")
    answer, found = checked(sr, "acme")
    assert (answer.code, answer.json["ok"], answer.json["version"]) == (0, True, "1.2")
    assert found["files acme"]["ok"]
    assert found["api plugin = plugin_acme"]["ok"]
    assert found["law zz_law"] == {"check": "law", "name": "zz_law", "ok": True, "detail": "covers bytes"}
    assert sr("plugins", "check", "acme").out.splitlines()[-1] == "acme 1.2: 0 faults"


SPOILT = {
    "tampered": ("plugin_acme.py", "is not the file that was installed"),
    "gone": ("acme-1.2.dist-info/METADATA", "is not there"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_file_that_is_not_the_one_that_was_installed_is_found(sr: Shell, site: Site, how: str) -> None:
    site.install("acme", LAW.replace("SAID", ""))
    info = recorded(site, "acme")
    name, why = SPOILT[how]
    path = site.folder / name
    if how == "gone":
        (info / "extra.txt").write_text("x")
        record = info / "RECORD"
        record.write_text(record.read_text() + f"{info.name}/extra.txt,sha256=abc,1\n")
        (info / "extra.txt").unlink()
        name = f"{info.name}/extra.txt"
    else:
        path.write_text(path.read_text() + f"\nopen({str(sr.folder / 'ran')!r}, 'w').close()\n")
    answer, found = checked(sr, "acme")
    assert answer.code == 5
    assert (found[f"files {name}"]["ok"], found[f"files {name}"]["detail"]) == (False, why)
    assert "error[PLUGIN_UNSOUND]: acme, files" in answer.err
    assert found["plugin acme"]["ok"] is None, "what somebody changed is not run"
    assert not (sr.folder / "ran").exists()


def test_code_that_was_put_into_a_package_is_found(sr: Shell, site: Site) -> None:
    site.install("acme", LAW.replace("SAID", ""))
    info = recorded(site, "acme")
    package = site.folder / "acme_pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    empty = base64.urlsafe_b64encode(hashlib.sha256(b"").digest()).rstrip(b"=").decode()
    record = info / "RECORD"
    record.write_text(record.read_text() + f"acme_pkg/__init__.py,sha256={empty},0\n")
    assert checked(sr, "acme")[0].code == 0
    (package / "planted.py").write_text("x = 1\n")
    answer, found = checked(sr, "acme")
    assert (answer.code, found[f"files {package / 'planted.py'}"]["detail"]) == (5, "is not in RECORD")


UNSOUND = {
    "random": ("import os; return os.urandom(32).hex()", "two digests for one bundle"),
    "constant": ("return 'a' * 64", "no change of bytes or names"),
    "upper": ("return 'A' * 64", "no lower-case hex"),
    "raises": ("raise KeyError('x')", "it raised KeyError"),
    "start": (
        "import hashlib as h;return h.sha256(bytes(next(bundle.stream(x.path))[0]for x in bundle.files())).hexdigest()",
        "last byte leaves its digest",
    ),
    "exits": ("import os; os._exit(0)", "its process ended with exit code 0"),
    "crashes": ("import ctypes; ctypes.string_at(0)", "its process ended with exit code -11"),
}


@pytest.mark.parametrize("how", UNSOUND)
def test_a_law_that_is_none_is_found(sr: Shell, site: Site, how: str) -> None:
    said, why = UNSOUND[how]
    site.install("acme", LAW.replace("SAID", said))
    answer, found = checked(sr, "acme")
    assert answer.code == 5
    assert (found["law zz_law"]["ok"], why in found["law zz_law"]["detail"]) == (False, True)


def test_a_law_that_does_not_end_is_found(sr: Shell, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin_apart, "LIMIT_S", 3.0)
    site.install("acme", LAW.replace("SAID", "import time; time.sleep(60)"))
    answer, found = checked(sr, "acme")
    assert (answer.code, found["law zz_law"]["detail"]) == (5, "it did not end within 3 s")


BROKEN = {
    "import": ("raise RuntimeError('no licence')", "cannot be imported: RuntimeError: no licence"),
    "exit": ("import os; os._exit(3)", "its process ended with exit code 3"),
    "unmarked": (LAW.replace("@hookimpl\n", ""), "lacks @hookimpl"),
    "wrapper": (LAW.replace("@hookimpl", "@hookimpl(tryfirst=True)"), "is marked tryfirst"),
    "range": ('sr_api = ">=9,<10"\n' + LAW, "was built for sr_ports >=9,<10"),
    "settings": (ADAPTER.replace("url: str", "url: Nothing"), "cannot be imported: NameError"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_plugin_that_gives_nothing_is_found(sr: Shell, site: Site, how: str) -> None:
    code, why = BROKEN[how]
    site.install("acme", code.replace("SAID", ""))
    answer, found = checked(sr, "acme")
    assert answer.code == 5
    assert why in found["plugin plugin = plugin_acme"]["detail"]


def test_a_name_that_another_gives_is_found(sr: Shell, site: Site) -> None:
    site.install("acme", LAW.replace("SAID", ""))
    assert checked(sr, "acme")[0].code == 0
    site.install("clone", LAW.replace("SAID", ""))
    answer, found = checked(sr, "acme")
    assert (answer.code, "clone 1.2 gives this name" in found["plugin zz_law"]["detail"]) == (5, True)


def test_a_distribution_without_plugins_is_told_and_one_that_is_not_there_is_not_found(sr: Shell) -> None:
    answer, found = checked(sr, "attrs")
    assert (answer.code, "no entry point" in found["plugin attrs"]["detail"]) == (5, True)
    assert (sr("plugins", "check", "no-such").code, sr("plugins", "check", "./gone.py").code) == (8, 8)


def test_vectors_that_do_not_hold_are_found(sr: Shell, site: Site) -> None:
    whole = hashlib.sha256(b"ab").hexdigest()
    vector = """
    class Vector:
        def __init__(self, note, digest):
            from sr_ports import VerificationMethod
            self.note, self.digest, self.files = note, digest, {"x": b"a", "y": b"b"}
            self.method, self.index, self.flag, self.stated = VerificationMethod("zz_law"), (), None, False
    vectors = [Vector("sound", WHOLE), Vector("other", OTHER)]
    """
    for other, ok in ((whole, True), ("0" * 64, False)):
        told = vector.replace("WHOLE", repr(whole)).replace("OTHER", repr(other))
        code = LAW.replace("SAID", "").replace('    kind = "zz_law"\n', f'    kind = "zz_law"\n{told}\n')
        name = f"acme-{str(ok).lower()}"
        site.install(name, code.replace("zz_law", f"law_{str(ok).lower()}"))
        answer, found = checked(sr, name)
        row = found[f"vectors law_{str(ok).lower()}"]
        assert (row["ok"], "other" in row["detail"], answer.code) == (ok, not ok, 0 if ok else 5)


def test_its_tests_are_run_where_they_are_named_or_lie_beside_an_editable_install(sr: Shell, site: Site) -> None:
    site.install("acme", LAW.replace("SAID", ""))
    tests = sr.folder / "source" / "tests"
    tests.mkdir(parents=True)
    (tests / "test_it.py").write_text("def test_it():\n    assert True\n")
    answer, found = checked(sr, "acme", "--tests", str(tests))
    assert (answer.code, found[f"tests {tests}"]["ok"]) == (0, True)
    direct = {"url": tests.parent.as_uri(), "dir_info": {"editable": True}}
    (site.folder / "acme-1.2.dist-info" / "direct_url.json").write_text(json.dumps(direct))
    assert checked(sr, "acme")[1][f"tests {tests}"]["ok"]
    (tests / "test_it.py").write_text("def test_it():\n    assert False\n")
    answer, found = checked(sr, "acme")
    assert (answer.code, "1 failed" in found[f"tests {tests}"]["detail"]) == (5, True)
    assert checked(sr, "acme", "--tests", "nowhere")[0].code == 5


@pytest.mark.parametrize(
    "name",
    ["class", "match", "json", "../out", "/tmp/out", "a/b", ".", "", "a b", "a--b", "-a", "a-", "1a", "a" * 33,
     "pytest", "scenario-runner", "sr_ports", "file", "sqlite", "tests", "naïve", "a\nb"],
)  # fmt: skip
def test_a_name_that_cannot_be_is_refused_and_nothing_is_written(sr: Shell, name: str) -> None:
    before = sorted(sr.folder.rglob("*"))
    answer = sr("plugins", "new", "law", "--", name)
    assert (answer.code, answer.error) == (2, "USAGE")
    assert sorted(sr.folder.rglob("*")) == before
    assert not (sr.folder.parent / "out").exists()


def test_what_is_there_already_is_left_as_it_is(sr: Shell) -> None:
    for taken in ("folder", "link", "plain"):
        path = sr.folder / f"my-{taken}"
        if taken == "folder":
            path.mkdir()
        elif taken == "link":
            path.symlink_to("nowhere")
        else:
            path.write_text("kept")
        assert sr("plugins", "new", "law", path.name).error == "USAGE"
        assert path.is_symlink() is (taken == "link")
    assert (sr.folder / "my-plain").read_text() == "kept"
    assert list((sr.folder / "my-folder").iterdir()) == []
    assert sr("plugins", "new", "spoon", "my-spoon").error == "USAGE"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_written_whole_and_names_nothing_of_its_template(sr: Shell, kind: str) -> None:
    answer = sr("--json", "plugins", "new", kind, f"Acme-{kind}")
    assert answer.code == 0
    folder = sr.folder / f"Acme-{kind}"
    files = {path.relative_to(sr.folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == set(answer.json["files"])
    module = f"src/acme_{kind}"
    assert {f"Acme-{kind}/{one}" for one in (
        "pyproject.toml", "README.md", f"{module}/__init__.py", f"{module}/py.typed", f"tests/test_{kind}.py")
    } <= files  # fmt: skip
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_text("utf-8")
            assert not any(word in text for word in ("my_plugin", "my-plugin", "THE_KIND", "THE_API"))
    assert answer.json["next"][0] == f"pip install -e {'./' if kind == 'law' else repr('./')[:-1]}Acme-{kind}" + (
        "" if kind == "law" else "[test]'"
    )


def installed(site: Site, sr: Shell, name: str) -> None:
    """What ``pip install -e`` leaves: metadata, and the way to the source."""
    module = name.replace("-", "_")
    site.install(name, "", version="0.1.0", module=f"unused_{module}")
    info = site.folder / f"{module}-0.1.0.dist-info"
    (info / "entry_points.txt").write_text(f"[scenario_runner]\n{module} = {module}\n")


def test_from_new_to_a_law_that_judges_a_gate_in_three_commands(
    sr: Shell, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = sr("plugins", "new", "law", "my-law")
    steps = [line.partition("next: ")[2].split() for line in written.out.splitlines() if "next: " in line]
    assert [words[0] for words in steps] == ["pip", "sr"]
    readme = (sr.folder / "my-law" / "README.md").read_text()
    assert all(" ".join(words) in readme for words in steps)
    assert sr(*steps[1][1:]).code == 2, "before it is installed nobody provides the law"
    installed(site, sr, "my-law")
    monkeypatch.syspath_prepend(sr.folder / "my-law" / "src")
    assert sr(*steps[1][1:]).code == 0
    data = sr.folder / "my-law" / "example" / "world" / "data" / "orders.csv"
    data.write_bytes(data.read_bytes() + b"4,40\n")
    assert "error[EVIDENCE_CONFLICT]" in sr(*steps[1][1:]).err
    sys.modules.pop("my_law", None)


def test_the_profile_of_the_example_needs_no_installing(sr: Shell) -> None:
    sr("plugins", "new", "law", "my-law")
    readme = (sr.folder / "my-law" / "README.md").read_text()
    (line,) = [one for one in readme.splitlines() if one.startswith("sr --profile")]
    assert sr.bare(*line.split()[1:]).code == 0
    data = sr.folder / "my-law" / "example" / "world" / "data" / "orders.csv"
    data.write_bytes(data.read_bytes()[:-1])
    assert "error[EVIDENCE_CONFLICT]" in sr.bare(*line.split()[1:]).err


def test_a_law_from_the_template_takes_a_run_to_ready(sr: Shell) -> None:
    sr("plugins", "new", "law", "zz-law")
    profiled(sr, plugins={"load": ["zz-law/src/zz_law/__init__.py"]})
    gated(sr, "zz_law")
    from sr_plugins.host.local_file import load_file, source_of
    from sr_ports import VerificationMethod
    from sr_ports.bundles import MemoryBundle

    source, _ = source_of(str(sr.folder / "zz-law/src/zz_law/__init__.py"))
    law = load_file(str(source.file), source.version).Law()
    node = json.loads((sr.folder / "pack" / "engine_gates.map.yaml").read_text())["gates"][0]
    root = sr.folder / "root" / node["bundle_root_template"].replace("{manifest_fingerprint}", _pin(sr))
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    method = VerificationMethod("zz_law", exclude_filenames=("_passed.flag",))
    (root / "_passed.flag").write_text(f"sha256_hex = {law.digest(MemoryBundle(files, (), method))}\n")
    answer = sr("--json", "submit", sr.request())
    assert (answer.code, answer.json["state"]) == (0, "READY")
    notes = sr("--json", "facts", answer.json["run_id"]).json["evidence_notes"]
    assert f"GATE_LAW:{node['gate_id']}:zz_law:local=={source.version}" in notes


def _pin(sr: Shell) -> str:
    pin: str = json.loads((sr.folder / sr.request("probe", "probe.json")).read_text())["manifest_fingerprint"]
    return pin
