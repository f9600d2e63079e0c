"""Policies: believed only as sealed; sealing changes the digest and nothing else."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_domain.plan.policy import MemberDigests, Policy, ReusePolicy, UngatedOutputs
from sr_plugins.documents.pack import load_pack
from sr_plugins.documents.policy import content_digest, load_policy, seal
from sr_plugins.documents.shipped import shipped
from sr_ports import BadInput, ReasonCode

LEAST = {"policy_id": "p", "revision": "1"}
TEXT = """# who decides
policy_id: p   # a name
revision: "7"
{digest}
attempt_limit: 3

traffic_output_ids: [b, a]
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "policy.yaml"
    file.write_bytes(text.encode())
    return file


def refused(source: Any) -> BadInput:
    with pytest.raises(BadInput) as caught:
        load_policy(source)
    return caught.value


def test_the_shipped_policy_is_sealed_and_decides_as_documented() -> None:
    policy = load_policy()
    assert (policy.reuse_policy, policy.attempt_limit, policy.evidence_wait_seconds) == (ReusePolicy.ALLOW, 3, 600)
    assert (policy.ungated_outputs, policy.member_digests) == (UngatedOutputs.REFUSE, MemberDigests.IGNORE)
    assert policy.allowed_laws is None
    assert policy == load_policy(str(shipped("config") / "policy.yaml"))


def test_the_shipped_policys_traffic_is_in_the_shipped_pack() -> None:
    outputs = load_policy().traffic_output_ids
    assert outputs
    assert set(outputs) <= set(load_pack("builtin").outputs)


def test_the_digest_is_sha256_of_the_canonical_content_without_itself() -> None:
    canonical = json.dumps(LEAST, sort_keys=True, separators=(",", ":")).encode()
    expected = hashlib.sha256(canonical).hexdigest()
    assert content_digest(LEAST) == content_digest({**LEAST, "content_digest": "x"}) == expected
    assert load_policy(LEAST).rev.content_digest == expected


@given(st.permutations(["policy_id: p", "revision: '1'", "attempt_limit: 2", "reuse_policy: DENY"]))
@settings(max_examples=10, deadline=None)
def test_order_comments_and_spelling_change_no_digest(lines: list[str]) -> None:
    from sr_plugins.documents.yaml import load_yaml

    document = load_yaml("\n# c\n".join(lines).encode(), what="it")
    assert content_digest(document) == content_digest({**LEAST, "attempt_limit": 2, "reuse_policy": "DENY"})


def test_what_is_left_out_is_refused_or_ignored_by_default() -> None:
    policy = load_policy(LEAST)
    assert policy == Policy(rev=policy.rev)


def test_every_key_arrives() -> None:
    policy = load_policy(
        {
            **LEAST,
            "reuse_policy": "DENY",
            "evidence_wait_seconds": 5,
            "attempt_limit": 2,
            "retry_backoff_seconds": 1.5,
            "traffic_output_ids": ["b", "a"],
            "ungated_outputs": "ALLOW",
            "member_digests": "ENFORCE",
            "allowed_laws": [],
        }
    )
    assert policy == Policy(
        policy.rev, ReusePolicy.DENY, 5, 2, 1.5, ("b", "a"), UngatedOutputs.ALLOW, MemberDigests.ENFORCE, frozenset()
    )


@pytest.mark.parametrize("change", [("attempt_limit: 3", "attempt_limit: 4"), ("[b, a]", "[a, b]"), ('"7"', '"8"')])
def test_any_change_of_content_needs_a_new_seal_and_says_how(tmp_path: Path, change: tuple[str, str]) -> None:
    file = written(tmp_path, TEXT.format(digest="content_digest: x"))
    sealed = seal(file)
    assert load_policy(file).rev.content_digest == sealed
    file.write_text(file.read_text().replace(*change))
    error = refused(file)
    assert error.code is ReasonCode.POLICY_DIGEST_MISMATCH
    assert sealed in error.what
    assert f"sr policy seal {file}" in error.remedy
    assert seal(file) != sealed
    assert load_policy(file).rev.policy_id == "p"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("content_digest: abc", "content_digest: {}"),
        ("content_digest:", "content_digest: {}"),
        ("content_digest:   'abc'   # sealed by hand", "content_digest: {}   # sealed by hand"),
        ('content_digest: "abc"', "content_digest: {}"),
        ("content_digest: abc\r", "content_digest: {}\r"),
    ],
)
def test_sealing_changes_the_digest_and_not_one_other_byte(tmp_path: Path, before: str, after: str) -> None:
    file = written(tmp_path, TEXT.format(digest=before))
    digest = seal(file)
    assert file.read_bytes().decode() == TEXT.format(digest=after.format(digest))
    assert [one.name for one in tmp_path.iterdir()] == ["policy.yaml"]
    assert seal(file) == digest


