"""What a distribution says of itself may be damaged, or meant to harm: it hides no other plugin and ends no command."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell
from tests.cli.test_hostile_imports import plugin
from tests.cli.test_plugin_output import gated, profiled
from tests.plugins.conftest import Site, site

__all__ = ["site"]
ENTRY = b"[scenario_runner]\nplugin = plugin_acme\n"
SOUND = b"Metadata-Version: 2.1\nName: acme\nVersion: 1.2\n"
DAMAGED = {
    "no name": (b"Metadata-Version: 2.1\nVersion: 1.2\n", ENTRY),
    "no version": (b"Metadata-Version: 2.1\nName: acme\n", ENTRY),
    "no metadata": (None, ENTRY),
    "no UTF-8": (b"Metadata-Version: 2.1\nName: acme\xff\nVersion: 1.2\n", ENTRY),
    "an entry without a module": (SOUND, b"[scenario_runner]\nplugin\n"),
    "an entry that is none": (SOUND, b"[scenario_runner]\nplugin = ;;;!! os.system('x')\n"),
    "an entry that is no UTF-8": (SOUND, b"[scenario_runner]\nplug\xff = plugin_acme\n"),
    "an entry that moves the cursor": (SOUND, "[scenario_runner]\npl\u202eug\x1b[31m\x07 = plugin_acme\n".encode()),
    "a name that moves the cursor": (
        "Metadata-Version: 2.1\nName: a\u202e\x1b[31m\nVersion: 1\x1b[0m\n".encode(),
        ENTRY,
    ),
    "an endless name": (b"Metadata-Version: 2.1\nName: " + b"a" * 2_000_000 + b"\nVersion: 1.2\n", ENTRY),
    "many entries": (SOUND, b"[scenario_runner]\n" + b"".join(b"p%d = plugin_acme\n" % at for at in range(5))),
    "nothing wrong": (SOUND, ENTRY),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_metadata_ends_no_command_and_hides_no_plugin(sr: Shell, site: Site, name: str) -> None:
    metadata, entries = DAMAGED[name]
    site.install("acme-laws", plugin("sound"))
    (site.folder / "plugin_acme.py").write_text(plugin("other"))
    info = site.folder / "acme-1.2.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_bytes(entries)
    if metadata is not None:
        (info / "METADATA").write_bytes(metadata)
    answer = sr("plugins")
    assert answer.code == (2 if name == "many entries" else 0), "each is a plugin of its own, and they give one name"
    assert not {"\u202e", "\x1b", "\x07"} & set(answer.out + answer.err)
    assert max(map(len, answer.out.splitlines())) < 5000
    assert sr("submit", sr.request()).code == 0
    profiled(sr)
    gated(sr, "sound")
    assert sr("submit", sr.request("named")).code == 0


@pytest.mark.parametrize("there", [True, False])
def test_the_place_of_a_plugin_quotes_no_value_of_the_environment(
    sr: Shell, site: Site, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    monkeypatch.setenv("WHERE_IT_IS", "k3pt_0f_the_environment")
    if there:
        (sr.folder / "k3pt_0f_the_environment.py").write_text(plugin("filed"))
    profiled(sr, plugins={"load": ["./${WHERE_IT_IS}.py"]})
    rows = [one for one in sr("--json", "plugins").json["plugins"] if one["distribution"] == "local"]
    assert {one["loaded"] for one in rows} == {there}
    assert "k3pt_0f_the_environment" not in str(rows)
    assert "the environment variable WHERE_IT_IS" in str(rows)
