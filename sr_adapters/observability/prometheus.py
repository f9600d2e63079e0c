"""The Prometheus sink: metrics as a text file that many processes add to, and as a registry for a service.

The official client writes and reads the text. One-shot commands live too short to be asked by a server: each adds
what it counted to the file, which node_exporter's textfile collector serves. A process that lives on shows what it
counted itself: `PrometheusSink.exposition`, which is what ``/metrics`` answers.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sr_adapters.observability.deferred import AGAIN_S, DeferredSink
from sr_adapters.observability.metrics import BUCKETS, METRICS, OLDEST, OLDEST_AT, Measured, measured
from sr_adapters.observability.server_settings import PrometheusSettings
from sr_ports import ObsEvent, Wiring

if TYPE_CHECKING:
    from prometheus_client.core import Metric as Family

EVERY_S = 5.0
"""Seconds after an event by which the file has it."""
_LIMIT = 4096
_LOCK_S, _LOOK_S = 10.0, 0.005
"""How long the file's lock is waited for, and between two looks."""
Labels = tuple[str, ...]


class Tally:
    """Numbers by metric and labels. A histogram's: how many in each bucket alone, the last beyond all bounds.

    Counts begin at 0, not with the first of their kind: a rate needs that (`Metric.first`).
    """

    def __init__(self) -> None:
        first = [(one, labels) for one in METRICS.values() for labels in one.first]
        self.numbers: dict[tuple[str, Labels], float] = {
            (one.name, labels): 0.0 for one, labels in first if one.form == "counter"
        }
        self.histograms: dict[tuple[str, Labels], tuple[list[float], float]] = {
            (one.name, labels): ([0.0] * (len(BUCKETS) + 1), 0.0) for one, labels in first if one.form == "histogram"
        }

    def add(self, one: Measured) -> None:
        """Take a measurement in."""
        key = (one.metric.name, one.labels)
        if one.metric.form == "histogram":
            counts = [0.0] * (len(BUCKETS) + 1)
            counts[next((at for at, bound in enumerate(BUCKETS) if one.value <= bound), -1)] = 1.0
            self._add_histogram(key, counts, one.value)
        elif one.metric.form == "counter":
            self.numbers[key] = self.numbers.get(key, 0.0) + one.value
        else:
            self.numbers[key] = one.value

    def merge(self, later: Tally) -> None:
        """Take in what was counted later."""
        for (name, labels), value in later.numbers.items():
            self.add(Measured(METRICS[name], value, labels))
        for key, (counts, total) in later.histograms.items():
            self._add_histogram(key, counts, total)

    def _add_histogram(self, key: tuple[str, Labels], counts: Sequence[float], total: float) -> None:
        mine, before = self.histograms.get(key, ([0.0] * len(counts), 0.0))
        self.histograms[key] = ([a + b for a, b in zip(mine, counts, strict=True)], before + total)

    def collect(self) -> Iterator[Family]:
        """The families, as the official client takes them of a collector."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        for metric in METRICS.values():
            if metric.form == "histogram":
                family: Any = HistogramMetricFamily(metric.name, metric.text, labels=metric.labels)
                for (name, labels), (counts, total) in self.histograms.items():
                    if name == metric.name:
                        family.add_metric(labels, _added_up(counts), total)
            else:
                kind = CounterMetricFamily if metric.form == "counter" else GaugeMetricFamily
                family = kind(metric.name, metric.text, labels=metric.labels)
                for (name, labels), value in self.numbers.items():
                    if name == metric.name:
                        family.add_metric(labels, _age(value) if metric.form == "age" else value)
            if family.samples:
                yield family

    @classmethod
    def read(cls, text: str) -> Tally:
        """What a text holds of these metrics. Raises `ValueError` for what is no such text."""
        from prometheus_client.parser import text_string_to_metric_families

        tally = cls()
        buckets: dict[tuple[str, Labels], dict[float, float]] = {}
        totals: dict[tuple[str, Labels], float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                base, _, part = sample.name.rpartition("_")
                metric = METRICS.get(sample.name) or METRICS.get(base)
                if metric is None:
                    continue
                key = (metric.name, tuple(sample.labels.get(name, "") for name in metric.labels))
                if metric.form != "histogram":
                    tally.numbers[key] = _since(sample.value) if metric.form == "age" else sample.value
                elif part == "bucket":
                    buckets.setdefault(key, {})[float(sample.labels["le"])] = sample.value
                elif part == "sum":
                    totals[key] = sample.value
        for key, found in buckets.items():
            tally.histograms[key] = (_apart(found), totals.get(key, 0.0))
        since = tally.numbers.get((OLDEST_AT.name, ()))
        if since is not None:  # an age was true when it was written; since when is true for good
            tally.numbers[OLDEST.name, ()] = since
        return tally

    @property
    def ages(self) -> bool:
        """Whether what it shows changes with time alone."""
        return any(METRICS[name].form == "age" and value for (name, _), value in self.numbers.items())


def _age(since: float) -> float:
    return max(0.0, time.time() - since) if since else 0.0


def _since(age: float) -> float:
    return time.time() - age if age else 0.0


def _added_up(counts: Sequence[float]) -> list[tuple[str, float]]:
    bounds, total, told = [*map(str, BUCKETS), "+Inf"], 0.0, []
    for bound, count in zip(bounds, counts, strict=True):
        total += count
        told.append((bound, total))
    return told


def _apart(found: dict[float, float]) -> list[float]:
    """The count of each bucket alone; of bounds that a release has changed, none is missed."""
    counts, before = [0.0] * (len(BUCKETS) + 1), 0.0
    for bound, total in sorted(found.items()):
        at = next((at for at, one in enumerate(BUCKETS) if bound <= one), len(BUCKETS))
        counts[at] += max(0.0, total - before)
        before = total
    return counts


class PrometheusSink(DeferredSink):
    """Counts events. `path`: the text file that what is counted is added to; None for none.

    Nothing of the client is imported, and nothing written, before it is time: a run does not wait for numbers.
    """

    def __init__(self, path: str | None, *, every_s: float = EVERY_S, again_s: float = AGAIN_S) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._whole, self._owed = Tally(), Tally()
        super().__init__(self._write, after_s=every_s, limit=_LIMIT, again_s=again_s)

    def emit_all(self, events: Sequence[ObsEvent]) -> None:
        with self._lock:
            if self._pid != os.getpid():  # what a forked child finds here was counted by its parent
                self._pid, self._whole, self._owed = os.getpid(), Tally(), Tally()
            for one in chain.from_iterable(map(measured, events)):
                self._whole.add(one)
                self._owed.add(one)
        if self._path is not None:
            self._deferred.add(events)

    def exposition(self) -> bytes:
        """What this process counted so far, as `sr_ports.ExposingSink` says: the text that ``/metrics`` answers.

        Every number only grows but for gauges, from one call to the next. The file has no part in it.
        """
        with self._lock:
            return _text(self._whole)

    def _write(self, _events: Sequence[ObsEvent]) -> bool:
        """Add what is owed to the file; whether it changes with time. What could not be added is owed still."""
        with self._lock:
            owed, self._owed = self._owed, Tally()
        try:
            return add_to_file(Path(str(self._path)), owed)
        except BaseException:
            with self._lock:
                owed.merge(self._owed)
                self._owed = owed
            raise


def add_to_file(path: Path, counted: Tally) -> bool:
    """Add numbers to those of a text file, whoever else does so at the same time; whether one is an age that grows.

    Raises `OSError`.
    """
    import prometheus_client.parser  # noqa: F401 - before the lock: nobody waits for an import

    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        merged = Tally()
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError):  # what is no such text is begun anew
            merged = Tally.read(path.read_text("utf-8"))
        merged.merge(counted)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        fresh.write_bytes(_text(merged))
        fresh.replace(path)
    return merged.ages


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file; it is let go of with the descriptor, also where the process dies."""
    import fcntl

    descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        until = time.monotonic() + _LOCK_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise
                time.sleep(_LOOK_S)
        yield
    finally:
        os.close(descriptor)


def _text(tally: Tally) -> bytes:
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(tally)
    return generate_latest(registry)


def build_prometheus(wiring: Wiring[PrometheusSettings]) -> PrometheusSink:
    """The sink of a profile."""
    return PrometheusSink(wiring.settings.path or f"{wiring.runtime_root}/fraud-platform/metrics.prom")
