"""What AWS's own chain of settings says, for stores, engine roots and buses: one translation, the true address."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_adapters.cli.app import run
from sr_adapters.kinesis import errors as kinesis_errors
from sr_adapters.kinesis.bus import build_kinesis
from sr_adapters.kinesis.settings import KinesisSettings
from sr_adapters.s3 import errors as s3_errors
from sr_adapters.s3.build import S3EngineRoots, build_s3
from sr_adapters.s3.probe import Conditions, FileFindings
from sr_adapters.s3.settings import S3Settings
from sr_ports import ReasonCode, SrError
from sr_ports.hooks import Wiring
from tests.wired import wired

pytestmark = pytest.mark.parity
DEAD = "http://127.0.0.1:9"
C = ReasonCode


@pytest.fixture(autouse=True)
def nothing_of_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No AWS_* variable, no file of this machine's user, no instance to ask."""
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@attrs.frozen
class Chain:
    """Environment variables, and the AWS config file's text."""

    env: dict[str, str] = attrs.field(factory=dict)
    config: str = ""

    def lay(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        (folder / "config").write_text(self.config)
        for name, value in self.env.items():
            patch.setenv(name, value)


KEYS = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
SSO = """
[default]
sso_session = me
sso_account_id = 123456789012
sso_role_name = r
region = us-east-1
[sso-session me]
sso_region = us-east-1
sso_start_url = https://example.invalid/start
"""
DENIED = {
    "a profile that is not there": (Chain({"AWS_PROFILE": "nope"}), "nope"),
    "half a key pair": (Chain({"AWS_ACCESS_KEY_ID": "k"}), "AWS_SECRET_ACCESS_KEY"),
    "no credentials": (Chain(), "credentials"),
    "half a key pair in a file": (Chain(config="[default]\naws_access_key_id = k\n"), "aws_secret_access_key"),
    "no SSO token": (Chain(config=SSO), "sso"),
    "a token file that is not there": (
        Chain({"AWS_ROLE_ARN": "arn:aws:iam::1:role/x", "AWS_WEB_IDENTITY_TOKEN_FILE": "/no/such/token"}),
        "/no/such/token",
    ),
    "a credential process that fails": (Chain(config="[default]\ncredential_process = false\n"), "redential"),
}
MISSET = {
    "a config file that does not parse": Chain(config="this is no ini file\n"),
    "a role without its source": Chain(config="[default]\nrole_arn = arn:aws:iam::123456789012:role/x\n"),
    "a source profile that is not there": Chain(
        config="[default]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = gone\n"
    ),
    "a circle of roles": Chain(
        config="[default]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = b\n"
        "[profile b]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n"
    ),
    "a mode of defaults that does not exist": Chain({**KEYS, "AWS_DEFAULTS_MODE": "sideways"}),
    "a region that can be none": Chain({**KEYS, "AWS_REGION": "eu west 1"}),
    "an endpoint that is none": Chain({**KEYS, "AWS_ENDPOINT_URL": "nonsense"}),
    "an endpoint of a file that is none": Chain(KEYS, "[default]\nendpoint_url = nonsense\n"),
    "an SSO session that is not there": Chain(config="[default]\nsso_session = gone\n"),
    "a credential process that gives no JSON": Chain(config="[default]\ncredential_process = echo garbage\n"),
    "a credential process that is not there": Chain(config="[default]\ncredential_process = /no/such/program\n"),
}


def wiring(folder: Path, **settings: Any) -> Wiring[S3Settings]:
    return wired(S3Settings, "object_store", {"bucket": "b", **settings}, folder)


def uses(folder: Path, **address: Any) -> dict[str, tuple[Callable[[], object], ReasonCode]]:
    """A first call on each kind of place, and its code for no credentials."""
    bus = wired(KinesisSettings, "control_bus", {"stream": "s", **address}, folder)
    roots = S3EngineRoots(wiring(folder, **address).settings)
    return {
        "store": (lambda: build_s3(wiring(folder, **address)).read("a"), C.STORE_DENIED),
        "root": (lambda: roots.open("s3://b/x").exists(), C.ENGINE_ROOT_DENIED),
        "bus": (lambda: list(build_kinesis(bus).tail("t")), C.BUS_DENIED),
    }


PLACES = ("store", "root", "bus")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", DENIED)
def test_credentials_that_cannot_be_had_are_told_as_such(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, place: str
) -> None:
    chain, named = DENIED[name]
    chain.lay(monkeypatch, tmp_path)
    act, code = uses(tmp_path, endpoint_url=DEAD, region="us-east-1")[place]
    with pytest.raises(SrError) as caught:
        act()
    assert caught.value.code is code, caught.value
    assert named.lower() in caught.value.what.lower()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", MISSET)
def test_settings_that_cannot_be_are_told_as_such(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, place: str
) -> None:
    MISSET[name].lay(monkeypatch, tmp_path)
    address = {} if "endpoint" in name or "region" in name else {"endpoint_url": DEAD, "region": "us-east-1"}
    act, denied = uses(tmp_path, **address)[place]
    with pytest.raises(SrError) as caught:
        act()
    assert caught.value.code in (C.CLIENT_CONFIG_INVALID, denied), caught.value
    error = caught.value
    assert "named" not in error.remedy or "AWS_" in error.what or "config file" in error.what, error
    if "the AWS configuration" in error.remedy:
        assert str(tmp_path / "config") in error.remedy


LOGINS = ("http://user:s3cretpw@127.0.0.1:9", "http://s3cretpw@127.0.0.1:9", "http://user:s3cretpw/x@127.0.0.1:9")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("url", LOGINS)
def test_an_address_with_a_password_is_refused_and_never_quoted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, place: str
) -> None:
    Chain(KEYS).lay(monkeypatch, tmp_path)
    with pytest.raises(SrError) as caught:
        uses(tmp_path, endpoint_url=url, region="us-east-1")[place][0]()
    error = caught.value
    assert error.code is C.PROFILE_INVALID, error
    assert "s3cretpw" not in str(error)
    assert ".endpoint_url" in error.what


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("url", LOGINS[:2])
def test_an_address_with_a_password_from_a_variable_is_never_quoted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, place: str
) -> None:
    Chain({**KEYS, "AWS_ENDPOINT_URL": url}).lay(monkeypatch, tmp_path)
    with pytest.raises(SrError) as caught:
        uses(tmp_path, region="us-east-1")[place][0]()
    assert "s3cretpw" not in str(caught.value)
    assert "127.0.0.1:9" in str(caught.value)


