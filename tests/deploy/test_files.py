"""Compose, policies, roles and task definition: well formed, pinned, and of one mind with the profiles."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sr_plugins.documents.profile import load_profile

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
CONFIG = DEPLOY.parent / "config"
AWS = DEPLOY / "aws"
POLICIES = sorted((AWS / "iam").glob("*.json"))
KEYS = {"Version", "Statement"}
PARTS = {"Sid", "Effect", "Action", "Resource", "NotResource", "Condition", "Principal"}
STEPS = ["postgres-1-roles.sql", "postgres-2-migrate.sh", "postgres-3-grants.sql"]


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return found


def sample(**changed: str) -> dict[str, str]:
    """The sample environment as a shell reads it, with other values for some."""
    text = (DEPLOY / ".env.example").read_text("utf-8")
    for name, value in changed.items():
        text, found = re.subn(rf"(?m)^{name}=.*$", f"{name}={value}", text)
        assert found == 1, name
    names = re.findall(r"(?m)^(\w+)=", text)
    asked = "".join(f"printf '%s\\0' \"${name}\";" for name in names)
    shell = ["sh", "-euc", f"set -a; . /dev/stdin; set +a; {asked}"]
    told = subprocess.run(shell, input=text, capture_output=True, text=True, check=True, env={"PATH": os.defpath})
    return dict(zip(names, told.stdout.split("\0"), strict=False))


def test_every_image_is_a_release_on_loopback_with_a_profile() -> None:
    services = compose()["services"]
    assert {"minio", "postgres", "kinesis", "bucket", "stream"} == set(services)
    for name, service in services.items():
        image, _, tag = re.sub(r"\$\{\w+:-(.*)\}", r"\1", service["image"]).rpartition(":")
        assert image, name
        assert re.search(r"\d+\.\d+|RELEASE\.\d", tag), f"{name}: {tag} names no release"
        assert service["profiles"] == ["parity"]
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name


def test_the_sample_environment_fills_profiles_and_compose() -> None:
    env = sample()
    for name in ("local_parity", "local_kinesis"):
        profile = load_profile(name, env)
        assert profile.object_store.settings["endpoint_url"] == env["SR_S3_ENDPOINT_URL"]
        assert profile.authority.settings["dsn"] == env["SR_PG_DSN"]
    named = set(re.findall(r"(?<!\$)\$\{(\w+)", (DEPLOY / "compose.yaml").read_text("utf-8")))
    assert named - {"MINIO_IMAGE"} <= set(env)
    wanted = {name for one in CONFIG.glob("local_*.yaml") for name in re.findall(r"\$\{(\w+)", one.read_text("utf-8"))}
    assert wanted <= set(env)


def test_a_password_is_changed_in_one_place() -> None:
    for env in (sample(), sample(MINIO_SECRET_KEY="another-1", SR_PG_PASSWORD="another-2", SR_PG_USER="me")):
        assert f"//{env['SR_PG_USER']}:{env['SR_PG_PASSWORD']}@" in env["SR_PG_DSN"]
        assert env["SR_PG_DSN"].endswith(f"/{env['SR_PG_DATABASE']}")
        keys = (env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
        assert keys == (env["MINIO_ACCESS_KEY"], env["MINIO_SECRET_KEY"]), (
            "MinIO is asked with AWS's where they are set"
        )
    assert env["AWS_SECRET_ACCESS_KEY"] == "another-1"


@pytest.mark.parametrize("path", [*POLICIES, AWS / "bucket-policy.json"], ids=lambda path: path.stem)
def test_a_policy_is_well_formed_and_grants_nothing_wholesale(path: Path) -> None:
    document = json.loads(path.read_text("utf-8"))
    assert set(document) == KEYS
    assert document["Version"] == "2012-10-17"
    sids = [one["Sid"] for one in document["Statement"]]
    assert len(sids) == len(set(sids))
    for one in document["Statement"]:
        assert set(one) <= PARTS
        assert ("Principal" in one) is (path.parent == AWS), "of whom: the bucket's policy says, a role's does not"
        assert ("Resource" in one) is not ("NotResource" in one)
        assert all(place.startswith("arn:aws:") for place in _listed(one.get("Resource", one.get("NotResource"))))
        if one["Effect"] == "Allow":
            assert all(re.fullmatch(r"[a-z0-9]+:[A-Z][A-Za-z]+", action) for action in _listed(one["Action"]))


def test_only_who_must_write_may() -> None:
    writes = {"s3:PutObject", "s3:DeleteObject", "kinesis:PutRecord"}
    may = {path.stem: {one for part in _statements(path) for one in _listed(part["Action"])} for path in POLICIES}
    assert set(may) == {"worker", "doctor", "consumer", "recover"}
    assert not may["consumer"] & writes
    assert writes <= may["worker"]
    throw_away = {place for part in _statements(AWS / "iam" / "worker.json") if "s3:DeleteObject" in part["Action"]
                  for place in _listed(part["Resource"])}  # fmt: skip
    assert {place.split("/", 1)[1] for place in throw_away} == {".sr-probe/*", "fraud-platform/_doctor/*"}


def test_the_bucket_demands_tls_and_conditions() -> None:
    told = {one["Sid"]: one for one in _statements(AWS / "bucket-policy.json")}
    assert all(one["Effect"] == "Deny" for one in told.values())
    assert told["TlsOnly"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert told["ConditionalWritesOnly"]["Condition"]["Null"] == {"s3:if-match": "true", "s3:if-none-match": "true"}


def test_the_task_has_what_the_profile_asks_for_and_no_secret_in_it() -> None:
    task = json.loads((AWS / "ecs-task.json").read_text("utf-8"))
    (worker,) = task["containerDefinitions"]
    plain = {one["name"] for one in worker["environment"]}
    secret = {one["name"] for one in worker["secrets"]}
    asked = set(re.findall(r"\$\{(\w+)\}", (CONFIG / "aws.yaml").read_text("utf-8")))
    assert asked <= plain | secret
    assert secret == {"SR_PG_DSN"}
    assert not worker["image"].endswith(":latest")
    assert worker["stopTimeout"] >= 60, "a worker that is told to go gives its lease up first"


def test_the_steps_of_the_database_are_there_in_order() -> None:
    assert sorted(one.name for one in AWS.glob("postgres-*")) == STEPS
    assert "doctor --migrate" in (AWS / STEPS[1]).read_text("utf-8")


def _statements(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["Statement"]
    return found


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())
