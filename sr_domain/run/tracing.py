"""Which trace a run's engine and its control facts are part of (W3C ``traceparent``), where a sink traces runs."""

from __future__ import annotations

from sr_domain.encoding.ids import span_id_for, trace_id_for
from sr_ports import ObservabilitySink


def traceparent(sink: ObservabilitySink, run_id: str, began: str, span: str) -> str | None:
    """The header of what is done in the span of this name, which the event with the id `began` began.

    None where no sink traces runs.
    """
    try:
        traces = getattr(sink, "traces", False)  # see `TracingSink`
    except Exception:  # noqa: BLE001 - an embedder's own sink (spec: mission, law 10)
        traces = False
    if not traces:
        return None
    return f"00-{trace_id_for(run_id)}-{span_id_for(began, span)}-01"


def traced(sink: ObservabilitySink, run_id: str, began: str, span: str) -> dict[str, str]:
    """The same, as attributes of an envelope."""
    told = traceparent(sink, run_id, began, span)
    return {} if told is None else {"traceparent": told}
