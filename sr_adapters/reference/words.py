"""What the keys of documents mean, where no class or contract says it."""

from __future__ import annotations

REQUEST = {
    "run_equivalence_key": "the run's name for ever: the same key with another intent is refused",
    "manifest_fingerprint": "which sealed world it is of",
    "parameter_hash": "which parameters made it",
    "seed": "which of the random worlds",
    "scenario": "exactly one of its two fields",
    "scenario.scenario_id": "which scenario",
    "scenario.scenario_set": "several scenarios as one; its id is made from their names",
    "window": "the time that the run covers; `{utc_day}` is each day of it",
    "window.window_start_utc": "the first instant",
    "window.window_end_utc": "the first instant after it",
    "window.window_tz": "the time zone that people think of it in; part of the intent, not of the days",
    "request_id": "the caller's own name of this request",
    "requested_strategy": "whether evidence is reused or the engine is run; `AUTO` where left out",
    "output_ids": "which outputs; the policy's where left out",
    "engine_run_root": "where the engine's outputs are, to be reused",
    "notes": "for people; no part of the intent",
    "invoker": "who asks",
    "supersedes": "the run that this one corrects",
}
INVOCATION = {
    **{
        key: REQUEST[key]
        for key in ("manifest_fingerprint", "parameter_hash", "seed", "request_id", "notes", "invoker")
    },
    "run_id": "the run that the engine works for: its receipt must say the same",
    "scenario_binding": "the scenario, or the set of them",
    "engine_run_root": "where to write, where the request names a root",
}
RECEIPT = {
    "run_id": "of the invocation; where a root is reused, the engine's own",
    **{key: f"{REQUEST[key]}: as the request has it" for key in ("manifest_fingerprint", "parameter_hash", "seed")},
}
POLICY = {
    "policy_id": "its name, on every record",
    "revision": "its revision, on every record",
    "content_digest": "sha256 of all other keys; `sr policy seal FILE` writes it",
    "reuse_policy": "`DENY` runs the engine always; `ALLOW` where left out",
    "evidence_wait_seconds": "how long a run waits for what is missing; 0 where left out",
    "attempt_limit": "how often an engine that failed is run; 1 where left out",
    "retry_backoff_seconds": "the pause between attempts; 0 where left out",
    "abandoned_limit": "abandoned attempts after which a run rests; 5 where left out",
    "settle_seconds": "how long nothing may change before a difference is believed; 2 where left out",
    "traffic_output_ids": "the outputs of a request that names none",
    "ungated_outputs": "whether an output that no gate covers may be read; `REFUSE` where left out",
    "member_digests": "whether each indexed file is held against its own digest; `IGNORE` where left out",
    "allowed_laws": "the laws that are accepted; all where left out",
}
_FINGERPRINT = (
    "sha256 of what identifies the data: the index of the folder, or the engine's canonical inputs. Other data, other "
    "fingerprint; a daily run needs one a day"
)
PINS = {
    "manifest_fingerprint": ("64 lower-case hex", _FINGERPRINT),
    "parameter_hash": ("64 lower-case hex", "sha256 of the parameters as canonical JSON; of `{}` where there are none"),
    "seed": ("a whole number from 0", "the seed of the random numbers; 0 where nothing is random"),
    "scenario_id": ("a name", "the variant of the world, such as `baseline`"),
    "run_id": ("32 lower-case hex", "nobody chooses it: it is made from run_equivalence_key"),
    "utc_day": ("YYYY-MM-DD", "nobody chooses it: each day of the window, in paths alone"),
    "utc_y": ("YYYY", "the year of that day, for paths such as `{utc_y}/{utc_m}/{utc_d}` or `{utc_y}{utc_m}{utc_d}`"),
    "utc_m": ("MM", "its month; a path that has one of the three has them all"),
    "utc_d": ("DD", "its day of the month"),
}
PLACEHOLDERS = {
    "manifest_fingerprint": "the pin",
    "parameter_hash": "the pin",
    "seed": "the pin",
    "scenario_id": "the pin, also of a set",
    "scenario_set": "the names of a set, with commas between them; there only for a set",
    "run_id": "the run's id",
    "request_id": "the request's, where it has one",
    "engine_run_root": "the folder or URI to write to",
    "attempt_no": "1, 2, 3, ...",
    "invocation_json": "the whole invocation as JSON",
    "python": "the Python that Scenario Runner runs in",
}
VARIABLES = {
    "SR_TRACE_PLUGINS": (
        "commands",
        "1: tell on stderr which plugins were asked, what was chosen, what was skipped and why",
    ),
    "PLATFORM_RUN_ID": ("commands", "the platform run; else the active one under the runtime root"),
    "PLATFORM_LOG_PATH": (
        "commands",
        "where the file sink writes the shared platform.log; else under the runtime root",
    ),
    "SR_OTLP_ENABLED": ("commands", "true adds the sink `otlp` to the profile's, false takes it away"),
    "SR_OBS_DROP_DEBUG": ("commands", "true: DEBUG events are told to no sink"),
    "SR_PROFILE": ("commands", "the profile, where none is named"),
    "SR_SERVER": ("commands", "the service that is asked, where `--server` names none"),
    "SR_TOKEN": (
        "commands",
        "the bearer token that proves who asks: to a service, or where the profile's `auth.mode` asks for proof",
    ),
    "SR_SERVER_TIMEOUT": (
        "commands",
        "seconds that a service has for a whole answer; where it is not set 120, for `verify` and `audit` 660",
    ),
    "SR_ENGINE_S3_ENDPOINT": (
        "commands",
        "endpoint of engine roots on S3 where the profile has no `engine.s3` and no store there",
    ),
    "MINIO_ACCESS_KEY": ("commands", "who asks a store of `adapter: minio`; with MINIO_SECRET_KEY"),
    "MINIO_SECRET_KEY": ("commands", "its secret"),
    "MINIO_ROOT_USER": ("commands", "the same under MinIO's own name; with MINIO_ROOT_PASSWORD"),
    "MINIO_ROOT_PASSWORD": ("commands", "its secret"),
    "SR_ENGINE_INVOCATION_JSON": ("engines", "the invocation as JSON"),
    "SR_ENGINE_RUN_ROOT": ("engines", "the folder or URI to write to"),
    "SR_RUN_ID": ("engines", "the run's id"),
    "SR_ATTEMPT_NO": ("engines", "1, 2, 3, ..."),
    "TRACEPARENT": ("engines", "the span of the attempt, as W3C Trace Context has it; where a sink traces runs"),
    "SR_MANIFEST_FINGERPRINT": ("engines", "the pin"),
    "SR_PARAMETER_HASH": ("engines", "the pin"),
    "SR_SEED": ("engines", "the pin"),
    "SR_SCENARIO_ID": ("engines", "the pin, also of a set"),
    "SR_DEMO_UTC_DAYS": ("the demo engine", "the days that it makes, with commas between them"),
    "SR_TEST_REAL_PACK": ("tests", "the folder of a real engine's pack"),
    "SR_TEST_ENGINE_ROOT": ("tests", "an engine root of your own, with the two below"),
    "SR_TEST_ENGINE_PACK": ("tests", "its pack"),
    "SR_TEST_ENGINE_REQUEST": ("tests", "a request for it"),
    "SR_TEST_S3_ENDPOINT": ("tests", "an S3 endpoint"),
    "SR_TEST_S3_BUCKET": ("tests", "a bucket there"),
    "SR_TEST_S3_PREFIX": ("tests", "where in that bucket"),
    "SR_TEST_PG_DSN": ("tests", "a Postgres database"),
    "SR_TEST_KINESIS_ENDPOINT": ("tests", "a Kinesis endpoint"),
}
"""Those of shipped profiles are read from the profiles."""
