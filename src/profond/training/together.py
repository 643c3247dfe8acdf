"""All processes of a training end together, and one of them says why: the one that leads, as long as it lives.

A process that fails says so in a store that the leading one keeps, and closes its connections: whoever waits for it
then wakes up with an error of torch's, and looks there. One that was killed cannot say anything; its silence is told.
"""

from __future__ import annotations

import _thread
import contextlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import torch
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from profond.core import errors, signals
from profond.core.errors import EndedTogether, Interrupted, ProfondError

_EVERY_SECONDS = 0.3
_GRACE_SECONDS = 5.0
"""How long a process may go on after another has failed, before it is interrupted, and then before it is ended."""

_FAILED, _HEARD, _TOLD, _LEFT, _STOP = "failed", "heard", "told", "left", "stop"
"""What the store holds: the first failure; that the leading process knows of it, and has told it; how many others have
left; that somebody was asked to stop."""


class Gone(Exception):
    """The connection to another process is gone; a kind of its own, which nobody takes for an error of a network."""


class Together:
    """Sees that the processes of a training end together.

    Args:
        rank, size: as of `Processes`.
        group: torch's.
        others: those that this process has started.
    """

    def __init__(self, rank: int, size: int, group: Any, others: Sequence[subprocess.Popen[bytes]]) -> None:
        self.rank, self.size, self.group, self.others = rank, size, group, others
        self.help = "start the training again"
        self.stop_asked = False
        """Whether any process was asked to stop."""
        self._known: dict[str, Any] | None = None
        self._heard, self._missing = False, 0
        self._ending = threading.Event()
        wait = timedelta(seconds=30)
        if rank == 0:
            self.store = TCPStore("0.0.0.0", 0, size, True, wait, wait_for_workers=False)
        port = [self.store.port if rank == 0 else 0]
        torch.distributed.broadcast_object_list(port, 0, group=group)
        if rank:
            address = os.environ["MASTER_ADDR"]
            self.store = TCPStore(address, port[0], size, False, wait, wait_for_workers=False)
        threading.Thread(target=self._watch, name="other-processes", daemon=True).start()

    # -- what the loop asks --------------------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether the processes have closed their connections."""
        return self._ending.is_set()

    def ask_to_stop(self) -> None:
        """A signal has come to this process: the others are to stop too."""
        if not self.stop_asked:
            self.stop_asked = True
            with contextlib.suppress(torch.distributed.DistError):
                self.store.set(_STOP, "1")

    @contextlib.contextmanager
    def ending(self) -> Iterator[None]:
        """Within it an error ends all processes.

        Raises: in the one that leads, what was raised first, wherever that was; in the others `EndedTogether`, once
            that one has had its say.
        """
        try:
            yield
        except GeneratorExit:
            raise
        except BaseException as error:
            if self._ending.is_set():  # seen to further inside
                raise
            signals.asked()  # a launcher that sees one process end has the others stop: that is told already
            first = self._first(error)
            self._ending.set()
            if self.rank == 0:
                self.store.set(_HEARD, "1")
            self._disconnect()
            if self.rank == 0:
                if first is error:
                    raise
                raise first from None
            raise self._after_the_leading_one(first) from None

    def leave(self) -> None:
        """At the end of the program. The one that leads waits for the others, which it has told, for a moment."""
        self._ending.set()
        self._disconnect()
        if self.rank:
            with contextlib.suppress(torch.distributed.DistError):
                self.store.add(_LEFT, 1)
            return
        with contextlib.suppress(torch.distributed.DistError):
            self.store.set(_TOLD, "1")
            until = time.monotonic() + 3 * _GRACE_SECONDS
            while self.store.add(_LEFT, 0) < self.size - 1 - self._missing and time.monotonic() < until:
                if self.others and all(other.poll() is not None for other in self.others):
                    break
                time.sleep(0.02)
        for other in self.others:
            try:
                other.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                other.kill()

    def _disconnect(self) -> None:
        """NOTE Gloo closes a connection when nobody knows the group any more, and not before."""
        self.group = None
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()

    # -- failures ------------------------------------------------------------------------------------------------

    def _first(self, error: BaseException) -> BaseException:
        """What was raised first in any process, as far as it is known."""
        found = self._published()
        if found is None and not isinstance(error, Gone):
            self._publish(error)
            found = self._published()
        until = time.monotonic() + 2 * _EVERY_SECONDS  # for whoever is about to say why
        while found is None and not self._alone() and time.monotonic() < until:
            time.sleep(_EVERY_SECONDS / 5)
            found = self._published()
        if found is None:
            lost, self._missing = self._lost(), 1
            self._publish(lost)
            found = self._published()
            return lost if found is None else _read(found)
        return error if found["rank"] == self.rank else _read(found)

    def _after_the_leading_one(self, first: BaseException) -> ProfondError:
        """Waits until the process that leads has told; where it has died, the first of the others does."""
        until = time.monotonic() + 4 * _GRACE_SECONDS
        code = first.exit_code if isinstance(first, ProfondError) else 1
        while time.monotonic() < until:
            try:
                self._heard = self._heard or self.store.check([_HEARD])
                if self.store.check([_TOLD]):
                    return EndedTogether(str(first), code)
            except torch.distributed.DistError:
                break
            time.sleep(0.05)
        return EndedTogether(str(first), code) if self._heard or self.rank != 1 else self._lost()

    def _lost(self) -> ProfondError:
        gone = "the process that leads" if self._alone() else "another process"
        of = f"{gone} of the {self.size} of this training has ended without a word, as one that is killed"
        return ProfondError(f"{of}, and so does the training; the last checkpoint stays", self.help)

    def _alone(self) -> bool:
        """Whether the leading process, and its store, is gone."""
        try:
            self.store.check([_FAILED])
        except torch.distributed.DistError:
            return True
        return False

    def _publish(self, error: BaseException) -> None:
        known = error if isinstance(error, ProfondError) else None
        if isinstance(error, KeyboardInterrupt):
            known = Interrupted("stopped", self.help)
        kind = type(known).__name__ if known else "ProfondError"
        message = known.message if known else f"{type(error).__name__}: {error}"
        fact = {
            "rank": self.rank,
            "kind": kind,
            "message": message,
            "help": known.help if known else None,
            "exit_code": known.exit_code if known else 1,
        }
        with contextlib.suppress(torch.distributed.DistError):
            self.store.compare_set(_FAILED, "", json.dumps(fact))

    def _published(self) -> dict[str, Any] | None:
        try:
            if self.store.check([_FAILED]):
                self._known = json.loads(self.store.get(_FAILED))
                self._heard = self._heard or self.store.check([_HEARD])
        except torch.distributed.DistError:  # what was known before the store went stays known
            pass
        return self._known

    def _watch(self) -> None:
        """In a thread: a main thread that does not hear of another process's end is interrupted, and then ended."""
        while not self._ending.wait(_EVERY_SECONDS):
            try:
                self.stop_asked = self.stop_asked or self.store.check([_STOP])
                over = self._published() is not None
            except torch.distributed.DistError:
                over = True
            over = over or any(other.poll() for other in self.others)
            if over and not self._ending.wait(_GRACE_SECONDS):
                _thread.interrupt_main()
                if not self._ending.wait(_GRACE_SECONDS):
                    found = self._published()
                    words = _read(found) if found else self._lost()
                    if self.rank == 0 or self._alone():
                        os.write(2, f"error: {words.message}\n".encode())
                    os._exit(words.exit_code)


def _read(fact: dict[str, Any]) -> ProfondError:
    """An error that another process has met."""
    kind = getattr(errors, fact["kind"], ProfondError)
    plain = kind if issubclass(kind, ProfondError) and kind.__init__ is ProfondError.__init__ else ProfondError
    error: ProfondError = plain(fact["message"], fact["help"])
    error.exit_code = fact["exit_code"]
    return error
