"""The graph: nodes, and the walk that propagates gradients through it.

A `Node` stands for the result of one operation. It points to the nodes of the operation's inputs,
never to tensors, so that the graph is acyclic and dies by reference count, and an intermediate
value that no gradient rule mentions dies during the forward pass.

Gradients are whatever the rules take and return: the walk leaves the arithmetic to their ``+``,
``fit(shape, dtype)``, ``own()``, ``clone()``, ``conj()``, ``accumulate(other)`` and ``add_``. One
that is ``partial`` is of a part, which ``spread()`` puts among zeros and others' ``accumulate``
adds in its place. One that is ``made`` is in memory that its rule made and nobody else knows.
"""

import itertools
from heapq import heappop, heappush

from autotensor.modes import recording

# Diagnosis that is on, the innermost last: told of every value that is recorded or made late, and
# in charge of using the rules of nodes (`autotensor.diagnosis.anomaly.Anomaly`).
observers = []

# One clock for nodes and for writes to memory: a node can then be told older or newer than a write.
tick = itertools.count(1).__next__


class Node:
    """The result of one operation in the graph: where its gradient goes next.

    ``edges`` holds a tuple ``(parents, rule, wants_output)`` for each gradient rule: ``parents`` is
    a node, or a tuple of nodes (None where no gradient is needed) for a joint rule. It is () for a
    leaf, and None once the rules have been used and freed.
    """

    __slots__ = ("__weakref__", "dtype", "edges", "order", "output", "shape", "watch")

    def __init__(self, shape, dtype, edges=(), output=None):
        self.order = tick()
        self.shape = shape
        self.dtype = dtype
        self.edges = edges
        self.output = output
        self.watch = None

    @property
    def name(self):
        """The operation's name: that of the function its rules were written in."""
        if self.edges is None:
            return "freed"
        return self.edges[0][1].__qualname__.split(".")[0].strip("_") if self.edges else "leaf"

    @property
    def next_functions(self):
        """The nodes this one hands gradients to, in PyTorch's form ``((node, 0), ...)``."""
        return tuple((node, 0) for edge in self.edges or () for node in _parents(edge))

    def watched(self):
        """What is asked about this node's gradient; made when first asked for."""
        if self.watch is None:
            self.watch = Watch()
        return self.watch

    def __repr__(self):
        return f"<{self.name} node of shape {tuple(self.shape)}>"


class Watch:
    """What is asked about one node's gradient: to keep it in ``grad``, to call hooks with it.

    ``after`` holds hooks without arguments, called when ``grad`` has been accumulated.
    """

    __slots__ = ("after", "grad", "hooks", "keep")

    def __init__(self):
        self.grad = None
        self.keep = False
        self.hooks = {}
        self.after = {}

    def accumulate(self, gradient, new, record):
        """Add to ``grad``; ``new`` says that nobody else has the memory of ``gradient``."""
        if gradient.dtype.kind == "c":  # users see the conjugate
            gradient, new = gradient.conj(), True
        if self.grad is None:
            self.grad = gradient if new else _own(gradient, record)
        elif record or self.grad.requires_grad:
            self.grad = self.grad + gradient
        else:
            self.grad.add_(gradient)
        for hook in list(self.after.values()):
            hook()


class Handle:
    """Takes a hook away again: ``remove()``, or the end of a ``with`` block."""

    __slots__ = ("_hooks", "key")

    def __init__(self, hooks, hook):
        self._hooks = hooks
        self.key = tick()
        hooks[self.key] = hook

    def remove(self):
        """Take the hook away; a second call does nothing."""
        self._hooks.pop(self.key, None)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.remove()


def _parents(edge):
    parents = edge[0]
    return [p for p in parents if p is not None] if type(parents) is tuple else (parents,)


class _Pending:
    """What nodes that the walk has yet to reach have been given so far."""

    __slots__ = ("gradients", "heap", "needed", "ours", "record")

    def __init__(self, needed, record):
        self.gradients = {}
        self.heap = []
        self.ours = set()  # whose gradient is in memory that the walk made: sums grow there
        self.needed = needed
        self.record = record

    def give(self, node, gradient):
        """Add ``gradient`` to what ``node`` has."""
        if self.needed is not None and node not in self.needed:
            return
        if node in self.gradients:
            self._add(node, gradient)
            return
        heappush(self.heap, (-node.order, node))
        if gradient.partial:
            self.gradients[node] = gradient.spread()
            self.ours.add(node)
            return
        gradient = gradient.fit(node.shape, node.dtype)
        if gradient.made:
            gradient = gradient.detach()
            self.ours.add(node)
        self.gradients[node] = gradient

    def _add(self, node, gradient):
        if not gradient.partial:
            gradient = gradient.fit(node.shape, node.dtype)
        if node in self.ours:
            self.gradients[node].accumulate(gradient)
        elif gradient.partial:
            self.ours.add(node)
            self.gradients[node] = self.gradients[node].own()
            self.gradients[node].accumulate(gradient)
        else:
            if not self.record:
                self.ours.add(node)
            self.gradients[node] = self.gradients[node] + gradient


