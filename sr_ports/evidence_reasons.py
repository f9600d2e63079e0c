"""The rows of `sr_ports.reasons` about what evidence shows, and about the laws that judge it."""

from __future__ import annotations

from sr_ports.kinds import Kind

_X, _F = Kind.UNREACHABLE, Kind.FAULT

# fmt: off
EVIDENCE: tuple[tuple[Kind, str, str, *tuple[str, ...]], ...] = (
    (_F, "EVIDENCE_WAITING", "evidence is missing, or ends too early, and the deadline is ahead", "complete the engine root, then sr resume", "complete the engine root, then look again"),
    (_F, "EVIDENCE_MISSING_DEADLINE", "evidence was still missing at the deadline, or every output was absent", "complete the engine root"),
    (_F, "EVIDENCE_CONFLICT", "evidence contradicts itself", "see sr explain for each conflict", "restore the evidence of each conflict"),
    (_F, "EVIDENCE_UNSTABLE", "files of the engine root changed while evidence was read", "let whatever writes there finish, then sr resume; for slow uploads raise settle_seconds", "let whatever writes there finish, then look again"),
    (_F, "MEMBER_DIGEST_MISMATCH", "a file differs from the digest its index gives", "restore the named file"),
    (_F, "GATE_DIGEST_MISMATCH", "the bundle's digest is not the one its flag states", "restore the file that is named, or the bundle and its flag"),
    (_F, "FLAG_MALFORMED", "the passed flag cannot be read", "restore the flag file"),
    (_F, "INDEX_MALFORMED", "the bundle index cannot be read", "restore the index file"),
    (_F, "INDEX_EMPTY", "the bundle index lists nothing", "restore the index file"),
    (_F, "INDEXED_FILE_ABSENT", "a file that the index lists was not there at the deadline", "restore the named file"),
    (_F, "FILE_UNLISTED", "a file that the manifest must list was on no line of it at the deadline", "list the named file, or take it out of the bundle"),
    (_F, "PATH_ESCAPES", "a path leaves the folder it must stay in, or a symbolic link stands on it", "put the file itself there in place of a link, or remove the named path from the index"),
    (_F, "NOT_A_FILE", "what stands in a file's place is no regular file, or has a name that no path can spell", "put a regular file with a plain name there"),
    (_X, "LAW_FAILED", "the hashing law itself failed; the evidence is not judged", "repair the plugin of that law, then sr resume goes on with the run", "repair the plugin of that law, then run it again"),
    (_X, "LAW_TIMEOUT", "the hashing law ran past its time and was ended; the evidence is not judged", "repair the plugin of that law or raise evidence.law_timeout_seconds, then sr resume goes on with the run", "repair the plugin of that law or raise evidence.law_timeout_seconds, then run it again"),
    (_X, "LAW_VERSION_CHANGED", "the law is another than when the run was planned or decided; the evidence is not judged", "install the named version, then sr resume goes on with the run; or submit under a new key", "install the named version, then run it again; or submit under a new key"),
    (_F, "LOCATOR_SCHEMA_INVALID", "an output locator does not fit its contract", "correct the catalogue entry"),
    (_F, "RECEIPT_SCHEMA_INVALID", "a gate receipt does not fit its contract", "correct the gate map entry"),
    (_F, "INSTANCE_RECEIPT_SCHEMA_INVALID", "an instance receipt that the run would write does not fit its contract", "correct the catalogue entry, or the contract of that name in the pack"),
    (_F, "INSTANCE_RECEIPT_DRIFT", "the same scope was proven before with other bytes", "see sr quarantine show; restore the first bytes or use other pins", "restore the first bytes or use other pins"),
    (_X, "INSTANCE_RECEIPT_ORPHAN", "what stands for this scope is no receipt, or one of other bytes that no decision rests on", "restore the bytes that it states, or set it aside: sr recover RUN_ID --receipt OUTPUT_ID --accept-loss --reason R", "restore the bytes that it states, then run it again"),
    (_F, "INSTANCE_DIGEST_MISSING", "of runs of earlier releases: the instance receipt that stood stated no digest", "restore the named receipt from backup, or use other pins"),
    (_F, "INSTANCE_SCOPE_MISSING", "an instance-scoped output lacks a pin of its scope", "correct the catalogue entry"),
    (_F, "ORACLE_PACK_INVALID", "the oracle pack manifest does not fit its contract", "repack the engine root"),
    (_F, "ORACLE_PACK_MISMATCH", "the oracle pack is of another world", "point the run at its own engine root"),
)
# fmt: on
"""Kind, code, meaning and remedies of each, as the table has them."""
