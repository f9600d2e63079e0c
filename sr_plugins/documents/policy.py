"""Policy files: loaded only when their content is what their digest says."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sr_domain.encoding.bounds import unmarked
from sr_domain.encoding.canonical import digest_of
from sr_domain.encoding.contracts import problem
from sr_domain.plan.policy import (
    ABANDONED_LIMIT,
    SETTLE_SECONDS,
    MemberDigests,
    Policy,
    PolicyRev,
    ReusePolicy,
    UngatedOutputs,
)
from sr_plugins.documents.files import read_config, replace_file
from sr_plugins.documents.shipped import shipped
from sr_plugins.documents.yaml import load_yaml
from sr_ports import BadInput, ReasonCode

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_JSON = re.compile(rb"""("content_digest"[ \t\r\n]*:[ \t\r\n]*)("[^"\\]*"|null)""")
_LINE = re.compile(rb"""^(content_digest:)[ \t]*("[^"\r\n]*"|'[^'\r\n]*'|[^\s#]*)""", re.MULTILINE)


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
            document["content_digest"] = _checked_digest(document, name)
    else:
        path: Traversable = shipped("config") / "policy.yaml" if source is None else Path(source)
        document, name = _read(path), str(path)
    _check(document, name)
    actual = content_digest(document)
    if document["content_digest"] != actual:
        raise BadInput(
            ReasonCode.POLICY_DIGEST_MISMATCH,
            f"{name} says content_digest {document['content_digest']}, its content is {actual}",
            f"review the change, then run: sr policy seal {shlex.quote(name)}",
        )
    return _policy(document)


def _read(path: Traversable) -> dict[str, Any]:
    document = load_yaml(read_config(path, ReasonCode.POLICY_INVALID, "policy"), what=str(path))
    if not isinstance(document, dict):
        what, remedy = f"policy {str(path)!r} is not a mapping of keys", "it needs policy_id and revision at least"
        raise BadInput(ReasonCode.POLICY_INVALID, what, remedy)
    return document


def _check(document: Mapping[str, Any], name: str) -> None:
    fault = problem("policy", document)
    if fault is not None:
        raise BadInput(ReasonCode.POLICY_INVALID, f"{name}: {fault.what}")


def _checked_digest(document: Mapping[str, Any], name: str) -> str:
    """The digest of what fits the contract; anything else may have no canonical form."""
    _check({**document, "content_digest": "0" * 64}, name)
    return content_digest(document)


def _policy(document: Mapping[str, Any]) -> Policy:
    laws = document.get("allowed_laws")
    return Policy(
        rev=PolicyRev(document["policy_id"], document["revision"], document["content_digest"]),
        reuse_policy=ReusePolicy(document.get("reuse_policy", "ALLOW")),
        evidence_wait_seconds=document.get("evidence_wait_seconds", 0),
        attempt_limit=document.get("attempt_limit", 1),
        retry_backoff_seconds=_seconds(document.get("retry_backoff_seconds", 0)),
        traffic_output_ids=tuple(document.get("traffic_output_ids", ())),
        ungated_outputs=UngatedOutputs(document.get("ungated_outputs", "REFUSE")),
        member_digests=MemberDigests(document.get("member_digests", "IGNORE")),
        allowed_laws=None if laws is None else frozenset(laws),
        settle_seconds=_seconds(document.get("settle_seconds", SETTLE_SECONDS)),
        abandoned_limit=document.get("abandoned_limit", ABANDONED_LIMIT),
    )


def _seconds(value: float) -> float:
    """To the millisecond; whole ones as integers, which RFC 8785 and every other JSON spell alike."""
    return int(value) if value == int(value) else round(value, 3)


def seal(file: str | os.PathLike[str]) -> str:
    """Write the content's digest into the file, everything else untouched; the digest.

    Raises `BadInput(POLICY_INVALID)` and leaves the file as it was.
    """
    path = Path(file).resolve()  # a link stays a link
    data = read_config(path, ReasonCode.POLICY_INVALID, "policy")
    document = _read(path)
    digest = _checked_digest(document, str(path))
    text = unmarked(data)
    sealed = data[: len(data) - len(text)] + _with_digest(text, digest.encode())
    if not _sealed(sealed, digest):
        raise BadInput(ReasonCode.POLICY_INVALID, f"{path}: content_digest is not a top-level line of its own")
    try:
        replace_file(path, sealed)
    except OSError as error:
        raise BadInput(ReasonCode.POLICY_INVALID, f"{path} cannot be written: {error.strerror}") from error
    return digest


def _with_digest(data: bytes, digest: bytes) -> bytes:
    """The file with that digest in its own line, or among its keys where it is written as JSON."""
    if data.lstrip()[:1] == b"{":
        sealed, count = _JSON.subn(rb'\1"' + digest + b'"', data, count=1)
        return sealed if count else data.replace(b"{", b'{"content_digest": "' + digest + b'", ', 1)
    sealed, count = _LINE.subn(rb"\1 " + digest, data, count=1)
    return sealed if count else data + (b"" if data.endswith(b"\n") else b"\n") + b"content_digest: " + digest + b"\n"


def _sealed(data: bytes, digest: str) -> bool:
    try:
        document = load_yaml(data, what="policy")
    except BadInput:
        return False
    return bool(document.get("content_digest") == digest == content_digest(document))
