"""What the adapters share of AWS's own client library: sessions, where a client speaks to, and its chain's errors.

The chain is what botocore reads by itself: AWS_* variables, the config and credentials files,
SSO caches, credential processes, the instance's role.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

import attrs
import boto3
import botocore.loaders
import botocore.session

from sr_ports import BadInput, ReasonCode, SrError, Unreachable
from sr_ports.masking import redact

T = TypeVar("T")

_LOGIN: Final = re.compile(r"://[^\s/@]++@")

_LOOPBACK_REGION: Final = "us-east-1"  # servers other than AWS mostly sign for this one
_AWS_HOSTS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".amazonwebservices.com.cn")
_FILES: Final = {"AWS_CONFIG_FILE": "~/.aws/config", "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials"}
_REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")

# Named, not imported: older releases lack some of them, and each is a class of its own.
_CREDENTIALS: Final = frozenset(
    {
        "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError",
        "NoAuthTokenError", "SSOError", "LoginError", "ProfileNotFound", "RefreshWithMFAUnsupportedError",
        "UnknownCredentialError", "MetadataRetrievalError", "UnknownTokenProviderError",
    }
)  # fmt: skip
_SETTINGS: Final = frozenset(
    {
        "ConfigParseError", "ConfigNotFound", "InvalidConfigError", "InvalidRetryConfigurationError",
        "InvalidDefaultsMode", "InvalidS3AddressingStyleError", "InvalidS3UsEast1RegionalEndpointConfigError",
        "InvalidChecksumConfigError", "InvalidSTSRegionalEndpointsConfigError", "InvalidProxiesConfigError",
        "InvalidIMDSEndpointError", "InvalidIMDSEndpointModeError", "InvalidEndpointConfigurationError",
        "InvalidEndpointDiscoveryConfigurationError", "UnsupportedS3ConfigurationError", "EndpointVariantError",
        "BaseEndpointResolverError", "EndpointProviderError", "InvalidRegionError", "UnknownRegionError",
        "MissingDependencyException", "UnknownSignatureVersionError", "UnsupportedSignatureVersionError",
        "UnknownServiceError", "ApiVersionNotFoundError",
    }
)  # fmt: skip


@attrs.frozen
class Address:
    """What a profile says of where a service is. `section`: its name there, for messages.

    `url`, `region`: None leaves them to the AWS chain. `given_by`: the variable that gave `url`,
    where it was not the profile.
    """

    section: str
    url: str | None = None
    region: str | None = None
    given_by: str | None = None


def client(service: str, address: Address, config: Any, denied: ReasonCode, **keys: str | None) -> Any:
    """A client with a session of its own; safe to share between threads. Asks nothing of the network.

    Whatever the chain has against it is a port error: `denied` is the code for "no usable credentials".
    An address with a user or a password in it is refused: the driver would quote it in errors and logs.
    """
    if address.url is not None and "@" in address.url.partition("://")[2]:  # well spelt or not
        why = "it carries a user or a password; give credentials by the AWS chain, and the address without them"
        raise _misplaced(service, address, why)

    def make() -> Any:
        core = botocore.session.get_session()
        core.register_component("data_loader", _loader())
        session = boto3.session.Session(botocore_session=core)
        region = address.region or os.environ.get(_REGIONS[0]) or session.region_name
        region = region or (_LOOPBACK_REGION if address.url else None)
        return session.client(service, config=config, endpoint_url=address.url, region_name=region, **keys)

    return _made(make, service, address, denied)


def _made(make: Callable[[], T], service: str, address: Address, denied: ReasonCode) -> T:
    try:
        return make()
    except Exception as error:
        fault = chain_fault(error, f"no client for {address.section}", denied)
        if fault is None or type(error).__name__ in ("InvalidRegionError", "NoRegionError"):
            fault = _misaddressed(error, service, address)
        raise fault from error


def _misaddressed(error: Exception, service: str, address: Address) -> SrError:
    """A region or an endpoint that cannot be, blamed on whoever gave it; else the chain's files or programs."""
    kind = type(error).__name__
    if kind == "NoRegionError":
        remedy = f"set {address.section}.region in the profile, or AWS_REGION"
        return BadInput(ReasonCode.CLIENT_CONFIG_INVALID, f"{address.section}: no region is set", remedy)
    if kind == "InvalidRegionError":
        return _blamed(address.region, address, "region", _variable(_REGIONS), said(error))
    if isinstance(error, ValueError) and "endpoint" in str(error).lower():
        return _misplaced(service, address, "it is no http:// or https:// address")
    what = f"no client for {address.section}: the AWS configuration does not load: {kind}: {said(error)}"
    return BadInput(ReasonCode.CLIENT_CONFIG_INVALID, what, _correct_the_configuration())


