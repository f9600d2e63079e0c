"""What a profile may say of the sinks for servers of telemetry."""

from __future__ import annotations

import attrs
from attrs.validators import gt, lt, min_len, optional

from sr_ports import setting
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class PrometheusSettings(Compared):
    """`path`: of the text file that every process adds its numbers to."""

    path: str | None = attrs.field(
        default=None,
        validator=optional(min_len(1)),
        metadata=setting("the text file of metrics, for a textfile collector; else under the runtime root"),
    )


@attrs.frozen(eq=False, repr=False)
class OtlpSettings(Compared):
    """`endpoint`: of the collector. `headers`: sent with every request. `timeout_s`: for one request, in seconds."""

    endpoint: str | None = attrs.field(
        default=None,
        validator=optional(min_len(1)),
        metadata=setting(
            "the collector's address for OTLP over HTTP, without /v1/...; else OTEL_EXPORTER_OTLP_ENDPOINT, else "
            "http://localhost:4318"
        ),
    )
    headers: str | None = attrs.field(
        default=None,
        metadata=setting("headers of every request, as name=value with commas between them", secret=True),
    )
    timeout_s: float = attrs.field(
        default=2.0,
        alias="timeout_seconds",
        validator=[gt(0.0), lt(600.0)],
        metadata=setting("how long the collector may take for a request", wanted="a number of seconds below 600"),
    )
