"""What one run raised while many are worked on: its row, and no other run's end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import attrs

from sr_ports import Fault, ReasonCode, SrError
from sr_ports.compared import Compared
from sr_ports.errors import described, foreseen

_Done = TypeVar("_Done")


@attrs.frozen(eq=False, repr=False)
class Trouble(Compared):
    """One run's error. `error`: as raised, or `Fault(INTERNAL)` made from what is no `SrError`."""

    run_id: str
    error: SrError

    def document(self) -> dict[str, str]:
        """JSON form, for a row of an answer."""
        return {"reason_code": self.error.code.value, "message": self.error.what, "remedy": self.error.remedy}


def trouble_of(run_id: str, error: Exception) -> Trouble:
    """The trouble that `error` is; one of an unforeseen class is a bug, with `error` as its cause."""
    if isinstance(error, SrError) and foreseen(error):
        return Trouble(run_id, error)
    fault = Fault(ReasonCode.INTERNAL, described(error))
    fault.__cause__ = error
    return Trouble(run_id, fault)


def each(run_ids: Iterable[str], work: Callable[[str], _Done]) -> Iterator[tuple[str, _Done | Trouble]]:
    """Do `work` for every run. What it raises for one, of whatever class, is that run's `Trouble`.

    Only what ends the process (a signal, `SystemExit`) and what `run_ids` itself raises pass.
    """
    for run_id in run_ids:
        try:
            done: _Done | Trouble = work(run_id)
        except Exception as error:  # noqa: BLE001 - of whatever class: the other runs go on
            done = trouble_of(run_id, error)
        yield run_id, done
