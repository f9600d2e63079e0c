"""Test vectors: manifests that b3sum 1.8.7 wrote, and what the law makes of their bundles.

The digests are b3sum's too: of its lines for the files, by ascending path, as its standard input.
"""

from collections.abc import Mapping
from typing import Final

from sr_ports import LawVector, VerificationMethod

_METHOD: Final = VerificationMethod("b3sums_file", exclude_filenames=("B3SUMS",))
_FILES: Final[Mapping[str, bytes]] = {"a": b"", "d/b": b"abc", "n\\x\ny": bytes(1025)}
_PLAIN: Final = rb"""af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262  ./a
6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85  d/b
\d2beb49d87e59db174cb3ff1440f1899422968df670d060fd7ce759e8cc160e7  n\\x\ny
"""
_TAGGED: Final = rb"""\BLAKE3 (n\\x\ny) = d2beb49d87e59db174cb3ff1440f1899422968df670d060fd7ce759e8cc160e7
BLAKE3 (d/b) = 6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85
BLAKE3 (a) = af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262
"""
_OUTSIDE: Final = b"af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262  ../a\n"
_SOUND: Final = "21141503ad919f8e5dd1e74580c924792a7343f3ae69a30dea0d1e7bc3296a45"
_CHANGED: Final = "90fcd2c82828334182228dabb30efb746e39c3c98ff9982995a1d6a086f12bd3"


def _vector(note: str, sums: bytes, digest: str | None, *, stated: bool = True, **more: bytes) -> LawVector:
    files = {**_FILES, **{name.replace("_", "/"): data for name, data in more.items()}, "B3SUMS": sums}
    return LawVector(note, files, digest, _METHOD, flag="B3SUMS", stated=stated)


VECTORS: Final = (
    _vector("as b3sum writes it", _PLAIN, _SOUND),
    _vector("as b3sum --tag writes it, in another order", _TAGGED, _SOUND),
    _vector("a byte is another", _PLAIN, _CHANGED, stated=False, d_b=b"abd"),
    _vector("a file outside the bundle", _OUTSIDE, None),
    _vector("a line of another program", b"d41d8cd98f00b204e9800998ecf8427e  a\n", None),
)
