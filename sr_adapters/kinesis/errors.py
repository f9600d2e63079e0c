"""Botocore's errors as port errors: one table, each cause with its own sentence."""

from __future__ import annotations

from botocore import exceptions as boto

from sr_ports import BadInput, ReasonCode, SrError, Unreachable, one_line

_CODES = {
    "ResourceNotFoundException": (ReasonCode.BUS_STREAM_MISSING, "the stream is not there"),
    "ProvisionedThroughputExceededException": (ReasonCode.BUS_UNREACHABLE, "the stream is throttled"),
    "LimitExceededException": (ReasonCode.BUS_UNREACHABLE, "the service's limits are reached"),
    "KMSThrottlingException": (ReasonCode.BUS_UNREACHABLE, "encryption is throttled"),
    "AccessDeniedException": (ReasonCode.BUS_UNREACHABLE, "access was denied; check the rights"),
    "ExpiredTokenException": (ReasonCode.BUS_UNREACHABLE, "the credentials have expired"),
    "ExpiredToken": (ReasonCode.BUS_UNREACHABLE, "the credentials have expired"),
    "UnrecognizedClientException": (ReasonCode.BUS_UNREACHABLE, "the credentials are not known"),
    "InvalidSignatureException": (ReasonCode.BUS_UNREACHABLE, "the credentials are wrong"),
}
_NETWORK = (
    (boto.NoCredentialsError, "there are no credentials"),
    (boto.PartialCredentialsError, "the credentials are incomplete"),
    (boto.NoRegionError, "no region is set"),
    (boto.EndpointConnectionError, "the endpoint cannot be reached"),
    (boto.ConnectTimeoutError, "connecting timed out"),
    (boto.ReadTimeoutError, "the answer did not come in time"),
    (boto.ConnectionClosedError, "the connection was cut"),
)


def port_error(error: Exception, stream: str) -> SrError:
    """What `error`, raised while `stream` was used, means to a caller."""
    where = f"Kinesis stream {stream}"
    if isinstance(error, boto.ClientError):
        code = str(error.response.get("Error", {}).get("Code", "?"))
        if code == "ValidationException":
            return BadInput(
                ReasonCode.BUS_MESSAGE_TOO_LARGE, f"{where} refused the message: {one_line(str(error), 200)}"
            )
        reason, what = _CODES.get(code, (ReasonCode.BUS_UNREACHABLE, f"the service answered {code}"))
        return Unreachable(reason, f"{where}: {what}")
    what = next((told for kind, told in _NETWORK if isinstance(error, kind)), f"{type(error).__name__}")
    return Unreachable(ReasonCode.BUS_UNREACHABLE, f"{where}: {what}")
