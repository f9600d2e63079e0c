"""Settings of the kinesis bus."""

from __future__ import annotations

import attrs
from attrs.validators import min_len

from sr_ports import setting


@attrs.frozen(kw_only=True)
class KinesisSettings:
    """What is None is the AWS chain's."""

    stream: str = attrs.field(
        validator=min_len(1), metadata=setting("the stream, by name or ARN", wanted="a stream's name or ARN")
    )
    region: str | None = attrs.field(default=None, metadata=setting("the stream's region"))
    endpoint_url: str | None = attrs.field(default=None, metadata=setting("the server, where it is not AWS"))