def propagate(roots, gradients, inputs=None, *, retain=False, record=False, check=None, since=0):
    """Carry ``gradients`` from ``roots`` towards the leaves, youngest node first.

    Without ``inputs`` gradients accumulate at the leaves (and at nodes that keep theirs); with
    ``inputs`` (nodes) they are returned in a list, None where unreachable, and nothing is
    accumulated. The creation order is a topological order, so a heap replaces sorting and nothing
    recurses. ``retain`` keeps the rules for another walk, as are kept those that save nothing;
    ``record`` runs them with recording on; ``check(node)`` is called before a node's rules are
    used. With ``inputs`` and ``since`` the walk ends at nodes older than that, whose hooks and
    rules are left to the walk it is a part of.
    """
    needed = None if inputs is None else _leading_to(inputs, roots, since)
    wanted = frozenset(inputs or ())
    found = {}
    pending = _Pending(needed, record)
    for root, gradient in zip(roots, gradients, strict=True):
        pending.give(root, gradient)
    heap, waiting, ours = pending.heap, pending.gradients, pending.ours
    apply = observers[-1].apply if observers else apply_rules
    mode = recording.set(record)
    try:
        while heap:
            node = heappop(heap)[1]
            gradient = waiting.pop(node)
            if node.watch is not None and node.order >= since:
                if node.watch.hooks:
                    gradient = _hooked(node.watch, gradient, node in ours, record)
                    ours.discard(node)  # a hook may have kept it
                if node.watch.keep and inputs is None:
                    node.watch.accumulate(gradient, node in ours, record)
            if node in wanted:
                found[node] = gradient if node in ours else _own(gradient, record)
            if node.edges and (needed is None or needed[node]):
                if check is not None:
                    check(node)
                apply(node, gradient, pending.give)
                if not retain and _saves(node.edges):
                    node.edges = node.output = None
            elif node.edges is None and (needed is None or needed[node]):
                raise RuntimeError(
                    "backward through a graph a second time: its saved values were freed. "
                    "Pass retain_graph=True to the first backward() or grad()."
                )
    finally:
        recording.reset(mode)
    return None if inputs is None else [found.get(node) for node in inputs]


def apply_rules(node, gradient, give):
    """Use the rules of a node: give its inputs their share of its gradient."""
    for parents, rule, wants_output in node.edges:
        part = rule(gradient, node.output.attach(node)) if wants_output else rule(gradient)
        if parents.__class__ is not tuple:
            give(parents, part)
            continue
        for parent, share in zip(parents, part, strict=True):
            if parent is not None and share is not None:
                give(parent, share)


def _hooked(watch, gradient, is_ours, record):
    """The gradient after the hooks of its node, which may write to it or put another in place."""
    turned = gradient.dtype.kind == "c"  # users see the conjugate of a complex gradient
    if turned:
        gradient = gradient.conj()
    elif not is_ours:
        gradient = _own(gradient, record)
    for hook in list(watch.hooks.values()):
        replaced = hook(gradient)
        if replaced is not None:
            _check_replaced(replaced, gradient)
            gradient = replaced
    return gradient.conj() if turned else gradient


def _check_replaced(replaced, gradient):
    kinds = []
    for g in (replaced, gradient):
        if not hasattr(g, "fit"):
            raise TypeError(f"a hook returns None or a Tensor, not {type(g).__name__}")
        kinds.append((tuple(g.shape), str(g.dtype)))
    if kinds[0] != kinds[1]:
        raise RuntimeError(f"a hook has changed the gradient, {kinds[1]}, to {kinds[0]}")


_PLAIN = frozenset({int, float, bool, str, type(None), slice, type(...)})


def _saves(edges):
    """Whether rules hold values. If not, they serve again, as in PyTorch: sum, reshape, add ..."""
    for _, rule, wants_output in edges:
        if wants_output:
            return True
        for cell in rule.__closure__ or ():
            try:
                value = cell.cell_contents
            except ValueError:  # a name of the enclosing function that was never bound
                continue
            if value.__class__ is tuple:
                for part in value:
                    if part.__class__ not in _PLAIN:
                        return True
            elif value.__class__ not in _PLAIN:
                return True
    return False


def _own(gradient, record):
    """A copy that shares memory with nobody; with ``record`` one that can be differentiated."""
    return gradient.clone() if record else gradient.own()


def reach(roots, since):
    """All nodes that gradients of ``roots`` come to; beyond one older than ``since`` none."""
    seen, stack = set(), list(roots)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        yield node
        if node.order >= since:
            for edge in node.edges or ():
                stack.extend(_parents(edge))


def _leading_to(inputs, roots, since):
    """Map each node from which one of ``inputs`` is reachable to whether its rules must run."""
    since = since or min((node.order for node in inputs), default=0)
    needed = dict.fromkeys(inputs, False)
    below = [node for node in reach(roots, since) if node.order >= since]
    for node in sorted(below, key=lambda n: n.order):
        if node.edges is None and node not in needed:
            needed[node] = True  # freed: the walk will say so
        elif any(parent in needed for edge in node.edges or () for parent in _parents(edge)):
            needed[node] = True
    return needed
