"""What the observability family offers: the sinks for people, for files and for servers of telemetry."""

from __future__ import annotations

from collections.abc import Sequence

from sr_ports import Adapter, Later, ObservabilitySink, hookimpl

_HERE = "sr_adapters.observability"


@hookimpl
def sr_observability_sinks() -> Sequence[Adapter[ObservabilitySink]]:
    return [
        Adapter("console", Later(f"{_HERE}.sinks:build_console")),
        Adapter("file", Later(f"{_HERE}.sinks:build_file"), settings=Later(f"{_HERE}.settings:FileSettings")),
        Adapter(
            "prometheus",
            Later(f"{_HERE}.prometheus:build_prometheus"),
            extra="otel",
            requires=("prometheus_client",),
            settings=Later(f"{_HERE}.server_settings:PrometheusSettings"),
        ),
        Adapter(
            "otlp",
            Later(f"{_HERE}.otlp:build_otlp"),
            extra="otel",
            requires=("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"),
            settings=Later(f"{_HERE}.server_settings:OtlpSettings"),
        ),
    ]
