"""Several processes that serve one port (`WEB_CONCURRENCY`): forked before anything runs, replaced when they die."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

log = logging.getLogger("gangway")

BACKLOG = 4096
STABLE_SECONDS = 5.0
"""A worker that ends sooner could not start: starting it again would not help."""

_STOP = (signal.SIGTERM, signal.SIGINT)


def listening_socket(host: str, port: int) -> socket.socket:
    """The socket that the process, or all workers, accept on. `::` takes IPv4 too, as Node.js does. Raises OSError."""
    families = {found[0] for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    family = socket.AF_INET if socket.AF_INET in families else socket.AF_INET6
    both = host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)


class Workers:
    """Runs `work` in `count` processes; its result is a process's exit status. To be used once, in the main thread."""

    def __init__(self, count: int, work: Callable[[], int]) -> None:
        self._count = count
        self._work = work
        self._started_at: dict[int, float] = {}
        self._stopping = False
        self._alive_end, self._alive = os.pipe()

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT, which end all workers; the exit status, 1 when they cannot run."""
        for number in _STOP:
            signal.signal(number, self._stop)
        for _ in range(self._count):
            self._start()
        status = 0
        while self._started_at:
            pid, ended = os.wait()
            started_at = self._started_at.pop(pid, None)
            if started_at is None or self._stopping:
                continue
            lived = time.monotonic() - started_at
            if lived < STABLE_SECONDS:
                status = 1
                _report_short_life(lived, os.waitstatus_to_exitcode(ended))
                self._stop()
            else:
                log.error("a worker process has died and is started anew")
                self._start()
        return status

    def _stop(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        self._stopping = True
        for pid in self._started_at:
            with contextlib.suppress(ProcessLookupError):  # it has just ended, which is not noted yet
                os.kill(pid, signal.SIGTERM)

    def _start(self) -> None:
        """Fork, unless asked to stop; a signal that comes meanwhile waits until the new process is known."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
        if not self._stopping:
            pid = os.fork()
            if pid == 0:
                self._be_worker()
            self._started_at[pid] = time.monotonic()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)

    def _be_worker(self) -> None:
        """The whole life of a worker. It ends with its parent, even when that was killed."""
        status = 1
        try:
            for number in _STOP:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)
            os.close(self._alive)
            threading.Thread(target=_end_with_parent, args=(self._alive_end,), daemon=True).start()
            status = self._work()
        except Exception:  # the last resort: nobody above would show the trace
            log.exception("a worker process has failed")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)


def _report_short_life(seconds: float, code: int) -> None:
    """Say why the instance ends; `code` is the worker's exit status, negative for a signal."""
    how = f"status {code}" if code >= 0 else f"signal {-code}"
    text = (
        "a worker process ended %.1f s after its start (%s): it would not live longer another time, the instance ends"
    )
    log.error(text, seconds, how)


def _end_with_parent(alive_end: int) -> None:
    os.read(alive_end, 1)  # nobody ever writes: it returns when the parent is gone
    os.kill(os.getpid(), signal.SIGTERM)
