"""The OTLP sink: traces, metrics and logs to an OpenTelemetry collector, by the OpenTelemetry SDK over HTTP.

The SDK takes long to import and speaks over the network. So events are kept, and all of that is done after a while
or at the end, on a thread of the sink's own: a run does not wait for it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from sr_adapters.observability.deferred import DeferredSink
from sr_adapters.observability.lengths import instant
from sr_adapters.observability.lines import document
from sr_adapters.observability.metrics import BUCKETS, METRICS, measured
from sr_adapters.observability.server_settings import OtlpSettings
from sr_adapters.observability.spans import Span, Spans, root_of, run_of
from sr_ports import ObsEvent, Wiring

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext

EVERY_S = 5.0
"""Seconds after an event by which the collector has it."""
_LIMIT = 1024
_NAME = "scenario_runner"
_SEVERITY = {"DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17}
"""OpenTelemetry's numbers; what else there may be is INFO."""
_DONE = "SUCCESS"
_WRONG = frozenset({"FAIL", "CONFLICT"})
_LONGEST = 16_384
"""Characters that an attribute or a message may have."""


class OtlpSink(DeferredSink):
    """Tells a collector of runs. `settings`: where it is. `every_s`: how long events may be kept."""

    traces = True

    def __init__(self, settings: OtlpSettings, *, every_s: float = EVERY_S) -> None:
        self._settings = settings
        self._spans = Spans()
        self._exports: _Exports | None = None
        super().__init__(self._export, after_s=every_s, limit=_LIMIT)

    def _export(self, events: Sequence[ObsEvent]) -> bool:
        """Deliver; whether what was told changes with time alone.

        Raises `ConnectionError` where the collector did not take something: it is not told that again, and what would
        have followed is given up with it, since each try takes its time.
        """
        if self._exports is None:
            self._exports = _Exports(self._settings)
        told = [(event, document(event)) for event in events]
        spans = [(one, event, node) for event, node in told for one in self._spans.of(event)]
        metrics = self._exports.metrics_of(events)  # sums go on, whatever becomes of this delivery
        failed = self._exports.spans(spans) or self._exports.logs(told) or self._exports.metrics(metrics)
        if failed:
            raise ConnectionError(f"the collector did not take {failed}")
        return self._exports.ages


class _Exports:
    """The SDK's parts, made when first needed."""

    def __init__(self, settings: OtlpSettings) -> None:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource

        from sr_plugins.release import release

        # What the SDK has to say of a collector that is away, the sink says itself, once.
        logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
        self._resource = Resource.create({"service.name": "scenario-runner", "service.version": release()})
        self._span_exporter = OTLPSpanExporter(**_to(settings, "v1/traces"))
        self._log_exporter = OTLPLogExporter(**_to(settings, "v1/logs"))
        self._metric_exporter = OTLPMetricExporter(**_to(settings, "v1/metrics"))
        self._logs = _Logs(self._resource)
        self._metrics = _Metrics(self._resource)

    def spans(self, told: Iterable[tuple[Span, ObsEvent, Mapping[str, Any]]]) -> str:
        """What could not be delivered, in a word; "" where all was."""
        made = [_readable(span, event, node, self._resource) for span, event, node in told]
        failed = made and self._span_exporter.export(made).name != _DONE
        return f"{len(made)} spans" if failed else ""

    def logs(self, told: Iterable[tuple[ObsEvent, Mapping[str, Any]]]) -> str:
        """As `spans`."""
        made = self._logs.made(told)
        failed = made and self._log_exporter.export(made).name != _DONE
        return f"{len(made)} log records" if failed else ""

    def metrics_of(self, events: Iterable[ObsEvent]) -> Any:
        """All metrics, with what these events add; None where nothing was measured."""
        return self._metrics.made(events)

    @property
    def ages(self) -> bool:
        """Whether one of the metrics is an age that grows."""
        return self._metrics.ages

    def metrics(self, data: Any) -> str:
        """As `spans`."""
        failed = data is not None and self._metric_exporter.export(data).name != _DONE
        return "metrics" if failed else ""


def _to(settings: OtlpSettings, path: str) -> dict[str, Any]:
    """What an exporter is made with; what is left out it takes from OTEL_* variables, as every SDK does."""
    given: dict[str, Any] = {"timeout": settings.timeout_s}
    if settings.endpoint is not None:
        given["endpoint"] = f"{settings.endpoint.rstrip('/')}/{path}"
    if settings.headers is not None:
        pairs = (one.partition("=") for one in settings.headers.split(",") if "=" in one)
        given["headers"] = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return given


def _attributes(node: Mapping[str, Any]) -> dict[str, Any]:
    """An event's parts by dotted name: plain values as they are, others as JSON."""
    flat: dict[str, Any] = {}
    for key, value in node.items():
        if key in ("message", "ts_utc", "severity"):
            continue
        if isinstance(value, Mapping) and key in ("pins", "policy_rev", "details", "durations_s"):
            flat.update({f"{key}.{name}": _plain(one) for name, one in value.items()})
        else:
            flat[key] = _plain(value)
    return {f"sr.{name}": value for name, value in flat.items() if value is not None}


