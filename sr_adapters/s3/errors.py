"""What botocore raises, as port errors: each cause with its own code and remedy, for a store and for an engine root."""

from __future__ import annotations

import enum
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import attrs
from botocore import exceptions as boto
from urllib3.exceptions import HTTPError

from sr_adapters.aws import chain_fault, said
from sr_ports import BadInput, ReasonCode, SrError, Unreachable
from sr_ports.masking import redact

DRIVER_ERRORS: Final = (boto.ClientError, boto.BotoCoreError, HTTPError, OSError)
"""Everything the client may raise for what a server, the network or a local file (certificates) did."""

NEVER_SENT: Final = (
    boto.EndpointConnectionError,
    boto.ConnectTimeoutError,
    boto.ProxyConnectionError,
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
)
"""The request certainly did not reach the server."""


class Cause(enum.Enum):
    """What is wrong, wherever it is."""

    EXPIRED = "the credentials are no longer valid"
    CLOCK = "this machine's clock is far off"
    DENIED = "these credentials may not do this"
    ENCRYPTION = "the encryption key cannot be used"
    ARCHIVED = "the object lies in an archive tier and cannot be read as it is"
    REGION = "the bucket is in another region"
    BUCKET = "the bucket is not there"
    THROTTLED = "the server asks to slow down"
    FULL = "the disk or quota is full"
    NAME = "the server takes no object of this name"
    OTHER = "anything else"


@attrs.frozen
class Words:
    """Code and remedy of each cause in one kind of place. A remedy of None is the code's own.

    `denied`: the code for credentials. `misnamed`: the code for a bucket or key that can have no such name.
    """

    told: dict[Cause, tuple[ReasonCode, str | None]]
    denied: ReasonCode
    misnamed: ReasonCode

    def of(self, cause: Cause) -> tuple[ReasonCode, str | None]:
        return self.told.get(cause, self.told[Cause.OTHER])


_CLOCK = "set this machine's clock, then retry"
_NAME = "this server takes no such name (an empty, . or .. segment, one above 255 characters): use another name"
_RENEW = "renew the credentials, then retry"

STORE: Final = Words(
    {
        Cause.EXPIRED: (ReasonCode.STORE_DENIED, _RENEW),
        Cause.CLOCK: (ReasonCode.STORE_DENIED, _CLOCK),
        Cause.DENIED: (ReasonCode.STORE_DENIED, None),
        Cause.ENCRYPTION: (ReasonCode.STORE_DENIED, "check the bucket's KMS key and the right to use it"),
        Cause.ARCHIVED: (ReasonCode.STORE_DENIED, "restore the object, and let no lifecycle rule archive truth"),
        Cause.REGION: (ReasonCode.STORE_WRONG_REGION, None),
        Cause.BUCKET: (ReasonCode.STORE_BUCKET_MISSING, None),
        Cause.THROTTLED: (ReasonCode.STORE_THROTTLED, None),
        Cause.FULL: (ReasonCode.STORE_FULL, None),
        Cause.NAME: (ReasonCode.STORE_UNREACHABLE, _NAME),
        Cause.OTHER: (ReasonCode.STORE_UNREACHABLE, None),
    },
    ReasonCode.STORE_DENIED,
    ReasonCode.PROFILE_INVALID,
)
ROOT: Final = Words(
    {
        Cause.EXPIRED: (ReasonCode.ENGINE_ROOT_DENIED, _RENEW),
        Cause.CLOCK: (ReasonCode.ENGINE_ROOT_DENIED, _CLOCK),
        Cause.DENIED: (ReasonCode.ENGINE_ROOT_DENIED, None),
        Cause.ENCRYPTION: (ReasonCode.ENGINE_ROOT_DENIED, "check the root's KMS key and the right to decrypt with it"),
        Cause.ARCHIVED: (ReasonCode.ENGINE_ROOT_ARCHIVED, None),
        Cause.REGION: (ReasonCode.ENGINE_ROOT_UNREACHABLE, "name the root's region (AWS_REGION), then retry"),
        Cause.BUCKET: (ReasonCode.ENGINE_ROOT_BUCKET_MISSING, None),
        Cause.THROTTLED: (ReasonCode.ENGINE_ROOT_UNREACHABLE, "retry later"),
        Cause.NAME: (ReasonCode.ENGINE_ROOT_UNREACHABLE, _NAME),
        Cause.OTHER: (ReasonCode.ENGINE_ROOT_UNREACHABLE, None),
    },
    ReasonCode.ENGINE_ROOT_DENIED,
    ReasonCode.REQUEST_INVALID,
)

