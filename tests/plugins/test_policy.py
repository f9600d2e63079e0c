"""Policies: loaded only when they are what their digest says; sealing changes one line."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from sr_domain.canonical import digest_of
from sr_domain.policy import MemberDigests, ReusePolicy, UngatedOutputs
from sr_plugins.policy import content_digest, load_policy, seal
from sr_ports import BadInput, ReasonCode
from tests.kit import POLICY

TEXT = """\
# what we decided, and why
policy_id: mine   # the name
revision: "1"
content_digest: 0000
attempt_limit: 3
traffic_output_ids: [b, a]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(TEXT, "utf-8")
    return path


def test_the_shipped_policy_is_sealed() -> None:
    assert load_policy().ungated_outputs is UngatedOutputs.REFUSE


def test_sealing_changes_the_one_line_and_makes_it_load(file: Path) -> None:
    digest = seal(file)
    assert file.read_text("utf-8") == TEXT.replace("content_digest: 0000", f"content_digest: {digest}")
    policy = load_policy(file)
    assert (policy.rev.content_digest, policy.attempt_limit) == (digest, 3)
    assert policy.traffic_output_ids == ("b", "a")
    assert digest == digest_of(
        {"policy_id": "mine", "revision": "1", "attempt_limit": 3, "traffic_output_ids": ["b", "a"]}
    )
    assert seal(file) == digest


def test_sealing_adds_the_line_where_there_is_none(file: Path) -> None:
    file.write_text(TEXT.replace("content_digest: 0000\n", "").rstrip("\n"), "utf-8")
    digest = seal(file)
    assert file.read_text("utf-8").endswith(f"\ncontent_digest: {digest}\n")
    assert load_policy(file).rev.policy_id == "mine"


def test_another_content_is_refused_and_the_remedy_names_the_command(file: Path) -> None:
    seal(file)
    file.write_text(file.read_text("utf-8").replace("attempt_limit: 3", "attempt_limit: 4"), "utf-8")
    with pytest.raises(BadInput) as caught:
        load_policy(file)
    assert caught.value.code is ReasonCode.POLICY_DIGEST_MISMATCH
    assert f"sr policy seal {file}" in caught.value.remedy
    seal(file)
    assert load_policy(file).attempt_limit == 4


def test_comments_and_order_are_not_content(file: Path) -> None:
    digest = seal(file)
    lines = [line for line in file.read_text("utf-8").splitlines() if not line.startswith("#")]
    file.write_text("\n".join(reversed(lines)), "utf-8")
    assert load_policy(file).rev.content_digest == digest


BAD: list[tuple[dict[str, Any], str]] = [
    ({"surprise": 1}, "unknown fields: surprise"),
    ({"attempt_limit": 0}, "attempt_limit"),
    ({"attempt_limit": "3"}, "attempt_limit"),
    ({"attempt_limit": 2.0}, "attempt_limit"),
    ({"evidence_wait_seconds": -1}, "evidence_wait_seconds"),
    ({"retry_backoff_seconds": -0.5}, "retry_backoff_seconds"),
    ({"reuse_policy": "MAYBE"}, "reuse_policy must be one of ALLOW, DENY"),
    ({"ungated_outputs": True}, "ungated_outputs"),
    ({"member_digests": "enforce"}, "member_digests"),
    ({"allowed_laws": "any"}, "allowed_laws"),
    ({"traffic_output_ids": ["a b"]}, "traffic_output_ids"),
    ({"revision": 1}, "revision"),
    ({"policy_id": ""}, "policy_id"),
]


@pytest.mark.parametrize(("changes", "said"), BAD)
def test_an_invalid_policy_is_refused_with_its_key(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_policy({**POLICY, **changes})
    assert caught.value.code is ReasonCode.POLICY_INVALID
    assert said in caught.value.what
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("text", ["", "[]", "just text", "a: [", "content_digest: 5"])
def test_what_is_no_policy_is_left_as_it_was(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text, "utf-8")
    for act in (load_policy, seal):
        with pytest.raises(BadInput) as caught:
            act(path)
        assert "p.yaml" in caught.value.what
    assert path.read_text("utf-8") == text
    assert [one.name for one in tmp_path.iterdir()] == ["p.yaml"]


def test_a_policy_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    for act in (load_policy, seal):
        with pytest.raises(BadInput, match="cannot be read: No such file") as caught:
            act(tmp_path / "gone.yaml")
        assert caught.value.code is ReasonCode.POLICY_INVALID


def test_a_full_disk_leaves_the_file_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInput, match="No space left"):
        seal(file)
    assert file.read_text("utf-8") == TEXT
    assert [one.name for one in file.parent.iterdir()] == [file.name], "no draft stays behind"


def test_a_mapping_is_sealed_by_whoever_wrote_the_code() -> None:
    policy = load_policy({**POLICY, "reuse_policy": "DENY", "member_digests": "ENFORCE", "allowed_laws": ["x"]})
    assert policy.rev.content_digest == content_digest(
        {**POLICY, "reuse_policy": "DENY", "member_digests": "ENFORCE", "allowed_laws": ["x"]}
    )
    assert (policy.reuse_policy, policy.member_digests) == (ReusePolicy.DENY, MemberDigests.ENFORCE)
    assert policy.allowed_laws == {"x"}
    with pytest.raises(BadInput) as caught:
        load_policy({**POLICY, "content_digest": "0" * 64})
    assert caught.value.code is ReasonCode.POLICY_DIGEST_MISMATCH
