"""What the programs print while they learn: mean losses, and how long a step takes."""

import statistics
import time


class Log:
    """Ten lines for a training of ``steps`` steps, each with means since the line before.

    The time of a step is from one call of `step` to the next, so it includes making the batch.
    """

    def __init__(self, steps):
        self.steps = steps
        self.times = []
        self.figures = {}
        self.started = time.perf_counter()

    def step(self, parts=1, **figures):
        """Take the figures of one more step (numbers, by name), and print a line if it is time.

        What took ``parts`` times as long as what is called a step counts as so many.
        """
        self.times.append((time.perf_counter() - self.started) / parts)
        for name, figure in figures.items():
            self.figures.setdefault(name, []).append(figure)
        done = len(self.times)
        if done * 10 // self.steps > (done - 1) * 10 // self.steps:
            means = [f"{name} {statistics.fmean(all):.4f}" for name, all in self.figures.items()]
            median, fastest = 1000 * statistics.median(self.times), 1000 * min(self.times)
            took = f"{median:.2f} ms a step (fastest {fastest:.2f})"
            print(f"step {done}/{self.steps}", *means, took, sep="  ", flush=True)
            self.figures = {}
        self.started = time.perf_counter()
