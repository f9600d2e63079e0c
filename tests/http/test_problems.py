"""Each refusal of the service names its reason code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sr_ports import ReasonCode
from tests.http.kit import Got, Site, request, running

REFUSED: dict[ReasonCode, tuple[int, Callable[[Site], Got]]] = {
    ReasonCode.PATH_UNKNOWN: (404, lambda site: site.get("/v1/nowhere")),
    ReasonCode.METHOD_NOT_ALLOWED: (405, lambda site: site.ask("DELETE", "/v1/runs")),
    ReasonCode.MEDIA_TYPE_UNSUPPORTED: (
        415, lambda site: site.ask("POST", "/v1/runs", raw=b"a: 1", headers={"Content-Type": "application/yaml"})
    ),
    ReasonCode.PARAMETER_INVALID: (422, lambda site: site.get("/v1/runs?unknown=1")),
    ReasonCode.PLAN_MISSING: (
        404, lambda site: site.get(f"/v1/runs/{site.post('/v1/runs', unplanned()).json['run_id']}/plan")
    ),
}  # fmt: skip


def unplanned() -> dict[str, object]:
    """A request whose plan is refused: an output that the pack does not have."""
    return request("unplanned", output_ids=["nothing_of_this_name"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(tmp_path_factory.mktemp("problems")) as made:
        yield made


@pytest.mark.parametrize("code", REFUSED, ids=str)
def test_a_refusal_names_its_code(site: Site, code: ReasonCode) -> None:
    status, ask = REFUSED[code]
    got = ask(site)
    assert (got.status, got.code) == (status, code)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", 431, ReasonCode.HEADERS_TOO_LARGE),
        (b"GET /healthz HTTP/1.1\r\n", 408, ReasonCode.REQUEST_TOO_SLOW),
    ],
    ids=["large", "slow"],
)
def test_what_never_becomes_a_request_is_told_by_its_code(
    tmp_path: Path, sent: bytes, status: int, code: ReasonCode
) -> None:
    with running(tmp_path, service={"request_seconds": 0.3}) as site:
        head, _, body = site.said(sent).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(body)["reason_code"] == code
