"""Policy files: loaded only when their content is what their digest says."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sr_domain.canonical import digest_of
from sr_domain.contracts import problem
from sr_domain.policy import MemberDigests, Policy, PolicyRev, ReusePolicy, UngatedOutputs
from sr_plugins.documents import load_yaml
from sr_plugins.files import read_config
from sr_plugins.shipped import shipped
from sr_ports import BadInput, ReasonCode

_LINE = re.compile(rb"^content_digest:[^\n]*$", re.MULTILINE)


def content_digest(document: Mapping[str, Any]) -> str:
    """sha256 of the policy's canonical content without its own digest field."""
    return digest_of({key: value for key, value in document.items() if key != "content_digest"})


def load_policy(source: str | os.PathLike[str] | Mapping[str, Any] | None = None) -> Policy:
    """A policy from a file, a mapping, or the shipped one for None.

    Raises `BadInput`: POLICY_INVALID, or POLICY_DIGEST_MISMATCH naming the command that reseals it.
    """
    if isinstance(source, Mapping):
        document, name = dict(source), "policy"
        if "content_digest" not in document:  # a mapping is sealed by whoever wrote the code
            document["content_digest"] = content_digest(document)
    else:
        path = shipped("config") / "policy.yaml" if source is None else Path(source)
        document, name = _read(path), str(path)
    _check(document, name)
    actual = content_digest(document)
    if document["content_digest"] != actual:
        raise BadInput(
            ReasonCode.POLICY_DIGEST_MISMATCH,
            f"{name} says content_digest {document['content_digest']}, its content is {actual}",
            f"review the change, then run: sr policy seal {name}",
        )
    return _policy(document)


def _read(path: Path) -> dict[str, Any]:
    document = load_yaml(read_config(path, ReasonCode.POLICY_INVALID, "policy"), what=str(path))
    if not isinstance(document, dict):
        raise BadInput(ReasonCode.POLICY_INVALID, f"{path} is not a mapping of keys")
    return document


def _check(document: Mapping[str, Any], name: str) -> None:
    fault = problem("policy", document)
    if fault is not None:
        raise BadInput(ReasonCode.POLICY_INVALID, f"{name}: {fault.what}")


def _policy(document: Mapping[str, Any]) -> Policy:
    laws = document.get("allowed_laws")
    return Policy(
        rev=PolicyRev(document["policy_id"], document["revision"], document["content_digest"]),
        reuse_policy=ReusePolicy(document.get("reuse_policy", "ALLOW")),
        evidence_wait_seconds=document.get("evidence_wait_seconds", 0),
        attempt_limit=document.get("attempt_limit", 1),
        retry_backoff_seconds=float(document.get("retry_backoff_seconds", 0)),
        traffic_output_ids=tuple(document.get("traffic_output_ids", ())),
        ungated_outputs=UngatedOutputs(document.get("ungated_outputs", "REFUSE")),
        member_digests=MemberDigests(document.get("member_digests", "IGNORE")),
        allowed_laws=None if laws is None else frozenset(laws),
    )


def seal(file: str | os.PathLike[str]) -> str:
    """Write the content's digest into the file, everything else untouched; the digest.

    Raises `BadInput(POLICY_INVALID)` and leaves the file as it was.
    """
    path = Path(file)
    data = read_config(path, ReasonCode.POLICY_INVALID, "policy")
    document = _read(path)
    digest = content_digest(document)
    _check({**document, "content_digest": digest}, str(path))
    line = f"content_digest: {digest}".encode()
    sealed, count = _LINE.subn(line, data, count=1)
    if count == 0:
        sealed = data + (b"" if data.endswith(b"\n") or not data else b"\n") + line + b"\n"
    if content_digest(load_yaml(sealed, what=str(path))) != digest:
        raise BadInput(ReasonCode.POLICY_INVALID, f"{path}: content_digest is not a top-level line of its own")
    _swap(path, sealed)
    return digest


def _swap(path: Path, data: bytes) -> None:
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).chmod(path.stat().st_mode & 0o777)
        Path(file.name).replace(path)
    except OSError as error:
        raise BadInput(ReasonCode.POLICY_INVALID, f"{path} cannot be written: {error.strerror}") from error
