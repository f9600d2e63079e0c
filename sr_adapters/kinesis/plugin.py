"""What the kinesis family offers: a control bus on a stream."""

from __future__ import annotations

from collections.abc import Sequence

from sr_ports import Adapter, ControlBus, Later, hookimpl


@hookimpl
def sr_control_buses() -> Sequence[Adapter[ControlBus]]:
    return [
        Adapter(
            "kinesis",
            Later("sr_adapters.kinesis.bus:build_kinesis"),
            extra="kinesis",
            requires=("boto3",),
            settings=Later("sr_adapters.kinesis.settings:KinesisSettings"),
        )
    ]
