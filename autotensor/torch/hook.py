"""The import hook: ``import torch`` and ``import torchvision`` are served from autotensor."""

import difflib
import importlib
import importlib.abc
import importlib.util
import sys
from types import ModuleType

import autotensor

# PyTorch's modules, and where the names of each are; or of the modules below it, too, if "*".
_MODULES = {
    "torch": "autotensor",
    "torch.accelerator": "autotensor.torch.accelerator",
    "torch.amp": "autotensor.torch.amp",
    "torch.autograd": "autotensor.autograd",
    "torch.autograd.function": "autotensor.autograd",
    "torch.autograd.functional": "autotensor.autograd.functional",
    "torch.backends": "autotensor.torch.backends",
    "torch.cuda": "autotensor.torch.cuda",
    "torch.cuda.amp": "autotensor.torch.amp",
    "torch.distributed": "autotensor.torch.distributed",
    "torch.distributions": "autotensor.distributions",
    "torch.distributions.*": "autotensor.distributions",
    "torch.distributions.constraints": "autotensor.distributions.constraints",
    "torch.distributions.kl": "autotensor.distributions.kl",
    "torch.distributions.transforms": "autotensor.distributions.transforms",
    "torch.distributions.utils": "autotensor.distributions.utils",
    "torch.fft": "autotensor.fft",
    "torch.func": "autotensor.func",
    "torch.linalg": "autotensor.linalg",
    "torch.multiprocessing": "multiprocessing",
    "torch.nn": "autotensor.nn",
    "torch.nn.functional": "autotensor.nn.functional",
    "torch.nn.init": "autotensor.nn.init",
    "torch.nn.modules": "autotensor.nn",
    "torch.nn.modules.*": "autotensor.nn",
    "torch.nn.parallel": "autotensor.nn.parallel",
    "torch.nn.parameter": "autotensor.nn.parameter",
    "torch.nn.utils": "autotensor.nn.utils",
    "torch.nn.utils.clip_grad": "autotensor.nn.utils.clip_grad",
    "torch.nn.utils.convert_parameters": "autotensor.nn.utils.convert_parameters",
    "torch.nn.utils.parametrizations": "autotensor.nn.utils.parametrizations",
    "torch.nn.utils.parametrize": "autotensor.nn.utils.parametrize",
    "torch.nn.utils.rnn": "autotensor.nn.utils.rnn",
    "torch.onnx": "autotensor.torch.onnx",
    "torch.optim": "autotensor.optim",
    "torch.optim.*": "autotensor.optim",
    "torch.optim.lr_scheduler": "autotensor.optim.lr_scheduler",
    "torch.random": "autotensor.creation",
    "torch.serialization": "autotensor.io.checkpoint",
    "torch.sparse": "autotensor.sparse",
    "torch.testing": "autotensor.testing",
    "torch.utils": "autotensor.torch.utils",
    "torch.utils.checkpoint": "autotensor.checkpoint",
    "torch.utils.data": "autotensor.data",
    "torch.utils.data.*": "autotensor.data",
    "torch.utils.tensorboard": "autotensor.torch.tensorboard",
    "torchvision": "autotensor.vision",
    "torchvision.datasets": "autotensor.vision.datasets",
    "torchvision.io": "autotensor.vision.io",
    "torchvision.io.image": "autotensor.vision.io",
    "torchvision.models": "autotensor.vision.models",
    "torchvision.transforms": "autotensor.vision.transforms",
    "torchvision.transforms.functional": "autotensor.vision.functional",
    "torchvision.utils": "autotensor.vision.utils",
}
_ROOTS = ("torch", "torchvision")


def home(module):
    """The name of our module that serves PyTorch's ``module``, or None."""
    package, _, name = module.rpartition(".")
    # Names of modules are in small letters: torch.optim.SGD is a class, and no module of that name.
    return _MODULES.get(module) or (_MODULES.get(package + ".*") if name.islower() else None)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes a module for each of PyTorch's names, which takes its attributes from ours."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] not in _ROOTS:
            return None
        if home(fullname) is None:
            raise ModuleNotFoundError(
                f"autotensor has no {fullname}{_closest(fullname, _MODULES)}", name=fullname
            )
        return importlib.util.spec_from_loader(fullname, self, is_package=True)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        name = module.__name__
        source = importlib.import_module(home(name))
        if name == "torch":
            module.__version__ = autotensor.torch_version

        def look_up(attribute):
            if home(f"{name}.{attribute}") and f"{name}.{attribute}" in _MODULES:
                return importlib.import_module(f"{name}.{attribute}")
            if attribute.startswith("__") or not hasattr(source, attribute):
                raise AttributeError(missing(name, attribute, source))
            return getattr(source, attribute)

        module.__getattr__ = look_up
        module.__dir__ = lambda: dir(source)
        public = getattr(source, "__all__", None) or [n for n in dir(source) if n[0] != "_"]
        module.__all__ = list(public)


def missing(module, name, source):
    """The message for a name that ``module`` does not have: it, and what comes closest."""
    public = [n for n in dir(source) if not isinstance(getattr(source, n, None), ModuleType)]
    return f"autotensor has no {module}.{name}{_closest(name, public, module + '.')}"


def _closest(name, names, prefix=""):
    by_lower = {known.lower(): known for known in names if not known.startswith("_")}
    found = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)
    if not found:
        return ""
    return "; closest: " + ", ".join(prefix + by_lower[lower] for lower in found)


def install():
    """Let ``import torch`` and ``import torchvision`` mean autotensor from now on."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    loaded = [name for name in sys.modules if name.partition(".")[0] in _ROOTS]
    if loaded:
        raise RuntimeError(f"{loaded[0]} is already imported: install autotensor's hook before it")
    sys.meta_path.insert(0, _Finder())
