"""The suite of sinks holds for the built-in ones."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from sr_adapters.memory.sink import NullSink
from sr_adapters.observability.sinks import ConsoleSink, FileSink
from sr_ports import ObservabilitySink
from sr_ports.conformance.sinks import Delivered, SinkLaws
from tests.otlp_receiver import Received, receiver


class TestConsole(SinkLaws):
    @pytest.fixture
    def stream(self) -> io.StringIO:
        return io.StringIO()

    @pytest.fixture
    def sink(self, stream: io.StringIO) -> ConsoleSink:
        return ConsoleSink(stream)

    @pytest.fixture
    def delivered(self, stream: io.StringIO) -> Delivered:
        return lambda: stream.getvalue().splitlines()


@pytest.mark.parametrize(
    "name", ["platform_20260131T134200Z/session.jsonl", "platform_20260131T134200Z/platform.log", "platform.log"]
)
class TestFile(SinkLaws):
    @pytest.fixture
    def sink(self, tmp_path: Path) -> FileSink:
        return FileSink(str(tmp_path), lambda: "platform_20260131T134200Z")

    @pytest.fixture
    def delivered(self, tmp_path: Path, name: str) -> Delivered:
        return lambda: (tmp_path / name).read_text("utf-8").splitlines()

    @pytest.fixture(autouse=True)
    def _named(self, name: str) -> None:
        """Which of its files is looked at."""


class TestNowhere(SinkLaws):
    @pytest.fixture
    def sink(self) -> NullSink:
        return NullSink()

    @pytest.fixture
    def delivered(self) -> Delivered:
        pytest.skip("this sink delivers nothing")


class TestOtlp(SinkLaws):
    @pytest.fixture
    def received(self) -> Iterator[Received]:
        pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
        with receiver() as received:
            yield received

    @pytest.fixture
    def sink(self, received: Received) -> ObservabilitySink:
        from sr_adapters.observability.otlp import OtlpSink
        from sr_adapters.observability.server_settings import OtlpSettings

        return OtlpSink(OtlpSettings(endpoint=received.endpoint))

    @pytest.fixture
    def delivered(self, received: Received) -> Delivered:
        return lambda: [str(one) for one in received.logs()]