def test_a_driver_that_quotes_a_password_is_not_repeated() -> None:
    told = OSError("no way to http://user:s3cretpw@127.0.0.1:9/x or http://s3cretpw@h by http://127.0.0.1:8/y")
    for error in (s3_errors.translate(told, "w"), kinesis_errors.port_error(told, "w")):
        assert "s3cretpw" not in str(error)
        assert "http://127.0.0.1:8/y" in str(error)


def test_a_bus_without_a_region_says_where_to_set_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Chain(KEYS).lay(monkeypatch, tmp_path)
    with pytest.raises(SrError) as caught:
        uses(tmp_path)["bus"][0]()
    assert caught.value.code is C.CLIENT_CONFIG_INVALID
    assert "control_bus.region" in caught.value.remedy


def test_what_the_profile_says_wrong_is_blamed_on_the_profile(tmp_path: Path) -> None:
    for wrong in ({"endpoint_url": "nonsense"}, {"region": "eu west 1", "endpoint_url": DEAD}):
        for place, section in (("store", "object_store"), ("root", "object_store"), ("bus", "control_bus")):
            with pytest.raises(SrError) as caught:
                uses(tmp_path, **wrong)[place][0]()
            assert caught.value.code is C.PROFILE_INVALID, caught.value
            assert f"{section}." in caught.value.what


def test_a_certificate_file_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Chain({**KEYS, "AWS_CA_BUNDLE": "/no/such/bundle.pem"}).lay(monkeypatch, tmp_path)
    for act, _ in uses(tmp_path, endpoint_url="https://127.0.0.1:9", region="us-east-1").values():
        with pytest.raises(SrError) as caught:
            act()
        assert caught.value.code is not C.INTERNAL


def test_a_proxy_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Chain({**KEYS, "HTTP_PROXY": DEAD, "NO_PROXY": ""}).lay(monkeypatch, tmp_path)
    for act, _ in uses(tmp_path, endpoint_url="http://127.0.0.1:8", region="us-east-1").values():
        with pytest.raises(SrError) as caught:
            act()
        assert "HTTP_PROXY" in str(caught.value)