_CAUSES: Final[dict[str, Cause]] = {
    "NoSuchBucket": Cause.BUCKET,
    "RequestTimeTooSkewed": Cause.CLOCK,
    "InvalidObjectState": Cause.ARCHIVED,
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"), Cause.EXPIRED),
    **dict.fromkeys(("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"), Cause.DENIED),
    **dict.fromkeys(("AllAccessDisabled", "AccountProblem", "InvalidSecurity", "NotSignedUp"), Cause.DENIED),
    **dict.fromkeys(("PermanentRedirect", "AuthorizationHeaderMalformed", "Redirect"), Cause.REGION),
    **dict.fromkeys(("IllegalLocationConstraintException", "TemporaryRedirect"), Cause.REGION),
    **dict.fromkeys(("SlowDown", "SlowDownRead", "SlowDownWrite", "Throttling"), Cause.THROTTLED),
    **dict.fromkeys(("ThrottlingException", "RequestLimitExceeded"), Cause.THROTTLED),
    **dict.fromkeys(("TooManyRequests", "TooManyRequestsException"), Cause.THROTTLED),
    **dict.fromkeys(("XMinioInvalidObjectName", "XMinioInvalidResourceName", "KeyTooLongError"), Cause.NAME),
    **dict.fromkeys(("QuotaExceeded", "InsufficientStorage", "XMinioStorageFull"), Cause.FULL),
}
_BY_STATUS: Final[dict[int, Cause]] = {
    301: Cause.REGION,
    307: Cause.REGION,
    401: Cause.DENIED,
    403: Cause.DENIED,
    429: Cause.THROTTLED,
    507: Cause.FULL,
}


def code_of(error: BaseException) -> str:
    """The store's own error code, or the HTTP status where it gave none, or ""."""
    return str(_answer(error).get("Error", {}).get("Code", ""))


def status_of(error: BaseException) -> int:
    """The HTTP status of the answer; 0 when there was none."""
    return int(_answer(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def key_is_missing(error: BaseException) -> bool:
    """Whether the store said, in so many words, that the key is not there."""
    return code_of(error) == "NoSuchKey"


def cause_of(error: BaseException) -> Cause:
    """What a server's answer says is wrong; OTHER where it gave none, or none that is known."""
    code = code_of(error)
    if code.startswith("KMS."):
        return Cause.ENCRYPTION
    return _CAUSES.get(code) or _BY_STATUS.get(status_of(error)) or Cause.OTHER


def may_have_acted(error: BaseException) -> bool:
    """Whether a write that ended so could have taken effect, now or soon."""
    if isinstance(error, boto.ClientError):
        plain_no = cause_of(error) in (Cause.THROTTLED, Cause.FULL)
        return not plain_no and (status_of(error) >= 500 or status_of(error) in (0, 408))  # noqa: PLR2004
    return not isinstance(error, NEVER_SENT)


def is_throttled(error: BaseException) -> bool:
    """Whether the store refused for its own good, having done nothing."""
    return cause_of(error) is Cause.THROTTLED


def translate(error: BaseException, where: str, words: Words = STORE) -> SrError:
    """The port error for a driver's; `where` names what was asked of whom."""
    code, remedy = words.of(cause_of(error))
    if isinstance(error, boto.ClientError):
        answer = redact(str(_answer(error).get("Error", {}).get("Message", "")))
        return Unreachable(code, f"{where}: the store answered {status_of(error)} {code_of(error)}: {answer}", remedy)
    chained = chain_fault(error, where, words.denied)
    if chained is not None:
        return chained
    if isinstance(error, boto.ParamValidationError):
        return BadInput(words.misnamed, f"{where}: {said(error)}")
    return Unreachable(code, f"{where}: {said(error) or type(error).__name__}", _network_remedy(error))


@contextmanager
def translated(where: str, words: Words = STORE) -> Iterator[None]:
    """Turn any driver error of the block into its port error."""
    try:
        yield
    except DRIVER_ERRORS as error:
        raise translate(error, where, words) from error


def _network_remedy(error: BaseException) -> str | None:
    if isinstance(error, boto.ProxyConnectionError):
        return "check HTTP_PROXY, HTTPS_PROXY and NO_PROXY, then retry"
    cause: BaseException | None = error
    while cause is not None:
        # By its name: urllib3 1 has no such class.
        if isinstance(cause, socket.gaierror) or type(cause).__name__ == "NameResolutionError":
            return "check the endpoint's host name and the DNS, then retry"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, boto.SSLError) or (isinstance(error, OSError) and "CA" in str(error)):
        return "check the endpoint's certificate and AWS_CA_BUNDLE, then retry"
    if isinstance(error, (boto.ConnectTimeoutError, boto.ReadTimeoutError)):
        return "check the network, or raise the profile's connect and read timeouts, then retry"
    return None


def _answer(error: BaseException) -> dict[str, Any]:
    found: dict[str, Any] = getattr(error, "response", None) or {}
    return found
