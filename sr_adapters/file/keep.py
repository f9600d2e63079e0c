"""Writing an engine root that is a copy: one file at a time, each once."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path

from sr_adapters.file.errors import FULL, port_errors
from sr_ports import ReasonCode, Sink, Unreachable


def keep_file(root: str, path: str, source: Callable[[Sink], object]) -> None:
    """See `sr_ports.Keeping.keep`. `root`: a path. The file has its name only once it is whole and on disk."""
    target = Path(root) / path
    draft = target.parent / f".{uuid.uuid4().hex}.sr-draft"
    with port_errors(f"write {target}", FULL, ReasonCode.ENGINE_ROOT_UNREACHABLE):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("xb") as file:
                source(file.write)
                file.flush()
                os.fsync(file.fileno())
            target.hardlink_to(draft)
        except FileExistsError as error:
            what = f"writing {target}: another file is there"
            raise Unreachable(
                ReasonCode.ENGINE_ROOT_UNREACHABLE, what, "see who writes below engine.publish_root"
            ) from error
        finally:
            draft.unlink(missing_ok=True)