@pytest.mark.parametrize("command", [["status", "0" * 32], ["doctor"], ["list"]], ids=str)
def test_a_command_ends_in_one_line_naming_the_profile(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_PROFILE", "nope")
    (tmp_path / "p.yaml").write_text(json.dumps({"object_store": {"adapter": "s3", "bucket": "b"}}))
    assert run(["--profile", "p.yaml", *command]) == 9
    said = capsys.readouterr()
    assert said.err.startswith("error[STORE_DENIED]: ")
    assert "nope" in said.err
    assert said.err.count("\n") == 1


# where it really is


SERVICES = "[default]\nservices = mine\n[services mine]\ns3 =\n  endpoint_url = http://127.0.0.1:7\n"
ADDRESSES = {
    "the profile": ({"endpoint_url": DEAD}, Chain({"AWS_ENDPOINT_URL": "http://127.0.0.1:8"}), DEAD),
    "a variable": ({}, Chain({"AWS_ENDPOINT_URL": DEAD}), f"{DEAD} (AWS_ENDPOINT_URL)"),
    "the service's variable": (
        {},
        Chain({"AWS_ENDPOINT_URL_S3": DEAD, "AWS_ENDPOINT_URL": "http://127.0.0.1:8"}),
        f"{DEAD} (AWS_ENDPOINT_URL_S3)",
    ),
    "the file's services": ({}, Chain(config=SERVICES), "http://127.0.0.1:7 (the AWS config file)"),
    "a variable that is ignored": (
        {"region": "eu-west-1"},
        Chain({"AWS_ENDPOINT_URL": DEAD, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}),
        "https://s3.eu-west-1.amazonaws.com (region eu-west-1)",
    ),
    "AWS by the profile's region": (
        {"region": "eu-west-1"},
        Chain({"AWS_REGION": "us-west-2"}),
        "https://s3.eu-west-1.amazonaws.com (region eu-west-1)",
    ),
    "AWS by a variable": (
        {},
        Chain({"AWS_REGION": "eu-west-1"}),
        "https://s3.eu-west-1.amazonaws.com (region eu-west-1 by AWS_REGION)",
    ),
    "AWS by the file": (
        {},
        Chain(config="[default]\nregion = eu-west-1\n"),
        "https://s3.eu-west-1.amazonaws.com (region eu-west-1 by the AWS config file)",
    ),
    "AWS by nobody": ({}, Chain(), "https://s3.amazonaws.com (no region is set)"),
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_the_address_in_force_is_told_and_who_gave_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    settings, chain, told = ADDRESSES[name]
    Chain({**KEYS, **chain.env}, chain.config).lay(monkeypatch, tmp_path)
    assert build_s3(wiring(tmp_path, **settings)).describe() == f"s3://b at {told}"


def test_what_one_address_was_found_to_be_is_not_believed_of_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    findings = FileFindings(tmp_path / "s3_probe.json")
    for port in (7, 8):
        Chain({**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}).lay(monkeypatch, tmp_path)
        store = build_s3(wiring(tmp_path))
        assert findings.get(store.describe()) is None
        findings.put(store.describe(), Conditions(quoted=True))


def test_an_address_from_a_variable_shows_no_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Chain({**KEYS, "AWS_ENDPOINT_URL": "http://me:hush@127.0.0.1:9"}).lay(monkeypatch, tmp_path)
    assert build_s3(wiring(tmp_path)).describe() == "s3://b at http://127.0.0.1:9 (AWS_ENDPOINT_URL)"


def test_the_bus_tells_its_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Chain({**KEYS, "AWS_ENDPOINT_URL_KINESIS": DEAD, "AWS_REGION": "eu-west-1"}).lay(monkeypatch, tmp_path)
    bus = build_kinesis(wired(KinesisSettings, "control_bus", {"stream": "s"}, tmp_path))
    assert bus.describe() == f"Kinesis stream s at {DEAD} (AWS_ENDPOINT_URL_KINESIS)"


# engine roots share a client


def test_roots_share_one_client_until_the_chain_is_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Chain(KEYS).lay(monkeypatch, tmp_path)
    roots = S3EngineRoots(wiring(tmp_path, endpoint_url=DEAD).settings)
    one, other = roots.open("s3://b/x"), roots.open("s3://b/y")
    assert one._client is other._client
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    second = roots.open("s3://b/x")._client
    assert second is not one._client
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = k\naws_secret_access_key = s\n")
    assert roots.open("s3://b/x")._client is not second
