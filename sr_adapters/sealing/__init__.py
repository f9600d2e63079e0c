"""Sealing what an engine wrote, as an engine owes it: an index and a passed flag, and the receipt of a run.

For engines in Python, and for ``sr seal`` and ``sr engine``. Needs the standard library and attrs alone:

    from sr_adapters.sealing import engine_run, seal

    run = engine_run()                      # under Scenario Runner: the run's pins and its root
    write_all_outputs(run.root)
    seal(run.root, pins=run.pins)           # last of all: index, receipt, flag

The index ``_sr/{manifest_fingerprint}/index.json`` is the canonical list of every file's path, sha256 and size;
the flag ``_sr/{manifest_fingerprint}/_passed.flag`` states its sha256, which is what the law
``sha256_part_list`` gives with ``path_base: run_root``.
"""

from __future__ import annotations

from sr_adapters.sealing.digests import FilePart, Progress, part_list, read_parts
from sr_adapters.sealing.engine_run import EngineRun, Pins, engine_run
from sr_adapters.sealing.errors import SealRefused
from sr_adapters.sealing.folder import FLAG, FOLDER, INDEX, RECEIPT
from sr_adapters.sealing.sealer import Sealed, seal
from sr_adapters.sealing.tree import OWN_NAMES, DataFile, Tree, scan

__all__ = [
    "FLAG",
    "FOLDER",
    "INDEX",
    "OWN_NAMES",
    "RECEIPT",
    "DataFile",
    "EngineRun",
    "FilePart",
    "Pins",
    "Progress",
    "SealRefused",
    "Sealed",
    "Tree",
    "engine_run",
    "part_list",
    "read_parts",
    "scan",
    "seal",
]
