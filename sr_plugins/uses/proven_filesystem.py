"""The proven files of an output as a pyarrow file system. Needs pyarrow; imported by who has it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import pyarrow as pa
from pyarrow import fs


class _Proven(fs.FileSystemHandler):  # type: ignore[misc]
    """`sizes`: of each file, by name: there are no others. `opened`: opens one of them to be read."""

    def __init__(self, sizes: Mapping[str, int], opened: Callable[[str], io.IOBase]) -> None:
        self._sizes, self._opened = sizes, opened

    def get_type_name(self) -> str:
        return "scenario-runner"

    def normalize_path(self, path: str) -> str:
        return path

    def get_file_info(self, paths: list[str]) -> list[fs.FileInfo]:
        return [self._info(path) for path in paths]

    def get_file_info_selector(self, selector: fs.FileSelector) -> list[fs.FileInfo]:
        below = selector.base_dir.rstrip("/") + "/"
        return [self._info(path) for path in self._sizes if path.startswith(below)]

    def open_input_stream(self, path: str) -> pa.NativeFile:
        return self.open_input_file(path)

    def open_input_file(self, path: str) -> pa.NativeFile:
        if path not in self._sizes:
            raise FileNotFoundError(f"{path} was not proven")
        return pa.PythonFile(self._opened(path), mode="r")

    def _info(self, path: str) -> fs.FileInfo:
        if path not in self._sizes:
            return fs.FileInfo(path, fs.FileType.NotFound)
        return fs.FileInfo(path, fs.FileType.File, size=self._sizes[path])

    def _refuse(self, *asked: Any, **how: Any) -> NoReturn:
        raise PermissionError("proven files are read, never written")

    create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = delete_file = _refuse
    move = copy_file = open_output_stream = open_append_stream = _refuse


def filesystem(sizes: Mapping[str, int], opened: Callable[[str], io.IOBase]) -> fs.PyFileSystem:
    """The file system of these files."""
    return fs.PyFileSystem(_Proven(sizes, opened))
