"""What botocore raises, as port errors: each cause with its own code and remedy."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from botocore import exceptions as boto
from urllib3.exceptions import HTTPError, NameResolutionError

from sr_ports import BadInput, ReasonCode, SrError, Unreachable

DRIVER_ERRORS: Final = (boto.ClientError, boto.BotoCoreError, HTTPError)
"""Everything the client may raise for what a server or the network did."""

NEVER_SENT: Final = (
    boto.EndpointConnectionError,
    boto.ConnectTimeoutError,
    boto.ProxyConnectionError,
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
)
"""The request certainly did not reach the server."""

_Told = tuple[ReasonCode, str | None]
_RENEW: _Told = (ReasonCode.STORE_DENIED, "renew the credentials, then retry")
_DENIED: _Told = (ReasonCode.STORE_DENIED, None)
_REGION: _Told = (ReasonCode.STORE_WRONG_REGION, None)
_THROTTLED: _Told = (ReasonCode.STORE_THROTTLED, None)
_FULL: _Told = (ReasonCode.STORE_FULL, None)

_TOLD: Final[dict[str, _Told]] = {
    "NoSuchBucket": (ReasonCode.STORE_BUCKET_MISSING, None),
    "RequestTimeTooSkewed": (ReasonCode.STORE_DENIED, "set this machine's clock, then retry"),
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"), _RENEW),
    **dict.fromkeys(("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"), _DENIED),
    **dict.fromkeys(("AllAccessDisabled", "AccountProblem", "InvalidSecurity", "NotSignedUp"), _DENIED),
    **dict.fromkeys(("PermanentRedirect", "AuthorizationHeaderMalformed", "Redirect"), _REGION),
    **dict.fromkeys(("IllegalLocationConstraintException", "TemporaryRedirect"), _REGION),
    **dict.fromkeys(("SlowDown", "SlowDownRead", "SlowDownWrite", "Throttling", "ThrottlingException"), _THROTTLED),
    **dict.fromkeys(("RequestLimitExceeded", "TooManyRequests", "TooManyRequestsException"), _THROTTLED),
    **dict.fromkeys(("QuotaExceeded", "InsufficientStorage", "XMinioStorageFull"), _FULL),
}
_BY_STATUS: Final[dict[int, _Told]] = {
    301: _REGION,
    307: _REGION,
    401: _DENIED,
    403: _DENIED,
    429: _THROTTLED,
    507: _FULL,
}
_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.TokenRetrievalError,
    boto.SSOError,
    boto.ProfileNotFound,
)


def code_of(error: BaseException) -> str:
    """The store's own error code, or the HTTP status where it gave none, or ""."""
    return str(_answer(error).get("Error", {}).get("Code", ""))


def status_of(error: BaseException) -> int:
    """The HTTP status of the answer; 0 when there was none."""
    return int(_answer(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def key_is_missing(error: BaseException) -> bool:
    """Whether the store said, in so many words, that the key is not there."""
    return code_of(error) == "NoSuchKey"


def may_have_acted(error: BaseException) -> bool:
    """Whether a write that ended so could have taken effect, now or soon."""
    if isinstance(error, boto.ClientError):
        plain_no = translate(error, "").code in (ReasonCode.STORE_THROTTLED, ReasonCode.STORE_FULL)
        return not plain_no and (status_of(error) >= 500 or status_of(error) in (0, 408))  # noqa: PLR2004
    return not isinstance(error, NEVER_SENT)


def is_throttled(error: BaseException) -> bool:
    """Whether the store refused for its own good, having done nothing."""
    return translate(error, "").code is ReasonCode.STORE_THROTTLED


def translate(error: BaseException, where: str) -> SrError:
    """The port error for a driver's; `where` names what was asked of whom."""
    if isinstance(error, boto.ClientError):
        return _from_answer(error, where)
    if isinstance(error, _CREDENTIALS):
        what = f"{where}: no usable credentials: {error}"
        return Unreachable(ReasonCode.STORE_DENIED, what, "give credentials by the AWS chain (environment, profile)")
    if isinstance(error, (boto.ParamValidationError, boto.NoRegionError, boto.InvalidRegionError)):
        return BadInput(ReasonCode.PROFILE_INVALID, f"{where}: {error}")
    return Unreachable(ReasonCode.STORE_UNREACHABLE, f"{where}: {_plain(error)}", _network_remedy(error))


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn any driver error of the block into its port error."""
    try:
        yield
    except DRIVER_ERRORS as error:
        raise translate(error, where) from error


def _from_answer(error: boto.ClientError, where: str) -> SrError:
    code, status = code_of(error), status_of(error)
    what = f"{where}: the store answered {status} {code}: {_answer(error).get('Error', {}).get('Message', '')}"
    told, remedy = _TOLD.get(code) or _BY_STATUS.get(status) or (ReasonCode.STORE_UNREACHABLE, None)
    return Unreachable(told, what, remedy)


def _network_remedy(error: BaseException) -> str | None:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (socket.gaierror, NameResolutionError)):
            return "check the endpoint's host name and the DNS, then retry"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, boto.SSLError):
        return "check the endpoint's certificate and AWS_CA_BUNDLE, then retry"
    if isinstance(error, (boto.ConnectTimeoutError, boto.ReadTimeoutError)):
        return "check the network, or raise the profile's connect and read timeouts, then retry"
    return None


def _plain(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _answer(error: BaseException) -> dict[str, Any]:
    found: dict[str, Any] = getattr(error, "response", None) or {}
    return found
