"""Run a PyTorch program unchanged: ``python -m autotensor.torch script.py [arguments]``."""

import runpy
import sys
from pathlib import Path

from autotensor.torch import hook

USAGE = "usage: python -m autotensor.torch [-m module | script.py] [arguments]"


def main():
    """Run the program of the command line with autotensor in the place of PyTorch."""
    arguments = sys.argv[1:]
    as_module = arguments[:1] == ["-m"]
    if as_module:
        del arguments[0]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__ + "\n" + USAGE)
        raise SystemExit(0 if arguments else 2)
    program = arguments[0]
    if not as_module and not Path(program).is_file():
        raise SystemExit(f"there is no file {program}\n{USAGE}")
    hook.install()
    sys.excepthook = _explain
    sys.argv = arguments
    if as_module:
        sys.path.insert(0, "")
        runpy.run_module(program, run_name="__main__", alter_sys=True)
        return
    sys.path.insert(0, str(Path(program).resolve().parent))
    runpy.run_path(program, run_name="__main__")


def _explain(kind, error, traceback):
    """Print a traceback, and after a failed ``from torch import name`` what comes closest.

    Python's own message for that drops what the module's look-up said.
    """
    sys.__excepthook__(kind, error, traceback)
    name = getattr(error, "name", None)
    if kind is ImportError and name and hook.home(name) and "'" in str(error):
        wanted = str(error).split("'")[1]
        print(hook.missing(name, wanted, sys.modules[name]), file=sys.stderr)


if __name__ == "__main__":
    main()
