"""What a hashing law is given of a bundle: a view with nothing behind it within reach."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar, get_args

from sr_domain.evidence.bundle import Bundle
from sr_domain.evidence.index_kept import LongIndex
from sr_ports import BundleFile, BundleView, IndexEntry, Params, VerificationMethod
from sr_ports.laws import PathBase

T = TypeVar("T")
Heard = Callable[[BaseException], None]


def law_view(bundle: Bundle, heard: Heard) -> BundleView:
    """All that a law is given of a bundle. `heard` is told of every error that the bundle raises.

    No attribute of the view, nor of what it returns, leads to the bundle, its root or a port. That holds against
    code that takes what it is given, not against code that takes Python apart (closures, frames, the garbage
    collector): what is to be kept from that runs in a process of its own.
    """

    class View:
        """A bundle, as a law sees it."""

        __slots__ = ()

        @property
        def method(self) -> VerificationMethod:
            return bundle.method

        @property
        def params(self) -> Params:
            return bundle.method.params

        def files(self) -> Sequence[BundleFile]:
            return asked(bundle.files, heard)

        def index(self) -> Sequence[IndexEntry]:
            entries = asked(bundle.index, heard)
            if isinstance(entries, tuple):
                return entries
            return LongIndex(lambda: _pulled(iter(entries), heard), len(entries))

        def stream(self, path: str, *, base: PathBase = "bundle_root") -> Iterator[bytes]:
            _check_named([path], base)
            return _pulled(asked(lambda: bundle.stream(path, base=base), heard), heard)

        def sha256(self, paths: Iterable[str], *, base: PathBase = "bundle_root") -> str:
            named = tuple(paths)  # the law's own iterable: what it raises is the law's
            _check_named(named, base)
            return asked(lambda: bundle.sha256(named, base=base), heard)

    return View()


def _check_named(paths: Iterable[object], base: object) -> None:
    """Raise `TypeError` for what names nothing: that is the law's own fault, and no error of the bundle's."""
    if base not in get_args(PathBase):
        raise TypeError(f"{base!r} is no base of paths")
    for path in paths:
        if not isinstance(path, str):
            raise TypeError(f"a path is a str, not {type(path).__name__}")


def asked(work: Callable[[], T], heard: Heard) -> T:
    """What `work` gives; `heard` is told of what it raises."""
    try:
        return work()
    except PermissionError:
        raise  # what the law may not ask is its own fault
    except BaseException as error:
        heard(error)
        raise


def _pulled(items: Iterator[T], heard: Heard) -> Iterator[T]:
    """The items as a law sees them. An error ends them for good: whoever asks on is given it again."""
    ended: list[BaseException] = []

    def pull() -> T | None:
        if ended:
            raise ended[0]
        try:
            return next(items, None)
        except BaseException as error:
            ended.append(error)
            if not isinstance(error, PermissionError):  # what the law may not ask is its own fault
                heard(error)
            raise

    return iter(pull, None)
