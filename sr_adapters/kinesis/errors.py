"""Botocore's errors as port errors: one table, each cause with its own sentence."""

from __future__ import annotations

from botocore import exceptions as boto

from sr_adapters import aws
from sr_ports import BadInput, ReasonCode, SrError, Unreachable, one_line
from sr_ports.masking import redact

_UNREACHABLE, _DENIED, _REFUSED = ReasonCode.BUS_UNREACHABLE, ReasonCode.BUS_DENIED, ReasonCode.BUS_REFUSED
_CODES = {
    "ResourceNotFoundException": (ReasonCode.BUS_STREAM_MISSING, "the stream is not there"),
    "ProvisionedThroughputExceededException": (_UNREACHABLE, "the stream is throttled"),
    "LimitExceededException": (_UNREACHABLE, "the service's limits are reached"),
    "ThrottlingException": (_UNREACHABLE, "the service asks to slow down"),
    "ResourceInUseException": (_UNREACHABLE, "the stream is being made or changed"),
    "KMSThrottlingException": (_UNREACHABLE, "encryption is throttled"),
    "KMSAccessDeniedException": (_DENIED, "the stream's KMS key may not be used"),
    "KMSDisabledException": (_DENIED, "the stream's KMS key is disabled"),
    "KMSInvalidStateException": (_DENIED, "the stream's KMS key cannot be used as it is"),
    "KMSNotFoundException": (_DENIED, "the stream's KMS key is not there"),
    "KMSOptInRequired": (_DENIED, "the account has no KMS"),
    "AccessDeniedException": (_DENIED, "these credentials may not do this"),
    "AccessDenied": (_DENIED, "these credentials may not do this"),
    "ExpiredTokenException": (_DENIED, "the credentials have expired"),
    "ExpiredToken": (_DENIED, "the credentials have expired"),
    "UnrecognizedClientException": (_DENIED, "the credentials are not known"),
    "InvalidClientTokenId": (_DENIED, "the credentials are not known"),
    "MissingAuthenticationTokenException": (_DENIED, "the request carried no credentials"),
    "InvalidSignatureException": (_DENIED, "the credentials are wrong"),
    "IncompleteSignature": (_DENIED, "the credentials are wrong"),
    "ValidationException": (_REFUSED, "the service refuses the request"),
    "InvalidArgumentException": (_REFUSED, "the service refuses the request"),
}
_NO_RIGHT = (401, 403)
"""What an answer with a code of its own means all the same: a gateway's, or another service's error document."""
_NETWORK = (
    (boto.ProxyConnectionError, "the proxy that HTTP_PROXY or HTTPS_PROXY names cannot be reached"),
    (boto.EndpointConnectionError, "the endpoint cannot be reached"),
    (boto.ConnectTimeoutError, "connecting timed out"),
    (boto.ReadTimeoutError, "the answer did not come in time"),
    (boto.ConnectionClosedError, "the connection was cut"),
)


def code_of(error: BaseException) -> str:
    """The service's own error code; "" where it gave no answer."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, boto.ClientError) else ""


def port_error(error: Exception, where: str) -> SrError:
    """What `error`, raised while the stream described by `where` was used, means to a caller."""
    if isinstance(error, boto.ClientError):
        return _from_answer(error, where)
    chained = aws.chain_fault(error, where, _DENIED)
    if chained is not None:
        return chained
    if isinstance(error, boto.ParamValidationError):
        return BadInput(ReasonCode.PROFILE_INVALID, f"{where}: {one_line(aws.said(error), 200)}")
    what = next((told for kind, told in _NETWORK if isinstance(error, kind)), None)
    return Unreachable(_UNREACHABLE, f"{where}: {what or one_line(f'{type(error).__name__}: {aws.said(error)}', 200)}")


def _from_answer(error: boto.ClientError, where: str) -> SrError:
    code, said = code_of(error) or "?", redact(str(error.response.get("Error", {}).get("Message", "")))
    if code == "ValidationException" and "'data'" in said and "length" in said:
        return BadInput(ReasonCode.BUS_MESSAGE_TOO_LARGE, f"{where}: {one_line(said, 200)}")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    unknown = (_DENIED, "access was denied") if status in _NO_RIGHT else (_UNREACHABLE, "the service answered")
    reason, what = _CODES.get(code, unknown)
    return Unreachable(reason, f"{where}: {what} ({one_line(f'{code}: {said}', 200)})")
