"""What AWS's own models say of deploy/aws: the policies, the bucket's policy and the task, without any server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from tests.deploy.test_files import AWS, POLICIES

FILLED = {
    "SR_ACCOUNT": "123456789012",
    "SR_REGION": "eu-west-1",
    "SR_ENGINE_BUCKET": "engine-roots",
    "SR_BUCKET": "truth",
    "SR_STREAM": "control",
    "SR_KMS_KEY": "11111111-2222-3333-4444-555555555555",
    "SR_RELEASE": "1.0.0",
}


def filled(path: Path, change: Callable[[str], str] = str) -> Any:
    text = change(path.read_text("utf-8"))
    for name, value in FILLED.items():
        text = text.replace(name, value)
    return json.loads(text)


def task_faults(task: Any) -> str:
    model = botocore.session.get_session().get_service_model("ecs")
    report = ParamValidator().validate(task, model.operation_model("RegisterTaskDefinition").input_shape)
    return str(report.generate_report())


def test_the_task_definition_is_what_ecs_takes() -> None:
    assert task_faults(filled(AWS / "ecs-task.json")) == ""
    misspelt = filled(AWS / "ecs-task.json", lambda text: text.replace("stopTimeout", "stopTimout"))
    assert "stopTimout" in task_faults(misspelt)


def linted(folder: Path, change: Callable[[str], str] = str) -> str:
    """What cfn-lint, which moto brings, says of all policies as resources of a template."""
    resources: dict[str, Any] = {
        path.stem.title(): {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"PolicyDocument": filled(path, change)},
        }
        for path in POLICIES
    }
    resources["Bucket"] = {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": "truth", "PolicyDocument": filled(AWS / "bucket-policy.json", change)},
    }
    template = folder / "template.json"
    template.write_text(json.dumps({"Resources": resources}))
    lint = "import sys; from cfnlint.runner import main; sys.exit(main())"
    command = [sys.executable, "-c", lint, "--format", "parseable", str(template)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def swapped(right: str, wrong: str) -> Callable[[str], str]:
    return lambda text: text.replace(right, wrong)


@pytest.mark.parity
def test_the_policies_name_actions_and_conditions_that_there_are(tmp_path: Path) -> None:
    pytest.importorskip("cfnlint", reason="moto brings it: pip install -r requirements/servers.txt")
    assert linted(tmp_path) == ""
    for right, wrong in (("GetRecords", "GetRecordz"), ("Deny", "Denied")):
        found = linted(tmp_path, swapped(right, wrong))
        assert f"'{wrong.lower()}' is not one of" in found.lower(), found
