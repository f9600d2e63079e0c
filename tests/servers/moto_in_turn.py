"""A moto server that answers one request at a time: ``python moto_in_turn.py PORT``.

moto holds nothing between looking and writing. Left alone, it now and then lets two rivals win a
conditional put of S3 (2 of 160 races of 16, where Ceph's RGW and moto taking turns had none), and
loses one of two Kinesis records put at once: both take the next number of the shard. Turns are
added here, so a race on moto tests the adapter's reasoning, not a store.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple


def main() -> None:
    app, turn = DomainDispatcherApplication(create_backend_app), threading.Lock()

    def one_at_a_time(environ: Any, start_response: Any) -> Any:
        with turn:
            return app(environ, start_response)

    run_simple("127.0.0.1", int(sys.argv[1]), one_at_a_time, threaded=True)


if __name__ == "__main__":
    main()
