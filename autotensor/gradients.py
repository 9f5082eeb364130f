"""Asking for gradients: walks through the graph, and what they start from and bring back."""

import numpy as np

from autotensor.engine import propagate
from autotensor.memory import check_unwritten
from autotensor.modes import enable_grad
from autotensor.tensor import Tensor, conjugate, history, record

# Gradients at the edges of domains are infinities and NaN without a warning, as in PyTorch.
_walk = np.errstate(all="ignore")(propagate)


def _weights(weights, outputs):
    """One weight for each output, None by default."""
    if weights is None:
        return (None,) * len(outputs)
    return tuple(weights) if isinstance(weights, (tuple, list)) else (weights,)


def _roots(outputs, gradients):
    """Nodes and gradients to start from; a tensor of one element starts from one."""
    if len(outputs) != len(gradients):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(gradients)} gradients")
    roots, starts = [], []
    for number, (x, gradient) in enumerate(zip(outputs, gradients, strict=True)):
        node = history(x)
        if node is None:
            raise RuntimeError(
                f"element {number} of tensors does not require grad and does not have a grad_fn: "
                f"nothing it was made from requires gradients (or it was made under no_grad)"
            )
        if gradient is None:
            if x.array.size != 1:
                raise RuntimeError(
                    f"grad can be implicitly created only for scalar outputs, not for shape "
                    f"{x.shape}: reduce it (x.sum().backward()) or pass gradient"
                )
            if x.dtype.kind == "c":
                raise RuntimeError(
                    f"grad can be implicitly created only for real scalar outputs but got "
                    f"{x.dtype}: reduce it to a real number (x.abs()) or pass gradient"
                )
            gradient = Tensor(np.empty(x.shape, x.dtype))
            gradient.array.fill(1)  # a third of the time of np.ones
        elif not isinstance(gradient, Tensor):
            raise TypeError(
                f"gradients can be either Tensors or None, not {type(gradient).__name__}"
            )
        elif gradient.shape != x.shape:
            raise RuntimeError(f"gradient has shape {gradient.shape}, the output {x.shape}")
        roots.append(node)
        starts.append(conjugate(gradient))
    return roots, starts


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, inputs=None):
    """Accumulate gradients of ``tensors``, together, in ``grad`` of the leaves.

    A tensor or a sequence, weighed by ``grad_tensors``; otherwise as `Tensor.backward`.
    """
    tensors = (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)
    grad_tensors = _weights(grad_tensors, tensors)
    retain = create_graph if retain_graph is None else retain_graph
    roots, gradients = _roots(tensors, grad_tensors)
    walk = {"retain": retain, "record": create_graph, "check": check_unwritten}
    if inputs is None:
        _walk(roots, gradients, **walk)
        return
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    if not inputs:
        raise RuntimeError("backward: inputs cannot be empty; leave it out for all leaves")
    nodes = [x._tracked("backward(inputs=...)") for x in inputs]
    for node, found in zip(nodes, _walk(roots, gradients, nodes, **walk), strict=True):
        if found is not None:
            node.watched().accumulate(found, True, create_graph)


def grad(
    outputs,
    inputs,
    grad_outputs=None,
    retain_graph=None,
    create_graph=False,
    allow_unused=None,
    materialize_grads=False,
):
    """Gradients of ``outputs`` (weighed by ``grad_outputs``) with respect to ``inputs``.

    Tensors or sequences of them; returns a tuple, one gradient for each input. With
    ``create_graph`` the gradients can be differentiated again. An input that the outputs do not
    depend on raises RuntimeError, or gives None with ``allow_unused``, zeros with
    ``materialize_grads``.
    """
    outputs = (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    grad_outputs = _weights(grad_outputs, outputs)
    if not inputs:
        raise RuntimeError("grad: inputs cannot be empty")
    if materialize_grads and allow_unused is False:
        raise ValueError("grad: allow_unused=False contradicts materialize_grads=True")
    for x in inputs:
        if history(x) is None:
            raise RuntimeError("one of the inputs does not require a gradient: requires_grad_()")
    found = _walk(
        *_roots(outputs, grad_outputs),
        [x.node for x in inputs],
        retain=create_graph if retain_graph is None else retain_graph,
        record=create_graph,
        check=check_unwritten,
    )
    found = [conjugate(g) for g in found]
    if materialize_grads:
        pairs = zip(inputs, found, strict=True)
        found = [Tensor(np.zeros_like(x.array)) if g is None else g for x, g in pairs]
    elif not allow_unused and None in [g if g is None else 0 for g in found]:
        raise RuntimeError(
            "one of the inputs was not used to compute the outputs; pass allow_unused=True "
            "to get None for it"
        )
    return tuple(found)


def differentiate(formula, inputs, g):
    """Differentiable gradients of ``formula(*inputs)`` contracted with ``g``, one for each input.

    For the joint rule of a fused kernel when a gradient of the gradient is being recorded: the
    plain formula stands in for the kernel. None for inputs that need no gradient.
    """
    with enable_grad():
        # Aliases have nodes of their own, so that one input made from another is not counted twice.
        aliases = [
            record(x.array, (x, lambda g: g)) if isinstance(x, Tensor) else x for x in inputs
        ]
        wanted = [a for a in aliases if isinstance(a, Tensor) and a.node is not None]
        value = formula(*aliases)
        found = iter(grad(value, wanted, conjugate(g), create_graph=True, allow_unused=True))
        return tuple(
            conjugate(next(found)) if any(a is w for w in wanted) else None for a in aliases
        )


def _backward_from(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
    """Accumulate the gradient of this tensor in ``grad`` of the leaves it was made from.

    ``gradient`` weighs the elements; a tensor of one element needs none. The graph is freed
    unless ``retain_graph`` (by default: ``create_graph``). ``inputs`` limits which tensors get
    a gradient.
    """
    backward(self, gradient, retain_graph, create_graph, inputs)


Tensor.backward = _backward_from
Tensor.backward.__name__ = "backward"
