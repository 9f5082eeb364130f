"""The ways a kernel is compiled, and the cache that lets a new process start at once."""

import functools
import hashlib
import sys
import time
from pathlib import Path

import numba
from numba.core import event, types
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.ccallback import CFunc

from autotensor.kernels import simd

# What may be assumed of floating-point arithmetic. Not "nnan" or "ninf": NaN and infinity must
# come out of a kernel as they do out of NumPy. Reassociation is fixed when compiling, so results
# stay the same from run to run.
_OPTIONS = {"fastmath": {"contract", "reassoc", "nsz"}, "error_model": "numpy", "nogil": True}


@functools.cache
def _sources():
    """A digest of every kernel file."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class _Cache(FunctionCache):
    """Numba's cache, made stale by an edit in any kernel file, not only in the function's own."""

    def __init__(self, function):
        super().__init__(function)
        self._cache_file = IndexDataCacheFile(
            self._cache_path, self._impl.filename_base, source_stamp=_sources()
        )

    def _index_key(self, signature, codegen):
        return (*super()._index_key(signature, codegen), simd.WIDTH)


def _cached(compiled, function):
    compiled._cache = _Cache(function)
    return compiled


def serial(function):
    """Compile for one thread; the interpreter lock is released while it runs."""
    return _cached(numba.njit(**_OPTIONS)(function), function)


class Kernel:
    """A function ``(task, worker, arguments)`` for ``threads.launch``, compiled at first use.

    ``task`` numbers the piece of work, ``worker`` the thread (for its scratch memory), and
    ``arguments`` is the address of the 64-bit integers given to ``launch``.
    """

    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.function = function

    @functools.cached_property
    def compiled(self):
        """The machine code, as a C function."""
        integer = types.int64
        options = {name: value for name, value in _OPTIONS.items() if name != "nogil"}
        compiled = CFunc(self.function, (types.void(integer, integer, integer).args, types.void),
                         locals={}, options=options)  # fmt: skip
        _cached(compiled, self.function).compile()
        return compiled

    @functools.cached_property
    def address(self):
        """Where the machine code starts."""
        return self.compiled.address


class _Announcer(event.Listener):
    """Says once, on stderr, why the first start takes long."""

    def __init__(self):
        self.started = None
        self.said = False

    def on_start(self, event):
        self.started = self.started or time.monotonic()

    def on_end(self, event):
        ours = event.data["dispatcher"].__module__.startswith(__package__)
        if ours and not self.said and time.monotonic() - self.started > 1:
            self.said = True
            print("autotensor: compiling kernels for this processor (kept for later starts)",
                  file=sys.stderr)  # fmt: skip


event.register("numba:compile", _Announcer())