@pytest.mark.parametrize("end", ["\n", ""])
def test_a_policy_never_sealed_gets_a_line_at_its_end(tmp_path: Path, end: str) -> None:
    file = written(tmp_path, "policy_id: p\nrevision: '1'" + end)
    digest = seal(file)
    assert file.read_text() == f"policy_id: p\nrevision: '1'\ncontent_digest: {digest}\n"


def test_sealing_keeps_the_mode_and_a_link_a_link(tmp_path: Path) -> None:
    file = written(tmp_path, TEXT.format(digest="content_digest: x"))
    file.chmod(0o640)
    link = tmp_path / "current.yaml"
    link.symlink_to(file.name)
    seal(link)
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    assert load_policy(file) == load_policy(link)


@pytest.mark.parametrize(
    "text",
    [
        "policy_id: p\n",
        "policy_id: p\nrevision: '1'\nattempt_limit: 0\n",
        "policy_id: p\nrevision: '1'\nattempt_limit: 99999999999999999999\n",
        "policy_id: p\nrevision: '1'\nnote: |\n  content_digest: x\n",
        "policy_id: p\npolicy_id: q\nrevision: '1'\n",
        "- a\n",
        "",
    ],
)
def test_what_cannot_be_sealed_is_left_as_it_was(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(BadInput):
        seal(file)
    assert file.read_text() == text
    assert [one.name for one in tmp_path.iterdir()] == ["policy.yaml"]


def test_a_seal_that_fails_half_way_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, TEXT.format(digest="content_digest: x"))
    before = file.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInput, match="No space left"):
        seal(file)
    assert file.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["policy.yaml"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"atempt_limit": 1}, "unknown fields: atempt_limit"),
        ({"attempt_limit": "3"}, "attempt_limit must be a whole number from 1 to 1000"),
        ({"attempt_limit": 1.0}, "attempt_limit must be"),
        ({"evidence_wait_seconds": -1}, "evidence_wait_seconds must be"),
        ({"retry_backoff_seconds": float("nan")}, "retry_backoff_seconds must be"),
        ({"reuse_policy": "MAYBE"}, "reuse_policy must be one of ALLOW, DENY"),
        ({"traffic_output_ids": ["a", "a"]}, "traffic_output_ids names something twice"),
        ({"traffic_output_ids": "a"}, "traffic_output_ids must be"),
        ({"allowed_laws": None}, "allowed_laws must be"),
        ({"revision": 1}, "revision must be"),
        ({"content_digest": "abc"}, "content_digest must be 64 lower-case hex characters"),
    ],
)
def test_a_policy_that_breaks_its_contract_is_refused_by_key(change: dict[str, Any], says: str) -> None:
    error = refused({**LEAST, **change})
    assert error.code is ReasonCode.POLICY_INVALID
    assert says in error.what


def test_a_mapping_that_names_a_digest_is_held_to_it() -> None:
    assert refused({**LEAST, "content_digest": "0" * 64}).code is ReasonCode.POLICY_DIGEST_MISMATCH


def test_a_policy_that_is_not_there_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path / "absent.yaml")
    assert error.code is ReasonCode.POLICY_INVALID
    assert "absent.yaml" in error.what


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "byte order mark"])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("digest", [{}, {"content_digest": "0" * 64}, {"content_digest": None}])
def test_a_policy_written_as_json_is_sealed_in_place(
    tmp_path: Path, indent: int | None, digest: dict[str, str | None], mark: str
) -> None:
    file = tmp_path / "policy.json"
    document = {"policy_id": "p", **digest, "revision": "1", "attempt_limit": 3}
    file.write_text(mark + json.dumps(document, indent=indent), "utf-8")
    sealed = seal(file)
    assert file.read_text("utf-8").startswith(mark)
    assert json.loads(file.read_text("utf-8-sig")) == {**document, "content_digest": sealed}
    assert load_policy(file).rev.content_digest == sealed
    before = file.read_bytes()
    assert seal(file) == sealed
    assert file.read_bytes() == before
