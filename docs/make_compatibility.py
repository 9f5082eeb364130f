"""Write compatibility.md: every public name of PyTorch, and what is here under it.

    python docs/make_compatibility.py           # compare torch_names.json with autotensor
    python docs/make_compatibility.py --names   # where PyTorch is installed: write that file anew

A name is "here" if autotensor has it and takes all of its arguments (as far as PyTorch's Python
signatures say), "differs" if an argument is missing or `differences` has a note, else "absent".
"""

import argparse
import importlib
import inspect
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = HERE / "torch_names.json"
NAMESPACES = [
    "torch", "torch.Tensor", "torch.nn", "torch.nn.Module", "torch.nn.functional", "torch.nn.init",
    "torch.nn.utils", "torch.nn.utils.rnn", "torch.optim", "torch.optim.lr_scheduler",
    "torch.utils.data", "torch.autograd", "torch.autograd.functional", "torch.func",
    "torch.linalg", "torch.fft", "torch.distributions", "torch.utils.checkpoint",
]  # fmt: skip
# What only other devices, compilers, quantised or internal code use.
_FOREIGN = ("_", "cudnn", "fbgemm", "mkldnn", "miopen", "quant", "sym_", "is_vulkan", "q_",
            "dequant", "fake_quantize", "fused_moving", "fork", "import_ir", "is_xla", "is_ipu",
            "is_maia", "is_mtia", "is_xpu", "to_mkldnn", "is_mkldnn", "choose_qparams",
            "get_file_path", "parse_", "merge_type", "wait", "vitals", "init_num")  # fmt: skip
_CLASSES = ("Tensor", "Generator", "Size")
_EXECUTION = {"self", "args", "kwargs", "_stacklevel", "device", "dtype", "out", "layout",
              "pin_memory", "requires_grad", "foreach", "fused", "capturable", "differentiable",
              "size_average", "reduce", "generator"}  # fmt: skip


def look_up(root, path):
    """The object at a dotted path below the module ``root``."""
    found = root
    for part in path.split(".")[1:]:
        found = getattr(found, part, None)
        if found is None:
            return None
    return found


def public_names(namespace):
    """The names a namespace of PyTorch offers to programs."""
    import torch

    module = look_up(torch, namespace)
    if module is None:
        module = importlib.import_module(namespace)
    names = getattr(module, "__all__", None)
    if inspect.isclass(module) or names is None:
        names = [name for name in dir(module) if not name.startswith("_")]
    kept = {}
    for name in sorted(set(names)):
        value = getattr(module, name, None)
        if name.startswith(_FOREIGN) or inspect.ismodule(value) or value is None:
            continue
        if namespace == "torch" and name[0].isupper() and not name.endswith(_CLASSES):
            continue  # of the compiler and its types
        kept[name] = parameters(value)
    return kept


def parameters(value):
    """The names of the arguments of a function or class, or None if Python does not know them."""
    try:
        return [p.name for p in inspect.signature(value).parameters.values()
                if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]  # fmt: skip
    except (TypeError, ValueError):
        return None


def status(value, wanted, note):
    """("here" | "differs" | "absent", how)."""
    if value is None:
        return "absent", ""
    if note:
        return "differs", note
    own = parameters(value)
    takes_any = own is not None and any(
        p.kind is p.VAR_KEYWORD for p in inspect.signature(value).parameters.values()
    )
    if wanted and own is not None and not takes_any:
        missing = [p for p in wanted if p not in own and p not in _EXECUTION]
        if missing:
            return "differs", "no argument " + ", ".join(f"`{p}`" for p in missing)
    return "here", ""


def page(names, notes):
    """The text of compatibility.md."""
    from autotensor.torch import hook

    hook.install()
    import torch  # autotensor, by the hook

    lines = [
        "# What of PyTorch is here",
        "",
        "Written by `python docs/make_compatibility.py` from the code: of every public name of",
        "PyTorch 2.13, whether it is in autotensor, imported as torch or served to a program.",
        'A name that "differs" is here, with the difference beside it.',
    ]
    counts = []
    sections = []
    for namespace, wanted in names.items():
        home = look_up(torch, namespace)
        by_status = {"here": [], "differs": [], "absent": []}
        for name, arguments in wanted.items():
            value = None if home is None else getattr(home, name, None)
            kind, how = status(value, arguments, notes.get(f"{namespace}.{name}"))
            by_status[kind].append(f"`{name}`" + (f" ({how})" if how else ""))
        counts.append((namespace, *(len(v) for v in by_status.values())))
        sections += ["", f"## {namespace}", ""]
        for kind, found in by_status.items():
            if found:
                glue = "; " if kind == "differs" else ", "
                sections += [f"**{kind.capitalize()}** ({len(found)}): {glue.join(found)}", ""]
        sections.pop()
    lines += ["", "| namespace | here | differs | absent |", "| --- | --- | --- | --- |"]
    lines += [f"| {name} | {a} | {b} | {c} |" for name, a, b, c in counts]
    return "\n".join([*lines, *sections]) + "\n"


def main():
    """Write the page, or the names it is made from."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--names", action="store_true", help="ask an installed PyTorch")
    if parser.parse_args().names:
        found = {namespace: public_names(namespace) for namespace in NAMESPACES}
        NAMES.write_text(json.dumps(found, indent=0) + "\n")
        return
    sys.path.insert(0, str(HERE.parent))
    notes = json.loads((HERE / "torch_differences.json").read_text())
    text = page(json.loads(NAMES.read_text()), notes)
    (HERE / "compatibility.md").write_text(text)


if __name__ == "__main__":
    main()
