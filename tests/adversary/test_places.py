"""What is no regular file below the root is no evidence, and nothing is followed out of the root or waited for."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.adversary.scene import FAULT, WAITING, Scene
from tests.adversary.world import CUSTOMERS, FIRST, FLAG, INDEX, LATE, ORDERS, world, write

OTHER = world("other")


def fifo(place: Path) -> None:
    """Whoever opens it waits for ever."""
    os.mkfifo(place)


def folder(place: Path) -> None:
    place.mkdir()
    (place / "inside.bin").write_bytes(b"inside")


def link_in(place: Path) -> None:
    """A link to the very bytes, within the root."""
    kept = place.with_name("kept-" + place.name)
    kept.write_bytes(b"")
    place.symlink_to(kept.name)


def link_out(place: Path) -> None:
    outside = place.parents[0] / "outside"
    outside.write_bytes(b"outside")
    place.symlink_to(outside.resolve())


def link_to_nothing(place: Path) -> None:
    place.symlink_to("nothing-is-there")


def a_socket(place: Path) -> None:
    here = Path.cwd()
    os.chdir(place.parent)  # the name of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(place.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize("path", [FIRST, CUSTOMERS, FLAG, INDEX, LATE], ids=lambda one: one.rsplit("/", 1)[-1])
@pytest.mark.parametrize("put", [fifo, folder, link_in, link_out, link_to_nothing, a_socket])
def test_no_regular_file_in_a_files_place(scene: Scene, path: str, put: Callable[[Path], None]) -> None:
    (scene.root / path).unlink()
    put(scene.root / path)
    scene.not_ready(scene.submit(), FAULT, WAITING)


@pytest.mark.parametrize("path", ["run_receipt.json", "_oracle_pack_manifest.json"])
@pytest.mark.parametrize("put", [fifo, link_out, folder])
def test_no_regular_file_in_the_place_of_a_receipt_or_a_manifest(
    scene: Scene, path: str, put: Callable[[Path], None]
) -> None:
    put(scene.root / path)
    scene.not_ready(scene.submit(), FAULT, WAITING)


@pytest.mark.parametrize("path", ["data", "seal", "late", ORDERS])
@pytest.mark.parametrize("hostile", [True, False], ids=["to other bytes", "to the very bytes"])
def test_a_link_on_the_way_to_a_named_path_is_never_followed(scene: Scene, path: str, hostile: bool) -> None:
    outside = write(scene.folder / "outside", OTHER if hostile else world())
    (scene.root / path).rename(scene.folder / "taken")
    (scene.root / path).symlink_to(outside / path)
    scene.not_ready(scene.submit(), FAULT)


@pytest.mark.parametrize("named", ["../outside/data/customers.bin", "/etc/hostname", "data/../data/customers.bin"])
def test_an_index_that_leads_out_of_the_root_is_a_conflict(scene: Scene, named: str) -> None:
    write(scene.folder / "outside", OTHER)
    text = (scene.root / INDEX).read_text().replace(CUSTOMERS, named)
    (scene.root / INDEX).write_text(text)
    scene.not_ready(scene.submit(), FAULT)


def test_a_root_that_is_reached_by_a_link_is_a_root(scene: Scene) -> None:
    """The innocent twin: links on the way to the root are the operator's own."""
    scene.root.rename(scene.folder / "really")
    scene.root.symlink_to("really")
    scene.ready(scene.submit(), world())


def test_links_fifos_and_folders_that_nobody_names_are_nobodys_business(scene: Scene) -> None:
    """The innocent twin: what only stands beside is neither followed nor read."""
    outside = write(scene.folder / "outside", OTHER)
    (scene.root / "data/linked.bin").symlink_to(outside / CUSTOMERS)
    (scene.root / "more").symlink_to(outside)
    os.mkfifo(scene.root / "data/pipe")
    folder(scene.root / "seal.d")
    scene.ready(scene.submit(), world())
