"""The compiled-code cache and the message on a cold start."""

import os
import subprocess
import sys

from autotensor.kernels import jit


def _double(x):
    return 2 * x


def _comes_from_cache():
    compiled = jit.serial(_double)
    assert compiled(3) == 6
    return bool(compiled.stats.cache_hits)


def test_an_edit_in_any_kernel_file_makes_the_cache_stale(monkeypatch):
    _comes_from_cache()
    assert _comes_from_cache()
    monkeypatch.setattr(jit, "_sources", lambda: "edited")
    assert not _comes_from_cache()
    assert _comes_from_cache()


def test_a_cold_start_says_why_it_takes_long_and_a_warm_one_does_not(tmp_path):
    script = (
        "import numpy as np\n"
        "from autotensor import kernels\n"
        "x, w = np.ones((4, 16, 16, 16), np.float32), np.ones((16, 16, 3, 3), np.float32)\n"
        "kernels.conv2d(x, w, (1, 1), (1, 1), (1, 1), 1)\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    said = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        said.append(done.stderr.count("compiling"))
    assert said == [1, 0]
