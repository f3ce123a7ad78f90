"""What ends processes: requests to stop, the system, the death of the one that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import contextmanager
from itertools import islice
from types import FrameType
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

WORKER_KILLED = (
    "a worker was killed, for want of memory most likely; what is written is kept: "
    "run again, with fewer workers"
)
_GRACE = 30  # seconds a worker goes on after SIGTERM, for a step to be finished; torchrun waits as long
_HANDLES = 16  # open files beside those that each worker needs: measured, and some to spare
_HANDLES_EACH = 8  # its pipes, and the batches that are on their way
_LOOK = 1.0  # seconds from one look for the starter to the next


class Terminated(SystemExit):
    """SIGTERM came; the code is the one that shells give such an end, 143."""


@contextmanager
def terminable() -> Iterator[None]:
    """Has SIGTERM raise `Terminated` in the block, as Ctrl-C raises KeyboardInterrupt.

    So files are closed, and workers end with their starter; else those that wait for work would stay.
    Handlers that are there already stay.
    """
    if not _can_handle_signals() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    process = os.getpid()

    def end(number: int, _: FrameType | None) -> None:
        if os.getpid() != process:  # a fork, which has nothing to clean up
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        raise Terminated(128 + number)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def begin_worker(_: int = 0) -> None:
    """Makes this process one that works for its starter: a DataLoader's `worker_init_fn`.

    Signals that a whole group of processes gets, as from a terminal or a batch system, are the starter's to
    answer: it may need what the worker is reading to finish a step. Where the starter is gone, so is the
    worker, which would else wait for work for ever and hold on to the starter's output.
    """
    if _can_handle_signals():  # else it is one of a cluster's threads, which answers them itself
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if hasattr(signal, "alarm"):
            signal.signal(signal.SIGTERM, lambda *_: signal.alarm(_GRACE))
    end_with_starter()


def _can_handle_signals() -> bool:
    return threading.current_thread() is threading.main_thread()


def end_with_starter() -> None:
    """Ends this process soon after the one that started it."""

    def watch(starter: int) -> None:
        while os.getppid() == starter:
            time.sleep(_LOOK)
        os._exit(1)

    starter, known = os.getppid(), multiprocessing.parent_process()
    if known and known.pid != starter and multiprocessing.get_start_method() != "forkserver":
        os._exit(1)  # it is gone already
    threading.Thread(target=watch, args=(starter,), daemon=True).start()


def processors() -> int:
    """How many processors this process may use: its part of them where several train one model."""
    from joblib import cpu_count

    beside = os.environ.get("LOCAL_WORLD_SIZE", "")  # as torchrun tells
    return max(1, int(cpu_count()) // (int(beside) if beside.isdecimal() and int(beside) else 1))


def map_in_processes(
    function: Callable[[T], R], items: Sequence[T], workers: int
) -> Generator[R, None, None]:
    """Yields the function's result of each item as it is finished, in any order.

    The workers are joblib's: they never load the caller's main module again, so that a notebook, a test or a
    script without a `__main__` guard can start them, and nothing of a running training is forked. They end
    with this iterator, whether it is finished or left.

    Args:
        function: What to do with an item; it is pickled, as items and results are.
        items: What there is to do.
        workers: Processes; below 2, all runs in this one.

    Raises:
        ChildProcessError: A worker was killed.
        OSError: The system allows too few open files for so many workers.
        Exception: What the function raised.

    Example:
        >>> sorted(map_in_processes(abs, [-3, 2, -1], workers=1))
        [1, 2, 3]
    """
    if workers < 2:
        yield from map(function, items)
        return
    from joblib.externals.loky import ProcessPoolExecutor

    check_handles(workers)
    pool = ProcessPoolExecutor(workers, initializer=begin_worker, env={"OMP_NUM_THREADS": "1"})
    try:
        with killed_workers_told():
            rest = iter(items)
            # No more at a time than loky hands to its workers: killing a pool fails on what waits behind.
            waiting = {pool.submit(function, item) for item in islice(rest, 2 * workers)}
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from [future.result() for future in done]
                waiting |= {pool.submit(function, item) for item in islice(rest, len(done))}
    finally:
        pool.shutdown(wait=True, kill_workers=True)  # either all is done, or nobody waits for it


def check_handles(workers: int) -> None:
    """Makes sure that the system allows the files and pipes that so many workers need, before any starts.

    Libraries that start some of them and then fail leave a traceback, or wait for the others for ever.

    Raises:
        OSError: It does not, nor may the limit be raised.
    """
    wanted = _HANDLES + _HANDLES_EACH * workers if workers else 0
    free = _free_handles(wanted)
    if free < wanted and _raise_limit():
        free = _free_handles(wanted)
    if free < wanted:
        raise OSError(
            f"{workers} workers need {wanted} open files, and the system allows {free} more: "
            "raise its limit (ulimit -n), or take fewer workers"
        )


def _free_handles(wanted: int) -> int:
    """How many files can be opened yet, counted up to `wanted`."""
    held: list[int] = []
    try:
        while len(held) < wanted:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    finally:
        for number in held:
            os.close(number)
    return len(held)


def _raise_limit() -> bool:
    """Raises the number of files that may be open to what the system's administrator allows."""
    try:
        import resource
    except ImportError:  # Windows
        return False
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # macOS takes no "unlimited"
        return False
    return soft != hard


@contextmanager
def killed_workers_told() -> Iterator[None]:
    """Has the death of a worker, be it a DataLoader's or joblib's, say what helps.

    Raises:
        ChildProcessError: A worker was killed.
        OSError: What a DataLoader's worker raised, in its own words.
    """
    try:
        yield
    except (RuntimeError, OSError, EOFError) as error:
        if _tells_of_a_death(error):
            raise ChildProcessError(WORKER_KILLED) from None
        if str(error).startswith("Caught OSError in DataLoader worker"):  # and the worker's traceback
            raise OSError(str(error).strip().splitlines()[-1].removeprefix("OSError: ")) from None
        raise


def _tells_of_a_death(error: Exception) -> bool:
    from concurrent.futures.process import BrokenProcessPool

    if isinstance(error, OSError):  # of the socket from which a DataLoader fetches what a dead worker sent
        lost = isinstance(error, (ConnectionError, FileNotFoundError))
        return lost and error.errno is not None and error.filename is None
    return isinstance(error, (BrokenProcessPool, EOFError)) or str(error).startswith("DataLoader worker")
