"""Which stream a profile means: a name, or an ARN."""

from __future__ import annotations

import re

import attrs

from sr_ports import BadInput, ReasonCode

_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,128}")
_ARN = re.compile(r"arn:aws[a-z0-9-]*:kinesis:(?P<region>[a-z0-9-]+):\d{12}:stream/(?P<name>[a-zA-Z0-9_.-]{1,128})")


@attrs.frozen
class Stream:
    """A stream's name. `arn`: where that was given; it may lie in another account. `region`: the ARN's."""

    name: str
    arn: str | None = None
    region: str | None = None

    @property
    def asked(self) -> dict[str, str]:
        """How a request names it."""
        return {"StreamARN": self.arn} if self.arn else {"StreamName": self.name}

    @property
    def owner(self) -> dict[str, str]:
        """What a request that names no stream needs for one in another account."""
        return {"StreamARN": self.arn} if self.arn else {}


def read_stream(text: object, region: str | None = None) -> Stream:
    """The stream that `control_bus.stream` names. `region`: the profile's. Raises `BadInput(PROFILE_INVALID)`."""
    if isinstance(text, str) and _NAME.fullmatch(text):
        return Stream(text, region=region)
    found = _ARN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        what = "control_bus.stream must name the Kinesis stream: 1 to 128 letters, digits, _ . - or its ARN"
        raise BadInput(ReasonCode.PROFILE_INVALID, what)
    if region and region != found["region"]:
        what = "control_bus.region and the ARN of control_bus.stream name different regions"
        raise BadInput(ReasonCode.PROFILE_INVALID, what, "leave control_bus.region out, or correct one of them")
    return Stream(found["name"], found[0], found["region"])
