"""Every stable reason code with its kind, meaning and remedy: the one table of them.

Callers and artifacts branch on the code; the sentences may be reworded any day.
`docs/operations.md` is generated from this table.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from sr_ports.evidence_reasons import EVIDENCE
from sr_ports.kinds import Kind


class Reason(NamedTuple):  # no attrs class: help and errors then need no attrs, which takes long to import
    """What a code means. `remedy` is a short imperative clause shown after the fact.

    `otherwise`: the remedy where the command that `remedy` names is the very one that failed; it
    names no command. Every code has one whose remedies name a command.
    """

    kind: Kind
    meaning: str
    remedy: str
    otherwise: str = ""


class ReasonCode(enum.StrEnum):
    """Stable names; the value is the name on the wire (spec: behaviour)."""

    # requests and configuration
    REQUEST_INVALID = "REQUEST_INVALID"
    REQUEST_NOT_FOUND = "REQUEST_NOT_FOUND"
    DOCUMENT_INVALID = "DOCUMENT_INVALID"
    DOCUMENT_TOO_LARGE = "DOCUMENT_TOO_LARGE"
    DOCUMENT_TOO_DEEP = "DOCUMENT_TOO_DEEP"
    DOCUMENT_TOO_MANY = "DOCUMENT_TOO_MANY"
    NAME_TOO_LONG = "NAME_TOO_LONG"
    PATH_TOO_DEEP = "PATH_TOO_DEEP"
    PATTERN_TOO_LONG = "PATTERN_TOO_LONG"
    PROFILE_INVALID = "PROFILE_INVALID"
    PROFILE_NOT_FOUND = "PROFILE_NOT_FOUND"
    ENV_UNSET = "ENV_UNSET"
    CLIENT_CONFIG_INVALID = "CLIENT_CONFIG_INVALID"
    EXTRA_MISSING = "EXTRA_MISSING"
    ADAPTER_UNKNOWN = "ADAPTER_UNKNOWN"
    PLUGIN_BROKEN = "PLUGIN_BROKEN"
    PLUGIN_FAILED = "PLUGIN_FAILED"
    PLUGIN_CONFLICT = "PLUGIN_CONFLICT"
    PLUGIN_NOT_ALLOWED = "PLUGIN_NOT_ALLOWED"
    PLUGIN_NOT_FOUND = "PLUGIN_NOT_FOUND"
    PLUGIN_UNSOUND = "PLUGIN_UNSOUND"
    PACK_INVALID = "PACK_INVALID"
    POLICY_INVALID = "POLICY_INVALID"
    POLICY_DIGEST_MISMATCH = "POLICY_DIGEST_MISMATCH"
    CONTRACT_VIOLATION = "CONTRACT_VIOLATION"
    DATA_UNFIT = "DATA_UNFIT"
    PLATFORM_UNSUPPORTED = "PLATFORM_UNSUPPORTED"
    FILE_SYSTEM_UNFIT = "FILE_SYSTEM_UNFIT"
    PLATFORM_RUN_INVALID = "PLATFORM_RUN_INVALID"
    PLATFORM_RUN_REQUIRED = "PLATFORM_RUN_REQUIRED"
    USAGE = "USAGE"
    LOCAL_COMMAND = "LOCAL_COMMAND"
    # the service
    HTTP_INVALID = "HTTP_INVALID"
    HEADERS_TOO_LARGE = "HEADERS_TOO_LARGE"
    REQUEST_TOO_SLOW = "REQUEST_TOO_SLOW"
    HOST_UNKNOWN = "HOST_UNKNOWN"
    PATH_UNKNOWN = "PATH_UNKNOWN"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    MEDIA_TYPE_UNSUPPORTED = "MEDIA_TYPE_UNSUPPORTED"
    PARAMETER_INVALID = "PARAMETER_INVALID"
    REPLICA_BUSY = "REPLICA_BUSY"
    ADDRESS_UNUSABLE = "ADDRESS_UNUSABLE"
    # admission
    AUTH_DENIED = "AUTH_DENIED"
    AUTH_UNPROVEN = "AUTH_UNPROVEN"
    AUTH_UNREACHABLE = "AUTH_UNREACHABLE"
    AUTH_UNSAFE = "AUTH_UNSAFE"
    EQUIVALENCE_COLLISION = "EQUIVALENCE_COLLISION"
    LEASE_BUSY = "LEASE_BUSY"
    LEASE_LOST = "LEASE_LOST"
    FENCED = "FENCED"
    RUN_NOT_FOUND = "RUN_NOT_FOUND"
    SUPERSEDES_NOT_FOUND = "SUPERSEDES_NOT_FOUND"
    SUPERSEDES_NOT_READY = "SUPERSEDES_NOT_READY"
    SUPERSEDES_TAKEN = "SUPERSEDES_TAKEN"
    RETRY_NOT_ENDED = "RETRY_NOT_ENDED"
    PLAN_MISSING = "PLAN_MISSING"
    # plan
    UNKNOWN_OUTPUT_ID = "UNKNOWN_OUTPUT_ID"
    UNKNOWN_GATE_ID = "UNKNOWN_GATE_ID"
    UNKNOWN_HASHING_LAW = "UNKNOWN_HASHING_LAW"
    GATE_CYCLE = "GATE_CYCLE"
    OUTPUT_UNGATED = "OUTPUT_UNGATED"
    NO_OUTPUTS = "NO_OUTPUTS"
    LAW_NOT_ALLOWED = "LAW_NOT_ALLOWED"
    UNRESOLVED_PATH_TOKEN = "UNRESOLVED_PATH_TOKEN"
    STRATEGY_UNAVAILABLE = "STRATEGY_UNAVAILABLE"
    # attempts
    ATTEMPT_LIMIT_EXCEEDED = "ATTEMPT_LIMIT_EXCEEDED"
    ENGINE_INVOCATION_INVALID = "ENGINE_INVOCATION_INVALID"
    ENGINE_COMMAND_MISSING = "ENGINE_COMMAND_MISSING"
    ENGINE_COMMAND_UNUSABLE = "ENGINE_COMMAND_UNUSABLE"
    ENGINE_COMMAND_TEMPLATE_UNRESOLVED = "ENGINE_COMMAND_TEMPLATE_UNRESOLVED"
    ENGINE_EXIT_NONZERO = "ENGINE_EXIT_NONZERO"
    ENGINE_TIMEOUT = "ENGINE_TIMEOUT"
    ENGINE_ROOT_MISSING = "ENGINE_ROOT_MISSING"
    ENGINE_RECEIPT_MISSING = "ENGINE_RECEIPT_MISSING"
    ENGINE_RECEIPT_INVALID = "ENGINE_RECEIPT_INVALID"
    ENGINE_RECEIPT_MISMATCH = "ENGINE_RECEIPT_MISMATCH"
    ENGINE_CANCELLED = "ENGINE_CANCELLED"
    ENGINE_ABANDONED_REPEATEDLY = "ENGINE_ABANDONED_REPEATEDLY"
    ENGINE_STILL_RUNNING = "ENGINE_STILL_RUNNING"
    ENGINE_UNAVAILABLE = "ENGINE_UNAVAILABLE"
    # evidence
    EVIDENCE_WAITING = "EVIDENCE_WAITING"
    EVIDENCE_MISSING_DEADLINE = "EVIDENCE_MISSING_DEADLINE"
    EVIDENCE_CONFLICT = "EVIDENCE_CONFLICT"
    EVIDENCE_UNSTABLE = "EVIDENCE_UNSTABLE"
    MEMBER_DIGEST_MISMATCH = "MEMBER_DIGEST_MISMATCH"
    GATE_DIGEST_MISMATCH = "GATE_DIGEST_MISMATCH"
    FLAG_MALFORMED = "FLAG_MALFORMED"
    INDEX_MALFORMED = "INDEX_MALFORMED"
    INDEX_EMPTY = "INDEX_EMPTY"
    INDEXED_FILE_ABSENT = "INDEXED_FILE_ABSENT"
    FILE_UNLISTED = "FILE_UNLISTED"
    PATH_ESCAPES = "PATH_ESCAPES"
    NOT_A_FILE = "NOT_A_FILE"
    LAW_FAILED = "LAW_FAILED"
    LAW_TIMEOUT = "LAW_TIMEOUT"
    LAW_VERSION_CHANGED = "LAW_VERSION_CHANGED"
    LOCATOR_SCHEMA_INVALID = "LOCATOR_SCHEMA_INVALID"
    RECEIPT_SCHEMA_INVALID = "RECEIPT_SCHEMA_INVALID"
    INSTANCE_RECEIPT_SCHEMA_INVALID = "INSTANCE_RECEIPT_SCHEMA_INVALID"
    INSTANCE_RECEIPT_DRIFT = "INSTANCE_RECEIPT_DRIFT"
    INSTANCE_RECEIPT_ORPHAN = "INSTANCE_RECEIPT_ORPHAN"
    INSTANCE_DIGEST_MISSING = "INSTANCE_DIGEST_MISSING"
    INSTANCE_SCOPE_MISSING = "INSTANCE_SCOPE_MISSING"
    ORACLE_PACK_INVALID = "ORACLE_PACK_INVALID"
    ORACLE_PACK_MISMATCH = "ORACLE_PACK_MISMATCH"
    # the outside world
    STORE_UNREACHABLE = "STORE_UNREACHABLE"
    STORE_DENIED = "STORE_DENIED"
    STORE_BUCKET_MISSING = "STORE_BUCKET_MISSING"
    STORE_WRONG_REGION = "STORE_WRONG_REGION"
    STORE_THROTTLED = "STORE_THROTTLED"
    STORE_FULL = "STORE_FULL"
    STORE_UNSAFE = "STORE_UNSAFE"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    AUTHORITY_UNREACHABLE = "AUTHORITY_UNREACHABLE"
    AUTHORITY_SCHEMA = "AUTHORITY_SCHEMA"
    AUTHORITY_ENCODING = "AUTHORITY_ENCODING"
    AUTHORITY_BEHIND = "AUTHORITY_BEHIND"
    BUS_UNREACHABLE = "BUS_UNREACHABLE"
    BUS_DENIED = "BUS_DENIED"
    BUS_REFUSED = "BUS_REFUSED"
    BUS_STREAM_MISSING = "BUS_STREAM_MISSING"
    BUS_MESSAGE_TOO_LARGE = "BUS_MESSAGE_TOO_LARGE"
    BUS_POSITION_LOST = "BUS_POSITION_LOST"
    FOLLOWER_BUSY = "FOLLOWER_BUSY"
    SERVICE_BUSY = "SERVICE_BUSY"
    FOLLOWERS_UNREACHABLE = "FOLLOWERS_UNREACHABLE"
    OBJECT_TOO_LARGE = "OBJECT_TOO_LARGE"
    ENGINE_ROOT_UNFIT = "ENGINE_ROOT_UNFIT"
    ENGINE_ROOT_UNREACHABLE = "ENGINE_ROOT_UNREACHABLE"
    ENGINE_ROOT_DENIED = "ENGINE_ROOT_DENIED"
    ENGINE_ROOT_ARCHIVED = "ENGINE_ROOT_ARCHIVED"
    ENGINE_ROOT_BUCKET_MISSING = "ENGINE_ROOT_BUCKET_MISSING"
    SERVICE_UNREACHABLE = "SERVICE_UNREACHABLE"
    SERVICE_UNTRUSTED = "SERVICE_UNTRUSTED"
    SERVICE_ANSWER_INVALID = "SERVICE_ANSWER_INVALID"
    CLOCK_SKEW = "CLOCK_SKEW"
    INTERRUPTED = "INTERRUPTED"
    # re-emit
    REEMIT_BUSY = "REEMIT_BUSY"
    REEMIT_RATE_LIMIT = "REEMIT_RATE_LIMIT"
    REEMIT_READY_ONLY_MISMATCH = "REEMIT_READY_ONLY_MISMATCH"
    REEMIT_TERMINAL_ONLY_MISMATCH = "REEMIT_TERMINAL_ONLY_MISMATCH"
    REEMIT_SUPERSEDED = "REEMIT_SUPERSEDED"
    REEMIT_PUBLISH_FAILED = "REEMIT_PUBLISH_FAILED"
    FACTS_VIEW_MISSING = "FACTS_VIEW_MISSING"
    # stored truth
    RECORD_INVALID = "RECORD_INVALID"
    REVISION_UNKNOWN = "REVISION_UNKNOWN"
    TRUTH_MISSING = "TRUTH_MISSING"
    TRUTH_ALTERED = "TRUTH_ALTERED"
    TRUTH_ROLLED_BACK = "TRUTH_ROLLED_BACK"
    STORE_COPIED = "STORE_COPIED"
    TRUTH_LOST = "TRUTH_LOST"
    RUN_UNFINISHED = "RUN_UNFINISHED"
    SUPERSEDED = "SUPERSEDED"
    ATTESTATION_MISSING = "ATTESTATION_MISSING"
    ATTESTATION_INVALID = "ATTESTATION_INVALID"
    INTERNAL = "INTERNAL"


_U, _D, _C, _M, _X, _F = (
    Kind.USAGE,
    Kind.DENIED,
    Kind.CONFLICT,
    Kind.MISSING,
    Kind.UNREACHABLE,
    Kind.FAULT,
)

# fmt: off
_TABLE: tuple[tuple[Kind, str, str, *tuple[str, ...]], ...] = (
    (_U, "REQUEST_INVALID", "the run request breaks its contract", "correct the named field"),
    (_U, "REQUEST_NOT_FOUND", "the request file is not there or not readable", "check the path, or use - for stdin"),
    (_U, "DOCUMENT_INVALID", "a document from outside is not strict JSON or YAML", "correct the named place"),
    (_U, "DOCUMENT_TOO_LARGE", "a document from outside has more bytes than are read", "make it smaller, or check that it is the file that was meant"),
    (_U, "DOCUMENT_TOO_DEEP", "a document from outside nests deeper than is read", "write it with fewer lists and mappings one in another"),
    (_U, "DOCUMENT_TOO_MANY", "a document from outside has more values than are read", "split it, or check that it is the file that was meant"),
    (_U, "NAME_TOO_LONG", "a name, a path or an entry is longer than is read", "give it a shorter one"),
    (_F, "PATH_TOO_DEEP", "a path leads through more folders than are entered", "put the files in fewer folders one in another"),
    (_U, "PATTERN_TOO_LONG", "a path template is longer, or has more ** in it, than is matched", "write a shorter template"),
    (_U, "PROFILE_INVALID", "the wiring profile is not valid", "correct the named key; shipped profiles are models"),
    (_U, "PROFILE_NOT_FOUND", "no shipped profile and no file has this name", "use local, local_parity, local_kinesis, aws or a path"),
    (_U, "ENV_UNSET", "the profile refers to an environment variable that is not set", "set it, or give a default as ${NAME:-default}"),
    (_U, "CLIENT_CONFIG_INVALID", "a driver's own configuration (its environment variables or files, as AWS_*) is not valid", "correct the named variable or file"),
    (_U, "EXTRA_MISSING", "the profile names an adapter whose libraries are not installed", "install the named extra"),
    (_U, "ADAPTER_UNKNOWN", "no plugin provides the adapter the profile names", "see sr plugins for the names there are", "correct the named adapter"),
    (_U, "PLUGIN_BROKEN", "a plugin this profile needs cannot be imported, asked or built", "repair or uninstall the named distribution"),
    (_X, "PLUGIN_FAILED", "an adapter of another distribution raised what its port does not foresee", "repair or update the named distribution; the run continues from truth"),
    (_U, "PLUGIN_CONFLICT", "two plugins give one name on one port", "uninstall one of the named distributions"),
    (_U, "PLUGIN_NOT_ALLOWED", "the profile's plugins.allow leaves this distribution out", "add it to plugins.allow, or name another adapter"),
    (_M, "PLUGIN_NOT_FOUND", "no plugin gives this name, and no distribution with plugins has it", "see sr plugins for the names there are", "correct the name, or install the distribution"),
    (_F, "PLUGIN_UNSOUND", "a distribution's files, versions, laws or adapters are not what they should be", "repair the distribution, or install it anew"),
    (_U, "PACK_INVALID", "the interface pack does not load", "run sr contracts check on the pack", "correct the named file, or the path of the pack"),
    (_U, "POLICY_INVALID", "the policy profile is not valid", "correct the named key"),
    (_U, "POLICY_DIGEST_MISMATCH", "the policy's content is not what its digest says", "review the change, then run sr policy seal on the file", "restore the file"),
    (_F, "CONTRACT_VIOLATION", "an artifact does not fit its contract; nothing was committed", "report this as a bug with the named artifact"),
    (_U, "DATA_UNFIT", "a folder of data cannot be described or sealed as it is", "mend the named file or folder", "mend the named file or folder"),
    (_U, "PLATFORM_UNSUPPORTED", "this system lacks what truth in files and engines as processes need", "use Linux, macOS or WSL 2; sr verify against S3 works anywhere", "use Linux, macOS or WSL 2"),
    (_U, "FILE_SYSTEM_UNFIT", "the file system cannot keep truth: it lacks hard links, file locks or synced folders", "choose another runtime_root, on a file system that has them"),
    (_U, "PLATFORM_RUN_INVALID", "the platform run id is not platform_YYYYMMDDTHHMMSSZ", "make one with sr session new", "correct PLATFORM_RUN_ID, or unset it"),
    (_U, "PLATFORM_RUN_REQUIRED", "the store is shared, and which platform run this is was not said", "set PLATFORM_RUN_ID, or run sr session new", "set PLATFORM_RUN_ID"),
    (_U, "USAGE", "the command line is wrong", "see --help"),
    (_U, "LOCAL_COMMAND", "the command works on one machine alone, and a service was named", "leave out --server and unset SR_SERVER, on the machine that it is about"),
    (_U, "HTTP_INVALID", "what was sent is no HTTP request", "check the client, and any proxy on the way"),
    (_U, "HEADERS_TOO_LARGE", "the address and headers of the request are longer than is read", "send fewer and shorter headers"),
    (_X, "REQUEST_TOO_SLOW", "the request did not arrive whole in its time", "send it again, faster"),
    (_D, "HOST_UNKNOWN", "the request names another host than this one, or comes from another site's page", "ask the service by its own address"),
    (_M, "PATH_UNKNOWN", "the service has no such path", "see /openapi.json for the paths there are"),
    (_U, "METHOD_NOT_ALLOWED", "the path takes another method", "see the header Allow, or /openapi.json"),
    (_U, "MEDIA_TYPE_UNSUPPORTED", "the body is not of a type that the path takes", "send application/json"),
    (_U, "PARAMETER_INVALID", "a parameter in path, query or header is not valid", "correct the named parameter"),
    (_X, "REPLICA_BUSY", "this replica works on as much as it may, and as much waits as may", "ask again later, as Retry-After says"),
    (_U, "ADDRESS_UNUSABLE", "the service cannot listen at this address", "give another --host or --port"),
    (_D, "AUTH_DENIED", "the actor is not on the allowlist", "ask for access, or use an allowed actor"),
    (_D, "AUTH_UNPROVEN", "no credential was given that proves who asks", "give a token that holds: SR_TOKEN for the command line, a bearer token over HTTP"),
    (_F, "AUTH_UNSAFE", "what knows the keys of tokens can be read or changed by others", "take the rights away from others, as it says"),
    (_X, "AUTH_UNREACHABLE", "what knows the keys of tokens cannot be read or did not answer; nobody is let in", "mend what it names, then try again; sr doctor tries it", "mend what it names, or correct auth in the profile"),
    (_C, "EQUIVALENCE_COLLISION", "the key is bound to another intent for ever", "use a new run_equivalence_key, or supersede the run"),
    (_C, "LEASE_BUSY", "another worker holds the run", "wait, then look again with sr status", "wait, then look again"),
    (_C, "LEASE_LOST", "the lease lapsed or was taken over; nothing more was written", "sr resume, or submit the request again: the run continues from truth", "run the command again: the run continues from truth"),
    (_C, "FENCED", "a newer holder has written; this one may not", "sr resume, or submit the request again: the run continues from truth", "run the command again: the run continues from truth"),
    (_M, "RUN_NOT_FOUND", "no run has this id here", "check the id and the profile; sr list shows the runs", "check the id and the profile"),
    (_M, "SUPERSEDES_NOT_FOUND", "the run to supersede does not exist", "check the id given as supersedes"),
    (_U, "SUPERSEDES_NOT_READY", "only a READY run, or one that ended TRUTH_LOST, can be superseded", "name such a run, or submit without supersedes"),
    (_U, "SUPERSEDES_TAKEN", "the run already has a READY successor", "supersede that successor instead"),
    (_U, "RETRY_NOT_ENDED", "only a run that ended FAILED or QUARANTINED, or rests abandoned, is tried again under another key", "sr resume goes on with a run that has not ended", "name a run that ended FAILED or QUARANTINED"),
    (_U, "UNKNOWN_OUTPUT_ID", "the catalogue has no such output", "correct the output ids, in the request or the policy's traffic_output_ids"),
    (_U, "UNKNOWN_GATE_ID", "the gate map has no such gate", "repair the interface pack; see sr contracts check", "repair the interface pack"),
    (_U, "UNKNOWN_HASHING_LAW", "no plugin provides the gate's law", "install the plugin of that law; see sr plugins", "install the plugin of that law"),
    (_U, "GATE_CYCLE", "gates depend on each other in a circle", "repair the gate map; see sr contracts check", "repair the gate map"),
    (_U, "OUTPUT_UNGATED", "no gate covers an intended output", "leave the output out, gate it, or set ungated_outputs: ALLOW"),
    (_U, "NO_OUTPUTS", "nothing was asked for and the policy names nothing", "name outputs in the request or the policy"),
    (_U, "LAW_NOT_ALLOWED", "the policy does not accept the gate's law", "add the law to allowed_laws, or leave the output out"),
    (_U, "UNRESOLVED_PATH_TOKEN", "a path template has a token that no pin fills, or gives no path below the engine root", "leave the output out, or repair its template"),
    (_U, "STRATEGY_UNAVAILABLE", "the strategy needs an invoker or an engine root that is not there", "wire an invoker, or give --engine-run-root"),
    (_F, "ATTEMPT_LIMIT_EXCEEDED", "the policy's attempt limit is used up", "mend what ended the attempts (sr explain)", "mend what ended the attempts"),
    (_F, "ENGINE_INVOCATION_INVALID", "the invocation does not fit its contract", "correct the named field in request or profile"),
    (_F, "ENGINE_COMMAND_MISSING", "the engine command is not set, or no such program is found", "set or correct invoker.command in the profile"),
    (_F, "ENGINE_COMMAND_UNUSABLE", "the engine's program is there and cannot be started", "mend the named file or folder, or correct invoker in the profile"),
    (_F, "ENGINE_COMMAND_TEMPLATE_UNRESOLVED", "a placeholder of the engine command has no value", "correct invoker.command in the profile"),
    (_F, "ENGINE_EXIT_NONZERO", "the engine ended with an error", "read its log with sr explain", "mend the engine, as the last lines of its log say"),
    (_F, "ENGINE_TIMEOUT", "the engine ran past its time and was ended", "raise invoker.timeout_seconds or mend the engine"),
    (_F, "ENGINE_ROOT_MISSING", "the engine left no run root", "check the engine's command and output folder"),
    (_F, "ENGINE_RECEIPT_MISSING", "the engine wrote no run_receipt.json", "let the engine write it into its root at its end (run_id, manifest_fingerprint, parameter_hash and seed of its invocation), or start it with sr engine -- CMD, which does", "let the engine write it into its root at its end: run_id, manifest_fingerprint, parameter_hash and seed of its invocation"),
    (_F, "ENGINE_RECEIPT_INVALID", "run_receipt.json does not fit its contract", "mend the engine"),
    (_F, "ENGINE_RECEIPT_MISMATCH", "run_receipt.json names other pins than the run's", "point the run at its own engine root"),
    (_F, "ENGINE_CANCELLED", "the attempt was ended before the engine finished", "see sr explain for who ended it", "ask whoever ended it"),
    (_X, "ENGINE_ABANDONED_REPEATEDLY", "the holders of too many attempts died, or gave them up; the run rests", "find what ends the workers, then sr resume --force, or sr retry", "find what ends the workers, then give --force"),
    (_X, "ENGINE_STILL_RUNNING", "the engine of an abandoned attempt may still write to the run's engine root", "end it, or let it finish, then sr resume", "end it, or let it finish, then look again"),
    (_X, "ENGINE_UNAVAILABLE", "the run needs the engine, and this worker can start none", "sr resume where the profile has an invoker that can, or submit it again with --engine-run-root", "go on with it where the profile has an invoker that can"),
    *EVIDENCE,
    (_X, "STORE_UNREACHABLE", "the object store did not answer", "check the endpoint with sr doctor, then retry", "check that object_store in the profile is right and its server up"),
    (_X, "STORE_DENIED", "the object store refused access", "check the credentials and rights with sr doctor", "check the credentials and their rights to the place named"),
    (_X, "STORE_BUCKET_MISSING", "the bucket or root folder is not there", "create it, or correct object_store in the profile"),
    (_X, "STORE_WRONG_REGION", "the bucket is in another region", "correct object_store.region in the profile"),
    (_X, "STORE_THROTTLED", "the object store asks to slow down", "retry later"),
    (_X, "STORE_FULL", "the disk or quota is full", "free space, then retry"),
    (_X, "STORE_UNSAFE", "the store accepts conditional writes and ignores them", "use a store that enforces If-None-Match and If-Match"),
    (_X, "OUTCOME_UNKNOWN", "a write's answer was lost and could not be settled", "retry: the run continues from truth"),
    (_X, "AUTHORITY_UNREACHABLE", "the authority store did not answer", "check it with sr doctor, then retry", "check that authority in the profile is right and its server up"),
    (_X, "AUTHORITY_SCHEMA", "the authority's schema is absent or of another version", "run sr doctor --migrate", "give --migrate; a newer schema needs the release that made it"),
    (_X, "AUTHORITY_ENCODING", "the authority's database cannot hold the text", "create its database with ENCODING 'UTF8'"),
    (_F, "AUTHORITY_BEHIND", "the store has records of runs that the authority does not know: it was restored from an older backup", "run sr resume --rebuild-index before anything is submitted from a new session", "bind them again from their records"),
    (_X, "BUS_UNREACHABLE", "the control bus did not answer", "check it with sr doctor; sr resume publishes later", "check that control_bus in the profile is right and its server up, then try again"),
    (_X, "BUS_DENIED", "the control bus refused access", "check the credentials and rights with sr doctor; sr resume publishes later", "check the credentials, and the rights they give"),
    (_X, "BUS_REFUSED", "the control bus refuses the request as it is", "correct what it names (control_bus in the profile); sr resume publishes later", "correct what it names (control_bus in the profile)"),
    (_X, "BUS_STREAM_MISSING", "the control bus has no such stream", "create it, or correct control_bus.stream in the profile"),
    (_F, "OBJECT_TOO_LARGE", "an object of the store has more bytes or values than are read", "nothing that Scenario Runner writes is so long: find out who wrote it, and put back what stood there"),
    (_X, "BUS_MESSAGE_TOO_LARGE", "the message is larger than the bus takes", "report this as a bug"),
    (_M, "BUS_POSITION_LOST", "the control bus does not keep what a follower has read last, or all that came since", "nothing: the follower goes on with what is kept, and looks for runs in the store"),
    (_C, "SERVICE_BUSY", "another process serves the authority, which has one service at a time", "let that one go on, or stop it first; several replicas share an authority in Postgres"),
    (_C, "FOLLOWER_BUSY", "another process follows for this group", "let that one go on, or follow under another group's name"),
    (_X, "FOLLOWERS_UNREACHABLE", "where followers keep how far they have come cannot be read or written", "check the place that it names, then follow again"),
    (_U, "ENGINE_ROOT_UNFIT", "what is named as the engine root cannot be one, or is not allowed here", "name a folder or an s3:// prefix, without credentials, query and fragment, below engine.allowed_roots where that is set"),
    (_X, "ENGINE_ROOT_UNREACHABLE", "the engine root could not be read", "check the root and its rights, then retry"),
    (_X, "ENGINE_ROOT_DENIED", "the engine root refused access", "give these credentials the right to list and read the root, then retry"),
    (_X, "ENGINE_ROOT_ARCHIVED", "a file of the engine root lies in an archive tier", "restore the named object to a readable tier, then retry"),
    (_X, "ENGINE_ROOT_BUCKET_MISSING", "the bucket of the engine root is not there", "correct the request's engine_run_root, or create the bucket"),
    (_X, "SERVICE_UNREACHABLE", "the service did not answer", "check --server or SR_SERVER, and that the service is up, then give the command again"),
    (_X, "SERVICE_UNTRUSTED", "the certificate of the service is not trusted, or is another host's", "check the host in --server; name the authority that signed it in SSL_CERT_FILE"),
    (_X, "SERVICE_ANSWER_INVALID", "what answered is no service of Scenario Runner, or of another release", "check --server or SR_SERVER, and any proxy on the way"),
    (_X, "CLOCK_SKEW", "this machine's clock is far from the server's", "synchronise the clock"),
    (_X, "INTERRUPTED", "the keyboard, a signal or the caller ended it early", "nothing is lost: run the same command again"),
    (_C, "REEMIT_BUSY", "the same re-emit is under way", "retry later"),
    (_C, "REEMIT_RATE_LIMIT", "too many re-emits in the window", "wait for the window to pass"),
    (_C, "REEMIT_READY_ONLY_MISMATCH", "not applicable: the run is not READY", "TERMINAL_ONLY is for a FAILED or QUARANTINED run; any other has published nothing yet: see sr explain", "TERMINAL_ONLY is for a FAILED or QUARANTINED run; any other has published nothing yet"),
    (_C, "REEMIT_TERMINAL_ONLY_MISMATCH", "not applicable: the run is not FAILED or QUARANTINED", "READY_ONLY is for a READY run; any other has published nothing yet: see sr explain", "READY_ONLY is for a READY run; any other has published nothing yet"),
    (_U, "REEMIT_SUPERSEDED", "the run was superseded: whoever follows the bus would read what turned out wrong", "re-emit its newest successor, or give --superseded"),
    (_X, "REEMIT_PUBLISH_FAILED", "the control bus did not take the fact", "check it with sr doctor, then re-emit again", "check that control_bus in the profile is right and its server up"),
    (_M, "PLAN_MISSING", "the run has no plan yet, or was refused one", "see sr explain for why", "look why the run is where it is"),
    (_M, "FACTS_VIEW_MISSING", "the facts view is not there", "run sr audit on the run", "wait until the run is READY"),
    (_F, "RECORD_INVALID", "the run record breaks its own rules", "run sr audit on the run; do not repair by hand", "restore the record from backup; do not repair by hand"),
    (_X, "REVISION_UNKNOWN", "a newer release decided the run, by rules that this release does not know", "install that release, or a later one; then sr resume goes on with it", "install that release, or a later one"),
    (_F, "TRUTH_MISSING", "an artifact that truth refers to is gone", "restore it from backup; run sr audit", "restore it from backup"),
    (_F, "TRUTH_ALTERED", "an artifact is not what truth says of it", "restore it from backup, or set it aside with sr recover; sr audit names it", "restore it from backup"),
    (_F, "TRUTH_ROLLED_BACK", "index or bus know more than what the store holds: it was rolled back, emptied or replaced", "restore the store from backup, or accept the loss with sr recover; sr audit names what each side knows", "restore the store from backup"),
    (_F, "STORE_COPIED", "the store has the identity of another place that the authority serves", "name that place in the profile, or decide with sr recover --store --as moved or copy", "name the place that is served"),
    (_F, "TRUTH_LOST", "index, bus, a signature or what stands know of a READY that the record does not have", "restore the record from backup, or accept the loss: sr recover RUN --accept-loss --reason R, then sr retry RUN", "restore the record from backup"),
    (_C, "RUN_UNFINISHED", "a worker is at the run, or a crash left it before its end; nothing of it was altered", "finish what was left: sr resume RUN", "finish what was left"),
    (_F, "SUPERSEDED", "the run was superseded: another run corrects it", "read the newest successor, or give --allow-superseded"),
    (_F, "ATTESTATION_MISSING", "a signed READY was asked for and there is no attestation", "do not read the run; ask whoever publishes READY whether it signs"),
    (_F, "ATTESTATION_INVALID", "the attestation is not signed by this key, or not for this facts view", "do not read the run; check the key, then run sr audit on the run", "do not read the run; check the key"),
    (_F, "INTERNAL", "a bug", "run again with -v and report the traceback"),
)
# fmt: on

REASONS: dict[ReasonCode, Reason] = {
    ReasonCode(code): Reason(kind, meaning, *remedies) for kind, code, meaning, *remedies in _TABLE
}
