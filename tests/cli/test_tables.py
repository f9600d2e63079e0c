"""Tables fit the terminal: nothing wraps, ids are whole or in 8 characters, paths keep their name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_adapters.cli import tables

RUN = "46e1e7293f2e6786a8b312e81a80c9cd"
PATH = "data/layer1/2B/alias_table/seed=42/manifest_fingerprint=680b61507afbcbd8dc489c4ee7ae3297/alias.bin"


def width(headers: list[str], rows: list[list[str]]) -> int:
    columns = [max(map(len, cells)) for cells in zip(headers, *rows, strict=True)]
    return sum(columns) + 2 * (len(columns) - 1)


def test_what_fits_stays_as_it_is() -> None:
    assert tables.fitted(["run", "state"], [[RUN, "READY"]], 80) == (["run", "state"], [[RUN, "READY"]], 0)


def test_ids_are_shortened_before_anything_else() -> None:
    headers, rows, dropped = tables.fitted(["run", "path"], [[RUN, "data/" + "x" * 40]], 60)
    assert rows == [[RUN[:8], "data/" + "x" * 40]]
    assert (headers, dropped) == (["run", "path"], 0)


def test_paths_lose_their_middle_and_keep_their_name() -> None:
    ((_, path),) = tables.fitted(["output", "path"], [["alias", PATH]], 40)[1]
    assert len(path) == 32
    assert path.endswith("alias.bin")
    assert path.startswith("data/")
    assert "…" in path


def test_columns_drop_from_the_right() -> None:
    headers, rows, dropped = tables.fitted(["a", "b", "c", "d"], [["x" * 12] * 4], 30)
    assert (headers, dropped) == (["a", "b"], 2)
    assert rows == [["x" * 12] * 2]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([RUN, PATH, "READY", "", "a sentence of some words", "ab" * 32]), min_size=4,
                      max_size=4), min_size=1, max_size=4),
    st.integers(40, 200),
)  # fmt: skip
def test_no_table_is_wider_than_its_room(rows: list[list[str]], room: int) -> None:
    headers, made, dropped = tables.fitted(["one", "two", "three", "four"], rows, room)
    assert width(headers, made) <= room
    assert len(headers) + dropped == 4
    for row, given_row in zip(made, rows, strict=True):
        for cell, whole in zip(row, given_row, strict=False):
            if whole == RUN and cell != RUN and width(headers, made) < room - 24:
                assert cell == RUN[:8]


@pytest.mark.parametrize("header", ["what happened", "a header that is longer than all its cells, by far"])
def test_a_header_wider_than_its_cells_is_cut_with_them(header: str) -> None:
    """It once was the widest for ever: the terminal waited without end."""
    headers, rows, _ = tables.fitted([header, "b", "c"], [["x y", "some words of a story", "more words"]], 36)
    assert width(headers, rows) <= 36
    assert rows[0][0] == "x y"


def test_what_is_dropped_leaves_its_room_to_the_others() -> None:
    headers, rows, dropped = tables.fitted(["a", "b", "c"], [["x" * 8, "words of twenty char", "y z" * 30]], 32)
    assert (headers, dropped, rows) == (["a", "b"], 1, [["x" * 8, "words of twenty char"]])


@pytest.mark.parametrize("most", range(2, 30))
def test_a_cut_path_has_the_length_that_was_asked_for(most: int) -> None:
    assert len(tables.middle(PATH, most)) == most
