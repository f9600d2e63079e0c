"""A stranger's wheel with laws over content: whatever it does, and whatever becomes of it, the answer is the right one.

The wheel is a file that pip would take, and is unpacked as pip unpacks it; every command is a process of its own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.reliability.lab import request, write_world
from tests.reliability.test_kill import pack

REPO = Path(__file__).resolve().parents[2]
NAME, KIND = "strange-law", "strange_content"
SOUND = """
        whole = hashlib.sha256(SALT)
        for file in bundle.files():
            whole.update(file.path.encode() + bytes(1) + file.size.to_bytes(8, "big"))
            for chunk in bundle.stream(file.path):
                whole.update(chunk)
        return whole.hexdigest()
"""
LAW = '''
"""A stranger's laws."""
import hashlib
import os
import sys
import time

from sr_ports import hookimpl

sr_api = ">=1.0,<2"
SALT = b""
IMPORTED


class Law:
    kind = "strange_content"

    def digest(self, bundle):
        FIRST
SOUND

@hookimpl
def sr_hashing_laws():
    return [Law()]
'''


def wheel(folder: Path, version: str = "1.4.2", *, first: str = "pass", imported: str = "", salt: str = "") -> Path:
    """Build the wheel. `first`: what the law does before it judges. `salt`: another one is another function."""
    code = LAW.replace("FIRST", first).replace("IMPORTED", imported).replace("SOUND", SOUND.strip("\n"))
    info = f"strange_law-{version}.dist-info"
    files = {
        "strange_law/__init__.py": code.replace('SALT = b""', f"SALT = {salt.encode()!r}").encode(),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": b"[scenario_runner]\nstrange = strange_law\n",
    }
    rows = [f"{name},sha256={_digest(data)},{len(data)}" for name, data in files.items()]
    path = folder / f"strange_law-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**files, f"{info}/RECORD": "\n".join([*rows, f"{info}/RECORD,,"]).encode()}.items():
            archive.writestr(name, data)
    return path


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


@attrs.frozen
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@attrs.frozen
class Host:
    """A machine with Scenario Runner, a pack whose first gate is the stranger's, and a world sealed for it."""

    folder: Path

    @property
    def site(self) -> Path:
        return self.folder / "site"

    def install(self, version: str = "1.4.2", **how: str) -> None:
        """As ``pip install --upgrade``."""
        self.uninstall()
        with zipfile.ZipFile(wheel(self.folder, version, **how)) as archive:
            archive.extractall(self.site)

    def uninstall(self) -> None:
        shutil.rmtree(self.site, ignore_errors=True)
        self.site.mkdir()

    def profile(self, **sections: Any) -> None:
        node = {"runtime_root": "runs", "engine": {"interface_pack": "pack"}, **sections}
        (self.folder / "sr.yaml").write_text(json.dumps(node))

    def request(self, key: str = "key") -> str:
        (self.folder / "request.json").write_text(json.dumps(request(key, engine_run_root="root")))
        return "request.json"

    def __call__(self, *args: str) -> Said:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("SR_", "PLATFORM_"))}
        env["PYTHONPATH"] = os.pathsep.join([str(REPO), str(self.site)])
        words = [sys.executable, "-m", "sr_adapters.cli", "--policy", "policy.yaml", *args]
        done = subprocess.run(words, cwd=self.folder, env=env, capture_output=True, text=True, check=False, timeout=120)
        assert "Traceback" not in done.stderr
        return Said(done.returncode, done.stdout, done.stderr)

    def submit(self, key: str = "key") -> Said:
        return self("--json", "submit", self.request(key))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    pack(tmp_path / "pack")
    write_world(tmp_path / "root")
    gates = tmp_path / "pack" / "engine_gates.map.yaml"
    node = json.loads(gates.read_text())
    gate = node["gates"][0]
    gate["verification_method"] = {"kind": KIND, "exclude_filenames": ["_passed.flag"]}
    gates.write_text(json.dumps(node))
    (tmp_path / "policy.yaml").write_text(
        'policy_id: test\nrevision: "1"\nevidence_wait_seconds: 0\nsettle_seconds: 0\n'
    )
    made = Host(tmp_path)
    made.profile()
    made.uninstall()
    assert made("policy", "seal", "policy.yaml").code == 0
    seal(made, gate["bundle_root_template"])
    return made


def bundle(host: Host, template: str) -> Path:
    pins = json.loads((host.folder / host.request()).read_text())
    return host.folder / "root" / re.sub(r"\{(\w+)\}", lambda one: str(pins[one[1]]), template)


def seal(host: Host, template: str, salt: bytes = b"") -> None:
    """Write the flag that an engine of the stranger's would write."""
    folder, whole = bundle(host, template), hashlib.sha256(salt)
    for path in sorted(folder.rglob("*"), key=lambda one: one.relative_to(folder).as_posix()):
        if path.is_file() and path.name != "_passed.flag":
            name = path.relative_to(folder).as_posix().encode()
            whole.update(name + bytes(1) + path.stat().st_size.to_bytes(8, "big") + path.read_bytes())
    (folder / "_passed.flag").write_text(f"sha256_hex = {whole.hexdigest()}\n")


def spoil(host: Host) -> Path:
    """Change a byte of the stranger's bundle."""
    template = json.loads((host.folder / "pack" / "engine_gates.map.yaml").read_text())["gates"][0]
    folder = bundle(host, template["bundle_root_template"])
    path = next(one for one in sorted(folder.rglob("*")) if one.is_file() and one.name != "_passed.flag")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    return path


def test_a_law_over_content_proves_what_is_sound_and_finds_what_is_not(host: Host) -> None:
    host.install()
    done = host.submit()
    assert (done.code, done.json["state"]) == (0, "READY")
    run_id = done.json["run_id"]
    notes = json.dumps(host("--json", "facts", run_id).json["evidence_notes"])
    assert f"{KIND}:{NAME}==1.4.2" in notes
    assert host("verify", run_id).code == 0
    spoil(host)
    other = host.submit("other")
    assert (other.code, other.json["state"]) == (5, "QUARANTINED")
    assert host("verify", run_id).code == 5


def test_a_law_that_sleeps_is_ended_and_the_run_goes_on_once_it_is_mended(host: Host) -> None:
    host.profile(evidence={"law_timeout_seconds": 2})
    host.install(first="time.sleep(600)")
    done = host.submit()
    assert (done.code, done.json["reason_code"]) == (9, "LAW_TIMEOUT")
    assert f"{NAME} 1.4.2" in done.err
    assert host("--json", "status", done.json["run_id"]).json["state"] == "VERIFYING"
    host.install()
    assert host("resume", done.json["run_id"]).code == 0


def test_what_a_law_prints_spoils_no_answer(host: Host) -> None:
    say = "print('PRINTED', flush=True); os.write(1, b'PRINTED below'); sys.stdout.write('PRINTED more\\\\n')"
    host.install(first=say, imported="print('PRINTED at import')")
    done = host.submit()
    assert (done.code, done.json["state"]) == (0, "READY")
    assert "PRINTED" not in done.out
    assert "PRINTED" in done.err
    for command in (("list",), ("plugins",), ("doctor",), ("verify", done.json["run_id"])):
        assert "PRINTED" not in json.dumps(host("--json", *command).json)


@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)", "os.kill(os.getpid(), 9)", "raise GeneratorExit"])
def test_a_law_that_exits_ends_no_command_and_makes_nothing_ready(host: Host, end: str) -> None:
    host.install(first=end)
    done = host.submit()
    assert (done.code, done.json["state"], done.json["reason_code"]) == (9, "VERIFYING", "LAW_FAILED")
    assert f"{NAME} 1.4.2" in done.err
    assert host("status", done.json["run_id"]).code == 9
    host.install()
    assert host("resume", done.json["run_id"]).code == 0


def test_a_law_of_another_version_lets_a_run_rest_that_was_planned_with_the_first(host: Host) -> None:
    host.install(first="raise KeyError('a bug')")
    done = host.submit()
    assert (done.code, done.json["reason_code"]) == (9, "LAW_FAILED")
    host.install("2.0.0")
    rests = host("--json", "resume", done.json["run_id"])
    assert (rests.code, "LAW_VERSION_CHANGED" in rests.out) == (9, True)
    host.install()
    assert host("resume", done.json["run_id"]).code == 0
    again = host.submit()
    assert (again.code, again.json["is_new"]) == (0, False)


def test_another_version_of_the_same_function_verifies_and_another_function_is_told_as_that(host: Host) -> None:
    host.install()
    run_id = host.submit().json["run_id"]
    host.install("2.0.0", imported="AGAIN = 'the same function'")
    assert host("verify", run_id).code == 0
    host.install("3.0.0", salt="another function")
    differs = host("verify", run_id)
    told = differs.out + differs.err
    assert differs.code != 0
    assert ("3.0.0" in told, "1.4.2" in told, "rotted" in told.lower()) == (True, True, False)
    host.install()
    assert host("verify", run_id).code == 0


def test_a_law_that_verify_may_not_use_is_told_so(host: Host) -> None:
    host.install()
    run_id = host.submit().json["run_id"]
    host.profile(plugins={"allow": ["scenario-runner"]})
    verified = host("verify", run_id)
    assert verified.code != 0
    assert "plugins.allow" in verified.err
    assert "rotted" not in (verified.out + verified.err).lower()
    host.profile()
    assert host("verify", run_id).code == 0


def test_a_law_that_was_uninstalled_burns_no_key_and_is_named(host: Host) -> None:
    host.install()
    done = host.submit()
    host.uninstall()
    new = host.submit("new")
    assert (new.code, new.json["error"]["reason_code"]) == (2, "UNKNOWN_HASHING_LAW")
    assert KIND in new.json["error"]["message"]
    assert host("doctor").code == 5
    verified = host("verify", done.json["run_id"])
    assert (verified.code, f"install {NAME}==1.4.2" in verified.err) == (9, True)
    assert "rotted" not in (verified.out + verified.err).lower()
    host.install()
    assert host.submit("new").code == 0
    assert host("verify", done.json["run_id"]).code == 0


@pytest.mark.parametrize("plugins", [{"allow": ["scenario-runner"]}, {"block": [NAME]}, {"block": [KIND]}], ids=str)
def test_a_law_that_the_profile_leaves_out_is_told_so_and_runs_none_of_its_code(
    host: Host, plugins: dict[str, list[str]]
) -> None:
    host.install(imported="open('ran', 'w').close()" if KIND not in plugins.get("block", ()) else "")
    host.profile(plugins=plugins)
    done = host.submit()
    assert (done.code, done.json["error"]["reason_code"]) == (2, "UNKNOWN_HASHING_LAW")
    said = done.json["error"]["message"]
    assert f"plugins.{next(iter(plugins))} leaves it out" in said
    assert NAME in said
    assert not (host.folder / "ran").exists()
    host.profile(plugins={"allow": ["scenario-runner", NAME]})
    assert host.submit().code == 0


def test_a_wheel_that_was_tampered_with_is_found_and_a_sound_one_is_not(host: Host) -> None:
    host.install()
    sound = host("--json", "plugins", "check", NAME)
    assert (sound.code, sound.json["ok"], sound.json["version"]) == (0, True, "1.4.2")
    path = host.site / "strange_law" / "__init__.py"
    path.write_text(path.read_text() + "# added\n")
    assert host("plugins", "check", NAME).code == 5
    host.uninstall()
    assert host("plugins", "check", NAME).code == 8