def _misplaced(service: str, address: Address, why: str) -> BadInput:
    names = (f"AWS_ENDPOINT_URL_{service.upper()}", "AWS_ENDPOINT_URL")
    return _blamed(address.url, address, "endpoint_url", _variable(names), why)


def said(error: BaseException) -> str:
    """A driver's own text without secrets: it quotes addresses, and one from a variable or a proxy's may have some."""
    return _LOGIN.sub("://", redact(str(error)))


def _blamed(given: str | None, address: Address, key: str, variable: str | None, why: str) -> BadInput:
    if given and not address.given_by:
        return BadInput(ReasonCode.PROFILE_INVALID, f"{address.section}.{key}: {why}")
    source = address.given_by if given else variable or "the AWS config file"
    return BadInput(ReasonCode.CLIENT_CONFIG_INVALID, f"{source}, for {address.section}.{key}: {why}")


def _variable(names: tuple[str, ...]) -> str | None:
    return next((name for name in names if os.environ.get(name)), None)


def chain_fault(error: BaseException, where: str, denied: ReasonCode) -> SrError | None:
    """The port error where the AWS chain itself has no way on: credentials or settings; None for anything else."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & _CREDENTIALS:
        remedy = "give credentials by the AWS chain (environment, profile), then retry"
        if "ProfileNotFound" in kinds:
            remedy = "correct AWS_PROFILE, or add that profile to the AWS config file"
        return Unreachable(denied, f"{where}: no usable credentials: {said(error)}", remedy)
    if isinstance(error, OSError) and error.filename and error.filename != os.environ.get("AWS_CA_BUNDLE"):
        remedy = "check the file that the AWS chain names, then retry"  # a token file, read at the first request
        return Unreachable(denied, f"{where}: no usable credentials: {said(error)}", remedy)
    if kinds & _SETTINGS:
        return BadInput(ReasonCode.CLIENT_CONFIG_INVALID, f"{where}: {said(error)}", _correct_the_configuration())
    return None


def _correct_the_configuration() -> str:
    """A remedy for what the driver's own text often names neither a variable nor a file for."""
    files = " and ".join(os.environ.get(name) or path for name, path in _FILES.items())
    return f"correct the AWS configuration: the AWS_* variables, {files}"


def place(made: Any, service: str, address: Address) -> str:
    """The address that a client uses, for people, and who gave it where that was not the profile; never a secret."""
    if address.url:
        return shown(address.url) + (f" ({address.given_by})" if address.given_by else "")
    url: str = made.meta.endpoint_url
    for name in (f"AWS_ENDPOINT_URL_{service.upper()}", "AWS_ENDPOINT_URL"):
        if os.environ.get(name, "").rstrip("/") == url.rstrip("/"):
            return f"{shown(url)} ({name})"
    if not (urlsplit(url).hostname or "").endswith(_AWS_HOSTS):
        return f"{shown(url)} (the AWS config file)"
    if address.region:
        return f"{shown(url)} (region {address.region})"
    variable = _variable(_REGIONS)
    if variable is None and not botocore.session.get_session().get_config_variable("region"):
        return f"{shown(url)} (no region is set)"
    return f"{shown(url)} (region {made.meta.region_name} by {variable or 'the AWS config file'})"


def server(made: Any) -> str | None:
    """The address that a client uses where it is not AWS's own: scheme, lower-case host, port and path; else None."""
    parts = urlsplit(made.meta.endpoint_url)
    host = parts.hostname or ""
    if host.endswith(_AWS_HOSTS):
        return None
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, {"http": 80, "https": 443}.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def chain_stamp() -> tuple[object, ...]:
    """Equal as long as the AWS chain's variables and files are what they were."""
    variables = tuple(sorted(pair for pair in os.environ.items() if pair[0].startswith("AWS_")))
    return (variables, *(_changed(os.environ.get(name) or path) for name, path in _FILES.items()))


def _changed(path: str) -> int | None:
    try:
        return Path(path).expanduser().stat().st_mtime_ns
    except (OSError, RuntimeError):  # not there; no home
        return None


def shown(url: str) -> str:
    """An address without user, password, query and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@functools.cache
def _loader() -> Any:
    """The service descriptions, read once a process: they are most of a client's cost."""
    return botocore.loaders.create_loader()
