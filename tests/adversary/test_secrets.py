"""Secrets stay secret: pushed through the fields of a profile and of a request, the engine's output, evidence and
errors, they are found in no log, artifact, answer or event (spec: behaviour, "Observability")."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.cli.conftest import Answer, Shell, policy, sr

_ = sr, policy
SECRETS = st.text("abcdefghijkmnpqrstuvwxyz23456789", min_size=14, max_size=24)
SHAPES: dict[str, Callable[[str], str]] = {
    "a DSN": "postgresql://u:{}@127.0.0.1:1/db".format,
    "a DSN of words": "host=127.0.0.1 port=1 password={}".format,
    "a key": "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw{}\n-----END PRIVATE KEY-----\n".format,
    "an address": "http://127.0.0.1:1/?token={}".format,
    "a signed address": "http://127.0.0.1:1/k?X-Amz-Signature={}".format,
    "an option": "login --password {}".format,
    "a cookie": "Cookie: a={}".format,
}
PLACES = (
    "profile: {}", "runtime_root: {}", "policy: {}", "authority: {}", "authority: {{adapter: {}}}",
    "authority: {{adapter: sqlite, path: {}}}", "object_store: {}", "object_store: {{adapter: file, root: {}}}",
    "object_store: {{adapter: file, {}: 1}}", "control_bus: {{adapter: file, topic: {}}}", "lease: {{ttl_s: {}}}",
    "engine: {{interface_pack: {}}}", "engine: {{oracle_engine_run_root: {}}}", "engine: {{oracle_root: {}}}",
    "auth: {{submit: {}}}", "auth: {{mode: {}}}", "observability: {{sinks: [{}]}}", "evidence: {{workers: {}}}",
    "plugins: {{allow: [{}]}}", "invoker: {{adapter: subprocess, command: [{}]}}", "attest: {}",
    "invoker: {{adapter: subprocess, command: ['true'], cwd: {}}}",
)  # fmt: skip
RUN_FIELDS = ("run_equivalence_key", "request_id", "invoker", "notes", "seed", "parameter_hash", "requested_strategy")
FEW = settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
SHORT = settings(FEW, max_examples=25)


def everywhere(shell: Shell, answer: Answer) -> Iterator[tuple[str, bytes]]:
    """Whatever a command told or left behind, by place; names of files, too. The given files are none of it."""
    yield "stdout", answer.out.encode()
    yield "stderr", answer.err.encode()
    for path in (shell.folder / "runs").rglob("*"):
        yield "a name", str(path).encode()
        if path.is_file():
            yield str(path), path.read_bytes()


def shown(shell: Shell, answer: Answer, secret: str) -> list[str]:
    assert "Traceback" not in answer.out + answer.err
    return [where for where, data in everywhere(shell, answer) if secret.encode() in data]


@SHORT
@given(SECRETS, st.sampled_from(sorted(SHAPES)), st.sampled_from(PLACES))
def test_no_setting_shows_what_the_environment_holds(sr: Shell, secret: str, shape: str, place: str) -> None:
    shutil.rmtree(sr.folder / "runs", ignore_errors=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELD", SHAPES[shape](secret))
        engine = "" if place.startswith("engine") else "engine: {interface_pack: pack}\n"
        root = "" if place.startswith("runtime_root") else "runtime_root: runs\n"
        Path("held.yaml").write_text(root + engine + place.format("'${HELD}'") + "\n")
        for command in (("submit", sr.request()), ("--json", "list"), ("plugins",)):
            answer = sr.bare("--profile", "held.yaml", *command)
            assert shown(sr, answer, secret) == []


@SHORT
@given(SECRETS, st.sampled_from(["interface_pack", "oracle_engine_run_root"]))
def test_a_bare_value_of_the_environment_is_named_by_its_variable(sr: Shell, secret: str, key: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELD", secret)
        engine = {"interface_pack": "pack", key: "${HELD}"}
        Path("held.yaml").write_text(yaml.safe_dump({"runtime_root": "runs", "engine": engine}))
        answer = sr.bare("--profile", "held.yaml", "submit", sr.request())
        assert secret not in answer.err
        assert key != "interface_pack" or "the environment variable HELD" in answer.err


@SHORT
@given(SECRETS, st.sampled_from(sorted(SHAPES)), st.sampled_from(RUN_FIELDS))
def test_no_field_of_a_request_shows_a_secret(sr: Shell, secret: str, shape: str, field: str) -> None:
    shutil.rmtree(sr.folder / "runs", ignore_errors=True)
    held = SHAPES[shape](secret).strip().replace("\n", " " if field != "notes" else "\n")
    answer = sr("submit", sr.request(**{field: held}))
    assert shown(sr, answer, secret) == []
    assert answer.code == (0 if field == "notes" else 2)


ENGINE = """
import sys
for stream in (sys.stdout, sys.stderr):
    for line in {lines!r}:
        print(line, file=stream, flush=True)
sys.exit(3)
"""


@settings(FEW, max_examples=1)
@given(SECRETS)
def test_no_output_of_an_engine_shows_a_secret(sr: Shell, policy: Callable[..., None], secret: str) -> None:
    policy(attempt_limit=1)
    shutil.rmtree(sr.folder / "runs", ignore_errors=True)
    lines = [shape(secret) for shape in SHAPES.values()]
    lines += [f"password=\x1b[1;31m{secret}\x1b[0m", f"machine h login me password {secret}", f"curl -u me:{secret}"]
    invoker = {"adapter": "subprocess", "command": [sys.executable, "-c", ENGINE.format(lines=lines)]}
    profile = {"runtime_root": "runs", "engine": {"interface_pack": "pack"}, "invoker": invoker}
    Path("profile.yaml").write_text(yaml.safe_dump(profile))
    answer = sr("-v", "submit", sr.request(engine_run_root="made"), "--strategy", "FORCE_INVOKE")
    assert answer.code == 4
    assert shown(sr, answer, secret) == []
    explained = sr("explain", json.loads(sr("--json", "list").out)["runs"][0]["run_id"])
    assert shown(sr, explained, secret) == []


@FEW
@given(SECRETS, st.sampled_from(sorted(SHAPES)))
def test_no_evidence_shows_a_secret(sr: Shell, secret: str, shape: str) -> None:
    shutil.rmtree(sr.folder / "runs", ignore_errors=True)
    (sr.folder / "root" / "up" / "_passed.flag").write_text(SHAPES[shape](secret).replace("\n", " "))
    answer = sr("submit", sr.request())
    assert answer.code == 5
    assert shown(sr, answer, secret) == []


def test_what_is_no_secret_is_shown_as_it_is(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELD", "nightly")
    Path("held.yaml").write_text("profile: ${HELD}\nruntime_root: runs\nengine: {interface_pack: pack}\n")
    answer = sr.bare("--profile", "held.yaml", "submit", sr.request(request_id="token-42", notes="the usual run"))
    assert answer.code == 0
    assert any(b"the usual run" in data for _, data in everywhere(sr, answer))
    assert any(b"token-42" in data for _, data in everywhere(sr, answer))
