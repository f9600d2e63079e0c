"""When the first byte of a file may be read, so that every change after it shows in the file's times.

File systems stamp with the kernel's tick (10 ms at most), so two changes within one tick look like one. On a file
system of this machine the tick in which a file last changed is waited out by the clock that stamped it. Where
another machine may stamp, or the stamp is ahead of the clock, a whole tick is waited out from the look on. One wait
serves all files that were looked at before it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import Final, Protocol

TICK_NS: Final = 20_000_000
WHOLE_SECONDS_TICK_NS: Final = 2_000_000_000
"""Where times are whole seconds; some keep every other one alone."""

_SECOND_NS: Final = 1_000_000_000
_LOCAL: Final = frozenset(
    [
        *("bcachefs", "btrfs", "erofs", "ext2", "ext3", "ext4", "f2fs", "iso9660", "jfs", "nilfs2"),
        *("overlay", "ramfs", "reiserfs", "squashfs", "tmpfs", "xfs", "zfs"),
    ]
)
"""File systems whose files this machine's kernel alone stamps; every other (nfs, cifs, fuse, 9p) is a network's."""


class Stamped(Protocol):
    """As much of a file's status as tells when it was last changed, and on which device."""

    @property
    def st_ctime_ns(self) -> int:
        """When it was last changed, in ns since the epoch."""

    @property
    def st_dev(self) -> int:
        """The device."""


class FirstByte:
    """Keeps the moment from which on files may be read. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._not_before_ns = 0
        self._networks: dict[int, bool] = {}

    def saw(self, found: Stamped, folder: int) -> None:
        """A file was found. `folder`: the open folder that it is in."""
        age_ns = time.time_ns() - found.st_ctime_ns
        tick_ns = TICK_NS if found.st_ctime_ns % _SECOND_NS else WHOLE_SECONDS_TICK_NS
        network = self._networks.get(found.st_dev)
        if network is None:
            network = self._networks[found.st_dev] = is_network(folder)
        if network or age_ns < 0:
            age_ns = 0
        if age_ns < tick_ns:
            with self._lock:
                self._not_before_ns = max(self._not_before_ns, time.monotonic_ns() + tick_ns - age_ns)

    def wait(self) -> None:
        """Return when the first byte may be read."""
        while (left_ns := self._not_before_ns - time.monotonic_ns()) > 0:
            time.sleep(left_ns / _SECOND_NS)


def is_network(folder: int) -> bool:
    """Whether an open folder's file system may be stamped by another machine; so where that cannot be told."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        told = Path(f"/proc/self/fdinfo/{folder}").read_text().split()
        mount = told[told.index("mnt_id:") + 1]
        mounts = (line.split() for line in Path("/proc/self/mountinfo").read_text(errors="replace").splitlines())
        fields = next(one for one in mounts if one[0] == mount)
        return fields[fields.index("-") + 1] not in _LOCAL
    return True
