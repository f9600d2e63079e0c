"""S3 servers for tests: moto's, and Ceph's RGW on a one-node cluster in memory.

All on free loopback ports, ended by pid. One server per pytest process (so per xdist
worker); a fresh bucket each time. With SR_TEST_S3_ENDPOINT set, the store there is used in
RGW's stead, with MINIO_ or AWS keys from the environment, SR_TEST_S3_BUCKET and SR_TEST_S3_PREFIX if given.
"""

from __future__ import annotations

import http.client
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

if TYPE_CHECKING:
    from sr_adapters.s3.client import Credentials, Endpoint

ACCESS, SECRET = "sr-test-access", "sr-test-secret"
RGW_HINT = (
    "no RGW here: apt-get install -y --no-install-recommends ceph-mon ceph-osd radosgw (or set SR_TEST_S3_ENDPOINT)"
)
MOTO = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("moto_in_turn.py"))]
MOTO_HINT = "no moto server here: pip install -r requirements/servers.txt"
_UP_S = 20.0
_OSD_SETTLES_S = 0.5
_TRIES = 3


@attrs.frozen
class S3Server:
    """A running store with a bucket for this session. `endpoint`: short timeouts, few tries."""

    name: str
    endpoint: Endpoint
    bucket: str

    @property
    def url(self) -> str:
        assert self.endpoint.url is not None
        return self.endpoint.url

    def client(self) -> Any:
        from sr_adapters.s3.client import make_client

        return make_client(self.endpoint)


@contextmanager
def as_environment(server: S3Server) -> Iterator[None]:
    """The server's keys where AWS's library looks for them."""
    keys, before = server.endpoint.credentials, dict(os.environ)
    if keys is not None:
        os.environ.update(AWS_ACCESS_KEY_ID=keys.access_key, AWS_SECRET_ACCESS_KEY=keys.secret)
    try:
        yield
    finally:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            os.environ.pop(name, None)
            os.environ.update({name: before[name]} if name in before else {})


def fresh_prefix() -> str:
    """A prefix no other test has, below SR_TEST_S3_PREFIX where that is set."""
    above = os.environ.get("SR_TEST_S3_PREFIX", "").strip("/")
    own = f"t-{uuid.uuid4().hex[:12]}"
    return f"{above}/{own}" if above else own


def absent(hint: str) -> None:
    """Skip in one line, or fail where every tier is required (SR_REQUIRE_TIERS=1)."""
    if os.environ.get("SR_REQUIRE_TIERS") == "1":
        pytest.fail(hint, pytrace=False)
    pytest.skip(hint)


def endpoint_at(url: str, credentials: Credentials | None = None) -> Endpoint:
    """An endpoint with the short timeouts of tests."""
    from sr_adapters.s3.client import Credentials, Endpoint

    keys = credentials or Credentials(ACCESS, SECRET)
    return Endpoint(url, "us-east-1", "path", connect_timeout_s=5.0, read_timeout_s=30.0, credentials=keys)


@contextmanager
def moto() -> Iterator[S3Server]:
    """A moto server with a bucket, answering one request at a time.

    With SR_TEST_S3_ALONE the store at SR_TEST_S3_ENDPOINT stands in for it, too: the tier is that store's.
    """
    if os.environ.get("SR_TEST_S3_ALONE"):
        yield given(os.environ["SR_TEST_S3_ENDPOINT"])
        return
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None:
        absent(MOTO_HINT)
    port = free_port()
    command = [*MOTO, str(port)]
    with tempfile.TemporaryFile() as log, _running(command, log):
        _wait_for(port, "moto server")
        yield with_bucket("moto", endpoint_at(f"http://127.0.0.1:{port}"))


