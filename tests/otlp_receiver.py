"""A receiver of OTLP over HTTP that decodes what comes with the published schema (`opentelemetry-proto`)."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs


@attrs.define
class Received:
    """What came, decoded. `status`: what is answered. `hold`: answered when it is set."""

    endpoint: str = ""
    status: int = 200
    hold: threading.Event | None = None
    requests: list[tuple[str, bytes]] = attrs.field(factory=list)

    def _decoded(self, path: str, message: Any) -> Iterator[Any]:
        for at, body in self.requests:
            if at == path:
                yield message.FromString(body)

    def spans(self) -> list[Any]:
        """Every span, in the order of arrival."""
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        told = self._decoded("/v1/traces", ExportTraceServiceRequest)
        return [one for made in told for whose in made.resource_spans for by in whose.scope_spans for one in by.spans]

    def logs(self) -> list[Any]:
        """Every log record."""
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

        told = self._decoded("/v1/logs", ExportLogsServiceRequest)
        return [
            one for made in told for whose in made.resource_logs for by in whose.scope_logs for one in by.log_records
        ]

    def metrics(self) -> dict[str, Any]:
        """The metrics of the last request, by name."""
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

        told = list(self._decoded("/v1/metrics", ExportMetricsServiceRequest))[-1:]
        return {
            one.name: one
            for made in told
            for whose in made.resource_metrics
            for by in whose.scope_metrics
            for one in by.metrics
        }

    def resources(self) -> list[dict[str, str]]:
        """Who told of spans."""
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        told = self._decoded("/v1/traces", ExportTraceServiceRequest)
        return [attributes(whose.resource) for made in told for whose in made.resource_spans]


def attributes(one: Any) -> dict[str, Any]:
    """The attributes of a span, a record or a resource."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in one.attributes}


@contextmanager
def receiver() -> Iterator[Received]:
    """A receiver on loopback, for as long as the context lasts."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if received.hold is not None:
                received.hold.wait(30)
            received.requests.append((self.path, body))
            self.send_response(received.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *said: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    received.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield received
    finally:
        if received.hold is not None:
            received.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()


if __name__ == "__main__":  # a receiver in a process of its own; it ends when its standard input does
    import sys

    with receiver() as here:
        sys.stdout.write(f"{here.endpoint}\n")
        sys.stdout.flush()
        sys.stdin.read()
