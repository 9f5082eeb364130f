"""Work done ahead in background threads."""

import itertools
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from autotensor.kernels import background


def prefetch(work, jobs, workers, ahead, prepare=None):
    """Yield ``work(job)`` for every job, in order, made in ``workers`` background threads.

    Up to ``ahead`` results are made before they are asked for. Each thread calls
    ``prepare(number)`` once before its first job. An exception in a thread is raised here, with
    its own traceback. When the iteration ends, or is abandoned, the threads end too.
    """
    numbers = itertools.count()
    thread = threading.local()

    def run(job):
        if not hasattr(thread, "number"):
            thread.number = next(numbers)
            background.enter()  # who holds the pool while a step begins would slow the step down
            if prepare is not None:
                prepare(thread.number)
        return work(job)

    pool = ThreadPoolExecutor(workers, thread_name_prefix="DataLoader")
    waiting = deque()
    try:
        for job in jobs:
            waiting.append(pool.submit(run, job))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # The garbage collector may end an abandoned iteration inside one of the threads, which
        # cannot wait for itself.
        pool.shutdown(wait=not hasattr(thread, "number"), cancel_futures=True)
