"""One submission in a cold process: ``python -m tests.bench.run PROFILE REQUEST``.

With ``--evidence FILE`` the seconds of the evidence phase alone are written there.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def main(profile: str, request: str, evidence: str | None) -> int:
    from sr_domain.flows import advance
    from sr_domain.run import collect_evidence as prove
    from sr_plugins import build_runner

    taken = 0.0
    collect = prove.collect

    def timed(*args: object, reused: bool) -> object:
        nonlocal taken
        started = time.perf_counter()
        try:
            return collect(*args, reused=reused)  # type: ignore[arg-type]
        finally:
            taken += time.perf_counter() - started

    advance.collect = timed  # type: ignore[assignment,attr-defined]
    policy = {"policy_id": "bench", "revision": "1"}
    with build_runner(profile, policy=policy) as runner:
        outcome = runner.submit(json.loads(Path(request).read_text("utf-8")))
    if evidence:
        Path(evidence).write_text(str(taken), "utf-8")
    return 0 if outcome.state == "READY" else 4


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None))