def _plain(value: Any) -> Any:
    """A value that an attribute may have. Whole numbers that OTLP has no room for are texts."""
    if isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**63):
        return value
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")[:_LONGEST]


def _context(trace_id: str, span_id: str) -> SpanContext:
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _readable(span: Span, event: ObsEvent, node: Mapping[str, Any], resource: Any) -> ReadableSpan:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import Status, StatusCode

    wrong = event.outcome in _WRONG
    return ReadableSpan(
        span.name,
        context=_context(span.trace_id, span.span_id),
        parent=None if span.parent is None else _context(span.trace_id, span.parent),
        resource=resource,
        attributes=_attributes(node),
        status=Status(StatusCode.ERROR, _plain(node.get("message", ""))) if wrong else Status(StatusCode.OK),
        start_time=min(_ns(span.began), _ns(span.ended)),
        end_time=_ns(span.ended),
        instrumentation_scope=InstrumentationScope(_NAME),
    )


def _ns(ts_utc: str) -> int:
    return round(instant(ts_utc) * 1_000_000) * 1_000


class _Logs:
    """Makes log records of events, by the SDK's own logger."""

    def __init__(self, resource: Any) -> None:
        from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor

        made: list[Any] = []

        class Gather(LogRecordProcessor):
            """Keeps what is emitted, for one delivery."""

            def on_emit(self, log_record: Any) -> None:
                made.append(log_record)

            def shutdown(self) -> None:
                """Nothing is held."""

            def force_flush(self, timeout_millis: int = 0) -> bool:
                return True

        self._made = made
        provider = LoggerProvider(resource, shutdown_on_exit=False)
        provider.add_log_record_processor(Gather())
        self._logger = provider.get_logger(_NAME)

    def made(self, told: Iterable[tuple[ObsEvent, Mapping[str, Any]]]) -> list[Any]:
        """The records, one an event."""
        from opentelemetry._logs import LogRecord, SeverityNumber

        self._made.clear()
        for event, node in told:
            run_id = run_of(event)
            record = LogRecord(
                timestamp=_ns(event.ts_utc),
                context=None if run_id is None else _in_trace(run_id),
                severity_text=event.severity,
                severity_number=SeverityNumber(_SEVERITY.get(event.severity, _SEVERITY["INFO"])),
                body=_plain(node.get("message", "")),
                attributes=_attributes(node),
                event_name=event.event_kind,
            )
            self._logger.emit(record)
        return list(self._made)


def _in_trace(run_id: str) -> Any:
    """The context of a record that belongs to a run's trace."""
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context

    return set_span_in_context(NonRecordingSpan(_context(run_id, root_of(run_id))))


@attrs.define
class _Metrics:
    """The SDK's instruments, one a metric; `made` gives what they say by now."""

    resource: Any
    _reader: Any = attrs.field(init=False)
    _instruments: dict[str, Any] = attrs.field(init=False, factory=dict)
    _gauges: dict[str, float] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader

        self._reader = InMemoryMetricReader()
        meter = MeterProvider([self._reader], self.resource, shutdown_on_exit=False).get_meter(_NAME)
        for one in METRICS.values():
            if one.form == "counter":
                made: Any = meter.create_counter(one.name, description=one.text)
            elif one.form == "histogram":
                bounds = list(BUCKETS)
                made = meter.create_histogram(one.name, "s", one.text, explicit_bucket_boundaries_advisory=bounds)
            else:
                made = meter.create_observable_gauge(one.name, [self._seen(one.name)], description=one.text)
            self._instruments[one.name] = made

    @property
    def ages(self) -> bool:
        """Whether one of them is an age that grows."""
        return any(value and METRICS[name].form == "age" for name, value in self._gauges.items())

    def _seen(self, name: str) -> Any:
        def observe(_options: Any) -> Iterator[Any]:
            import time

            from opentelemetry.metrics import Observation

            if name in self._gauges:
                value, age = self._gauges[name], METRICS[name].form == "age"
                yield Observation(max(0.0, time.time() - value) if age and value else value)

        return observe

    def made(self, events: Iterable[ObsEvent]) -> Any:
        """All metrics with what these events add; None where nothing was ever measured."""
        for event in events:
            for one in measured(event):
                instrument, labels = (
                    self._instruments[one.metric.name],
                    dict(zip(one.metric.labels, one.labels, strict=True)),
                )
                if one.metric.form == "counter":
                    instrument.add(one.value, labels)
                elif one.metric.form == "histogram":
                    instrument.record(one.value, labels)
                else:
                    self._gauges[one.metric.name] = one.value
        data = self._reader.get_metrics_data()
        return data if data is not None and data.resource_metrics else None


def build_otlp(wiring: Wiring[OtlpSettings]) -> OtlpSink:
    """The sink of a profile."""
    return OtlpSink(wiring.settings)
