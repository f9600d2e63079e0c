"""A run's facts, open to be read: the guard that stands between a consumer and the bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Self, cast

from sr_domain.queries.opened_view import OpenedView
from sr_domain.queries.reading import ProvenPart, Telling
from sr_domain.queries.view_outputs import ListedFile
from sr_ports import BadInput, Fault, ReasonCode

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow.dataset as pads

    from sr_plugins.uses.proven_stream import ProvenStream

_HELD: Final = 1 << 14
"""So many names of files are held at once; there may be very many."""


class Facts:
    """What `open_facts` gives: exactly the files that were proven, one locator a day.

    `paths`, `parts`, `dataset`, `relation` and `frame` prove every byte of their output at first use; `open` proves
    while it reads. Each raises `Fault` where a proven file is gone or changed, or a file that was not proven lies
    among them, and where the run was superseded meanwhile. Leaving the block without an error looks once more: a
    file that was used and has changed since, or a run that was superseded since, raises then, if it was not told
    before. What is read through this object is always of the proven identity; what another program reads by
    `paths` is held against it at the end of the block.
    """

    def __init__(
        self, opened: OpenedView, superseded_by: tuple[str, ...], close: Callable[[], None], *, refuse: bool
    ) -> None:
        self._reader = opened.reader
        self._let_go, self._refuse = close, refuse
        self._closed, self._telling = False, Telling()
        self._seen: set[str] = set()
        self._unproven: dict[str, ListedFile] = {}
        self._con: Any = None
        self.window: Mapping[str, str] = opened.window
        """``window_start_utc``, ``window_end_utc`` and ``window_tz``, as the run was asked for."""
        self.days: tuple[str, ...] = opened.days
        """The UTC days that the window touches, ``YYYY-MM-DD``."""
        self.successors = superseded_by
        """The run that corrects this one, that which corrects it, and so on to the newest, when it was opened."""

    @property
    def superseded_by(self) -> str | None:
        """The run that corrects this one; None where none does."""
        return self.successors[0] if self.successors else None

    @property
    def view(self) -> Mapping[str, Any]:
        """The facts view itself."""
        return self._reader.view.facts

    @property
    def run_id(self) -> str:
        """The run."""
        return self._reader.view.run_id

    @property
    def outputs(self) -> tuple[str, ...]:
        """The ids of its outputs."""
        return self._reader.outputs

    @property
    def pins(self) -> Mapping[str, Any]:
        """Its pins."""
        pins: Mapping[str, Any] = self.view["pins"]
        return pins

    @property
    def root(self) -> str:
        """The engine root that is read: the given one, else the view's own. Raises `BadInput` where it names none."""
        return self._reader.where

    def paths(self, output: str) -> list[str]:
        """The output's files, day by day, each a local path or a URI."""
        return [part.uri for part in self.parts(output)]

    def parts(self, output: str) -> list[ProvenPart]:
        """The output's files with size, sha256, day and version, in the order of `paths`."""
        with self._telling:
            self._check()
            return list(self._reader.proven(output))

    def open(self, output: str, part: ProvenPart | str | None = None) -> BinaryIO:
        """A binary file of an output's one file, or of the `part` of it that is named as in `paths`.

        The last bytes are given once all of them are proven: reading to the end raises where they differ. Closing
        before the end reads the rest, so that nothing which was read stays unproven; of a file that was not closed,
        and of one whose block an error has left, the end of the facts' own block does.
        """
        with self._telling:
            if output not in self._seen:
                self._check()
                self._seen.add(output)
            files = self._reader.looked(output)
            uri = part.uri if isinstance(part, ProvenPart) else part
            if uri is None and len(files) == 1:
                uri = next(iter(files))
            if uri is None or uri not in files:
                what = f"output {output} has {len(files)} files" + ("" if uri is None else f", and none is {uri}")
                raise BadInput(ReasonCode.USAGE, what, "name one of them, as paths() gives them")
            return cast(BinaryIO, self._stream(files[uri], proven=self._reader.has_proven(output)))

    def dataset(self, output: str, *, format: str | None = None, **options: Any) -> pads.Dataset:  # noqa: A002
        """The output as a pyarrow dataset over exactly these files. Needs ``scenario-runner[arrow]``.

        `format`: as pyarrow names it; by default told by the files' suffix. `options`: of `pyarrow.dataset.dataset`.
        """
        from sr_plugins.uses.tables import dataset

        parts = self.parts(output)
        with self._telling:
            return dataset(self._reader, parts, format, options, self._telling)

    def relation(self, output: str, con: duckdb.DuckDBPyConnection | None = None, **options: Any) -> Any:
        """The output as a relation of the duckdb connection `con`; by default of one that ends with the block.

        `options`: as of `dataset`. Needs ``scenario-runner[duckdb]``.
        """
        from sr_plugins.uses.tables import relation

        made, self._con = relation(self.dataset, output, con, options, self._con)
        return made

    def frame(self, output: str, **options: Any) -> pd.DataFrame:
        """The output as a pandas data frame. `options`: as of `dataset`. Needs ``scenario-runner[arrow]``."""
        from sr_plugins.uses.tables import frame

        return frame(self.dataset, output, options)

    def close(self) -> None:
        """Let go of what is held open; nothing is read after it."""
        if not self._closed:
            self._closed = True
            if self._con is not None:
                self._con.close()
            self._reader.close()
            self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if kind is None and not self._telling.told and not self._closed:
                self._look_again()
        finally:
            self.close()

    def _stream(self, listed: ListedFile, *, proven: bool) -> ProvenStream:
        from sr_plugins.uses.proven_stream import ProvenStream

        return ProvenStream(self._reader, listed, proven=proven, telling=self._telling, unproven=self._unproven)

    def _look_again(self) -> None:
        """Raise `Fault` for what became of the run and of the files that were used, and for bytes not proven yet."""
        for listed in tuple(self._unproven.values()):
            with self._stream(listed, proven=False):
                """Closing it reads and proves all of it."""
        path = self._reader.changed()
        if path is not None:
            what = f"{path}: MOVED: it is not the file any more that was proven, and may have been read since"
            raise Fault(ReasonCode.TRUTH_ALTERED, what, "read nothing of it; sr verify tells what became of it")
        self._check()

    def _check(self) -> None:
        """Raise `Fault(SUPERSEDED)` where the run was superseded meanwhile and that is refused."""
        if self._closed:
            raise ValueError("these facts are closed: read inside the block of open_facts")
        chain = self._reader.superseded_by() if self._refuse else ()
        if chain:
            what = f"run {self.run_id}: superseded by {chain[0]}"
            raise Fault(ReasonCode.SUPERSEDED, what, superseded_remedy(chain))


def named_files(facts: Facts, output: str, *, proven: bool) -> Iterable[ProvenPart]:
    """The output's files as the view names them, in the order of `paths`. `proven`: every byte is read again before.

    All have been seen once, also where they are too many to be held: those are read from the store again as they
    are named, which may raise `Unreachable`, and `Fault` where their list was replaced meanwhile.
    """
    reader = facts._reader
    if proven:
        reader.prove(output)
    found = reader.named(output)
    held = tuple(islice(found, _HELD))
    if len(held) < _HELD:
        return held
    del held
    for _ in found:
        """Their lists are sound to the end."""
    return reader.named(output)


def superseded_remedy(chain: tuple[str, ...]) -> str:
    """What to do about a run that has these successors."""
    return f'read run {chain[-1]}, or allow the older one: --allow-superseded, superseded="allow"'
