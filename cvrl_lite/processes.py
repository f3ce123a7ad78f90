"""What ends processes: requests to stop, the system, the death of the one that started them."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import ExitStack, contextmanager
from itertools import islice
from types import FrameType
from typing import Any, TypeVar

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

    def watch(is_there: Callable[[], bool]) -> None:
        while is_there():
            time.sleep(_LOOK)
        os._exit(1)

    starter, known = os.getppid(), multiprocessing.parent_process()
    if known and known.pid != starter and multiprocessing.get_start_method() != "forkserver":
        os._exit(1)  # it is gone already
    threading.Thread(target=watch, args=(_presence(starter),), daemon=True).start()


def _presence(starter: int) -> Callable[[], bool]:
    """Tells whether the process that started this one is still there."""
    if os.name != "nt":
        return lambda: os.getppid() == starter
    import psutil  # for Windows keeps telling the number of a starter that is gone

    try:
        known = psutil.Process(starter)
    except psutil.NoSuchProcess:
        return lambda: False
    return lambda: bool(known.is_running())


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
        with report_killed_workers():
            rest = iter(items)
            # No more at a time than loky hands to its workers: killing a pool fails on what waits behind.
            waiting = {pool.submit(function, item) for item in islice(rest, 2 * workers)}
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from [future.result() for future in done]
                waiting |= {pool.submit(function, item) for item in islice(rest, len(done))}
    finally:
        pool.shutdown(wait=True, kill_workers=True)  # either all is done, or nobody waits for it


@contextmanager
def spread(
    function: Callable[..., R],
    items: Sequence[tuple[Any, ...]],
    *,
    backend: str | None = None,
    workers: int = 1,
    scheduler: str | None = None,
) -> Iterator[Iterator[R]]:
    """Has joblib call a function with each item's values; yields the results, in the order of the items.

    Args:
        function: What to do; it is pickled, as items and results are.
        items: The arguments of each call.
        backend: joblib's: "loky" (where None), "threading", "dask", "ray" ...
        workers: Calls at a time, 1 or more.
        scheduler: Address of a running dask cluster, all of whose workers are used; where None, dask gets
            one of `workers` processes on this machine.

    Raises:
        ValueError: There is no such backend, no worker, or a scheduler is given to another backend than dask.
        ModuleNotFoundError: What the backend needs is not installed.
        ChildProcessError: A worker was killed.

    Example:
        >>> with spread(pow, [(2, 3), (3, 2)]) as results:
        ...     list(results)
        [8, 9]
    """
    import joblib

    if scheduler and backend != "dask":
        raise ValueError("a scheduler belongs to the backend dask")
    if workers < 1:
        raise ValueError(f"workers: at least 1 is needed, not {workers}")
    with ExitStack() as stack:
        if backend == "dask":
            stack.enter_context(_dask(workers, scheduler))
        elif backend == "ray":
            try:
                from ray.util.joblib import register_ray
            except ModuleNotFoundError:
                raise ModuleNotFoundError("the backend ray needs ray: pip install ray") from None
            register_ray()
        if workers > 1:
            check_handles(workers)
        stack.enter_context(joblib.parallel_config(backend or "loky", n_jobs=workers))
        stack.enter_context(report_killed_workers())
        as_they_come = backend in (None, "loky", "threading")  # which the others cannot
        work = joblib.Parallel(return_as="generator" if as_they_come else "list")(
            joblib.delayed(function)(*item) for item in items
        )
        stack.callback(_end_quietly, work)
        yield iter(work)


@contextmanager
def _dask(workers: int, scheduler: str | None) -> Iterator[None]:
    try:
        from distributed import Client, LocalCluster
    except ModuleNotFoundError:
        raise ModuleNotFoundError("the backend dask needs dask: pip install distributed") from None
    with ExitStack() as stack:
        cluster: Any = scheduler
        if scheduler is None:
            how = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": ":0"}
            # dask warns of workers that take long to end, which hurts nothing
            cluster = stack.enter_context(LocalCluster(**how, silence_logs=logging.ERROR))
        stack.enter_context(Client(cluster))
        yield


def _end_quietly(work: object) -> None:
    """Ends work that nobody waits for any more without joblib's advice on it."""
    if isinstance(work, Generator):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".* tasks which were still being processed")
            work.close()


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
def report_killed_workers() -> Iterator[None]:
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