@contextmanager
def rgw() -> Iterator[S3Server]:
    """Ceph RGW with a bucket, or the store at SR_TEST_S3_ENDPOINT."""
    url = os.environ.get("SR_TEST_S3_ENDPOINT")
    if url:
        yield given(url)
        return
    if not all(map(shutil.which, ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph", "monmaptool"))):
        absent(RGW_HINT)
    with tempfile.TemporaryDirectory(prefix="sr-rgw-") as folder:
        yield from _rgw_in(Path(folder))


def given(url: str) -> S3Server:
    """The store at this address, with SR_TEST_S3_BUCKET or a bucket of its own; keys of the environment, if any."""
    names = (("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"), ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    from sr_adapters.s3.client import Credentials

    pairs = [(os.environ.get(access), os.environ.get(secret)) for access, secret in names]
    keys = next((Credentials(access, secret) for access, secret in pairs if access and secret), None)
    endpoint = attrs.evolve(endpoint_at(url), credentials=keys)
    bucket = os.environ.get("SR_TEST_S3_BUCKET")
    return S3Server("given", endpoint, bucket) if bucket else with_bucket("given", endpoint)


@contextmanager
def best() -> Iterator[S3Server]:
    """Ceph RGW where this machine has it and it starts, else moto: for tests that want one S3 server, the realest."""
    with ExitStack() as opened:
        try:
            here = shutil.which("radosgw") or os.environ.get("SR_TEST_S3_ENDPOINT")
            server = opened.enter_context(rgw() if here else moto())
        except (OSError, AssertionError, subprocess.SubprocessError):
            server = opened.enter_context(moto())
        yield server


def _rgw_in(folder: Path) -> Iterator[S3Server]:
    for attempt in range(_TRIES):
        cluster = Cluster(folder / str(attempt))
        try:
            server = with_bucket("rgw", endpoint_at(cluster.start()))
        except (OSError, AssertionError, subprocess.SubprocessError):
            cluster.stop()
            if attempt == _TRIES - 1:
                raise
            continue
        try:
            yield server
        finally:
            cluster.stop()
        return


class Cluster:
    """One monitor, one in-memory OSD and one RGW, without authentication among themselves."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.conf = home / "ceph.conf"
        self.daemons: list[subprocess.Popen[bytes]] = []

    def start(self) -> str:
        """Bring all three up; the RGW's URL."""
        mon, port, fsid, osd = free_port(), free_port(), str(uuid.uuid4()), str(uuid.uuid4())
        for name in ("mon", "osd", "rgw", "log"):
            (self.home / name).mkdir(parents=True)
        self.conf.write_text(_conf(self.home, fsid, osd, mon, port))
        self._do("monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v1:127.0.0.1:{mon}]",
                 str(self.home / "monmap"), conf=False)  # fmt: skip
        self._do("ceph-mon", "--mkfs", "-i", "a")
        self._daemon("ceph-mon", "-i", "a")
        self._do("ceph", "--connect-timeout", "20", "osd", "new", osd)
        self._do("ceph-osd", "-i", "0", "--mkfs")
        self._osd()
        self._do("radosgw-admin", "-n", "client.rgw", "user", "create", "--uid=sr", "--display-name=sr",
                 f"--access-key={ACCESS}", f"--secret-key={SECRET}")  # fmt: skip
        self._daemon("radosgw", "-n", "client.rgw")
        _wait_for(port, "radosgw")
        return f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        """End every daemon, by pid, last started first."""
        for daemon in reversed(self.daemons):
            daemon.kill()
            daemon.wait()

    def _osd(self) -> None:
        """An OSD sometimes ends at once; it is then started again."""
        for _ in range(_TRIES):
            self._daemon("ceph-osd", "-i", "0")
            try:
                self.daemons[-1].wait(_OSD_SETTLES_S)
            except subprocess.TimeoutExpired:
                return
        raise AssertionError("ceph-osd did not stay up")

    def _do(self, tool: str, *arguments: str, conf: bool = True) -> None:
        command = [tool, *(("-c", str(self.conf)) if conf else ()), *arguments]
        with (self.home / "log" / "tools").open("ab") as log:
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=_UP_S)

    def _daemon(self, tool: str, *arguments: str) -> None:
        with (self.home / "log" / tool).open("ab") as log:
            command = [*_leash(), tool, "-c", str(self.conf), *arguments, "-f"]
            self.daemons.append(
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
            )


def _conf(home: Path, fsid: str, osd: str, mon: int, port: int) -> str:
    shared = {
        "fsid": fsid,
        "mon_host": f"v1:127.0.0.1:{mon}",
        "monmap": home / "monmap",
        "mon_initial_members": "a",
        "public_addr": "127.0.0.1",
        "cluster_addr": "127.0.0.1",
        **dict.fromkeys(("auth_cluster_required", "auth_service_required", "auth_client_required"), "none"),
        "auth_allow_insecure_global_id_reclaim": "false",
        "run_dir": home / "log",
        "admin_socket": "",
        "pid_file": "",
        "log_file": home / "log" / "$name.log",
        "crash_dir": home / "log",
        "setuser_match_path": home / "nothing",  # stay the user who runs the tests
        "osd_pool_default_size": 1,
        "osd_pool_default_min_size": 1,
        "osd_pool_default_pg_num": 4,
        "osd_pool_default_pgp_num": 4,
        "osd_pool_default_pg_autoscale_mode": "off",
        "osd_crush_chooseleaf_type": 0,
        "mon_allow_pool_size_one": "true",
        "mon_max_pg_per_osd": 1000,
        "mon_data_avail_warn": 1,
        "mon_data_avail_crit": 1,
        "ms_bind_ipv6": "false",
        "ms_bind_msgr2": "false",
        "paxos_propose_interval": 0.02,
        "paxos_min_wait": 0.01,
    }
    sections: dict[str, dict[str, object]] = {
        "global": shared,
        "mon.a": {"mon_data": home / "mon", "mon_cluster_log_file": home / "log" / "cluster.log"},
        "osd": {
            "osd_data": home / "osd",
            "osd_objectstore": "memstore",
            "memstore_device_bytes": 2 << 30,
            "osd_uuid": osd,
        },
        "client.rgw": {
            "rgw_data": home / "rgw",
            "rgw_frontends": f"beast endpoint=127.0.0.1:{port} tcp_nodelay=1",
            "rgw_thread_pool_size": 32,
            "rgw_run_sync_thread": "false",
            "rgw_enable_usage_log": "false",
        },
    }
    return "".join(
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items())
        for name, lines in sections.items()
    )


def _leash() -> list[str]:
    """A prefix that ends a server with the test process, even if that is killed; nothing where it cannot be had."""
    tool = shutil.which("setpriv")
    return [tool, "--pdeathsig", "KILL", "--"] if tool else []


def free_port() -> int:
    """A loopback port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _running(command: list[str], log: Any) -> Iterator[None]:
    process = subprocess.Popen([*_leash(), *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _wait_for(port: int, what: str) -> None:
    end = time.monotonic() + _UP_S
    while time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()
    raise AssertionError(f"{what} did not answer within {_UP_S:.0f} s")


def with_bucket(name: str, endpoint: Endpoint) -> S3Server:
    """A server with a fresh bucket on it."""
    from sr_adapters.s3.client import make_client

    bucket = f"sr-{uuid.uuid4().hex[:12]}"
    make_client(endpoint).create_bucket(Bucket=bucket)
    return S3Server(name, endpoint, bucket)


Starter = Callable[[], Any]
SERVERS: dict[str, Starter] = {"moto": moto, "rgw": rgw}
