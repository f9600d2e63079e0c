"""Outputs as tables: pyarrow, duckdb and pandas over exactly the proven files, each read of the proven identity."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sr_domain.queries.reading import ProvenPart, Telling, ViewReader, told
from sr_ports import BadInput, ReasonCode
from sr_ports.roots import RangeReader

_FORMATS = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".arrow": "ipc",
    ".ipc": "ipc",
    ".feather": "feather",
    ".orc": "orc",
}
_PACKED = (".gz", ".bz2", ".zst", ".lz4")
"""Suffixes behind a text format's own, which pyarrow unpacks."""
_TEXT = frozenset({"csv", "json"})
_AHEAD = 8 << 20
"""Bytes of one request for a format that is read from the first byte to the last, where each request is a trip."""


def dataset(
    reader: ViewReader, parts: Sequence[ProvenPart], chosen: str | None, options: Mapping[str, Any], telling: Telling
) -> Any:
    """A pyarrow dataset over the parts. Raises `BadInput(EXTRA_MISSING)`, and for files whose format nobody knows."""
    datasets = _needed("pyarrow.dataset", "arrow")
    format_ = chosen or _format_of(parts)
    ahead = _AHEAD if format_ in _TEXT and not reader.root.folders else 0
    return datasets.dataset(
        [part.uri for part in parts],
        filesystem=_filesystem(reader, parts, ahead, telling),
        format=_tabbed(parts) if chosen is None and format_ == "csv" else format_,
        **options,
    )


def relation(make: Callable[..., Any], output: str, con: Any, options: Mapping[str, Any], own: Any) -> tuple[Any, Any]:
    """A duckdb relation over the dataset that `make` gives; and the connection `own`, made where no other is given."""
    duckdb = _needed("duckdb", "duckdb")
    _needed("pyarrow.dataset", "duckdb")
    made = make(output, **options)
    own = duckdb.connect() if con is None and own is None else own
    return (own if con is None else con).from_arrow(made), own


def frame(make: Callable[..., Any], output: str, options: Mapping[str, Any]) -> Any:
    """A pandas data frame of the dataset that `make` gives."""
    _needed("pandas", "arrow")
    return make(output, **options).to_table().to_pandas()


def _needed(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        what = f"this needs {module.partition('.')[0]}, which is not installed"
        remedy = f"install what is missing: pip install 'scenario-runner[{extra}]'"
        raise BadInput(ReasonCode.EXTRA_MISSING, what, remedy) from error


def _format_of(parts: Sequence[ProvenPart]) -> str:
    found = {_FORMATS.get(_suffix(part)) for part in parts}
    if len(found) == 1 and None not in found:
        return str(found.pop())
    names = ", ".join(sorted({_suffix(part) or "no suffix" for part in parts}))
    raise BadInput(ReasonCode.USAGE, f"no table is read from files with {names}", 'say what they are: format="parquet"')


def _suffix(part: ProvenPart) -> str:
    name = part.uri.rpartition("/")[2].lower()
    packed = next((one for one in _PACKED if name.endswith(one)), "")
    dot = name.removesuffix(packed).rfind(".")
    return "" if dot <= 0 else name.removesuffix(packed)[dot:]


def _tabbed(parts: Sequence[ProvenPart]) -> Any:
    """The CSV format, with tabs where the files' suffix says so."""
    if _suffix(parts[0]) != ".tsv":
        return "csv"
    import pyarrow.csv
    import pyarrow.dataset

    return pyarrow.dataset.CsvFileFormat(parse_options=pyarrow.csv.ParseOptions(delimiter="\t"))


class RangeFile(io.RawIOBase):
    """A seekable file over a reader of ranges, which `opened` opens at the first read.

    No sooner: an error that is raised while pyarrow opens a file, not while it reads it, may hang a scan of CSV.
    """

    def __init__(self, opened: Callable[[], RangeReader], size: int, name: str, telling: Telling) -> None:
        self._opened, self._size, self._at, self._telling = opened, size, 0, telling
        self._made: RangeReader | None = None
        self.name = name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = self._size - self._at if size is None or size < 0 else size
        with self._telling, told(self.name):
            if self._made is None:
                self._made = self._opened()
            data = self._made.read(self._at, max(0, wanted))
        self._at += len(data)
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if self._made is not None:
            self._made.close()
        super().close()


class _Whole:
    """`sr_ports.roots.RangeReader` of bytes that were read at once, for an engine root that gives no ranges."""

    def __init__(self, data: bytes) -> None:
        self._data, self.size = data, len(data)

    def read(self, start: int, length: int) -> bytes:
        return self._data[start : start + length]

    def close(self) -> None:
        """Nothing is held open."""


def _filesystem(reader: ViewReader, parts: Sequence[ProvenPart], ahead: int, telling: Telling) -> Any:
    """A pyarrow file system that has the parts and nothing else. `ahead`: bytes to read at a time, 0 for as asked."""
    from sr_plugins.uses.proven_filesystem import filesystem

    below = len(f"{reader.root.uri.rstrip('/')}/")
    sizes = {part.uri: part.size or 0 for part in parts}

    def ranges(path: str) -> RangeReader:
        made = reader.ranges(path)
        return _Whole(b"".join(map(bytes, reader.chunks(path)))) if made is None else made

    def opened(uri: str) -> io.IOBase:
        path = uri[below:]
        file = RangeFile(partial(ranges, path), sizes[uri], path, telling)
        return io.BufferedReader(file, ahead) if ahead else file

    return filesystem(sizes, opened)
