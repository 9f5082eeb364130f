"""Random programs of views, writes in place and gradients, run on tensors and on `jets` at once.

A program is a list of steps, each four integers: which kind, and which tensors and places of what
there is. A step that the library refuses with RuntimeError is not taken by the model either, so
that what an error leaves behind is checked by the steps after it.
"""

import copy

import numpy as np
from jets import SEEDS, Jet, Shown, cat, where


class Wrong(AssertionError):
    """The library gave another value or gradient than the model, without an error."""


def constant(shape, low=0.4):
    """Numbers that differ from element to element."""
    return low + np.cos(np.arange(int(np.prod(shape)), dtype=float)).reshape(shape) ** 2


def pattern(shape):
    """A mask that holds for about half the elements."""
    return (np.arange(int(np.prod(shape))).reshape(shape) * 5 % 7) < 3


class Run:
    """A program under way: pairs of a tensor of the library ``f`` and its `Shown` in ``pool``."""

    def __init__(self, f):
        self.f = f
        self.pool, self.leaves, self.seeds = [], [], 0
        self.refused, self.steps, self.recording = [], 0, True
        for shape in ((2, 2), (2,)):
            start = np.sin(1 + np.arange(float(np.prod(shape)))).reshape(shape)
            self._leaf(self.tensor(start), Shown.of(Jet(start), False))
        (x, of_x), (y, of_y) = self.pool
        self._put(x * 1.5, Shown.of(of_x.read() * 1.5, True))
        self._put(y.sum(), Shown.of(of_y.read().sum(), True))  # broadcasts to everything

    def tensor(self, array):
        return self.f.tensor(array, dtype=self.f.float64)

    def _leaf(self, tensor, shown):
        if self.seeds + shown.places.size > SEEDS or not shown.places.size:
            return
        tensor.requires_grad_()
        shown.seed(self.seeds)
        seeds = np.arange(self.seeds, self.seeds + shown.places.size).reshape(shown.places.shape)
        self.seeds += shown.places.size
        self.leaves.append([tensor, seeds, np.zeros(seeds.shape), shown])
        self._put(tensor, shown)

    def _put(self, tensor, shown):
        if all(tensor is not other for other, _ in self.pool):
            self.pool.append((tensor, shown))
        self.check(tensor, shown)

    def check(self, tensor, shown):
        """Raise `Wrong` unless a tensor has the values it should, and a history if it needs one."""
        actual = np.asarray(tensor.detach().numpy() if self.f.__name__ == "torch" else tensor.array)
        same(actual, shown.values, "value")
        if not tensor.requires_grad and np.any(np.nan_to_num(shown.read().g)):
            raise Wrong("untracked, though its derivatives are not zero")

    def pick(self, number):
        return self.pool[number % len(self.pool)]

    def target(self, number):
        """A pair to write to: seldom a leaf or a view of one, which is refused when recorded."""
        for place in range(len(self.pool)):
            pair = self.pick(number + place)
            roots = [leaf[3].history for leaf in self.active()]
            if number % 16 == 0 or all(pair[1].history is not root for root in roots):
                return pair
        return pair

    def partner(self, shape, number):
        """A pair whose shape broadcasts to ``shape``, looked for from place ``number`` on."""
        for place in range(len(self.pool)):
            pair = self.pick(number + place)
            try:
                if np.broadcast_shapes(pair[1].places.shape, shape) == shape:
                    return pair
            except ValueError:
                continue
        return self.tensor(0.7), Shown.of(Jet(0.7), False)

    def compute(self, function, *pairs):
        """A step without side effects: ``function(f, *operands)`` of both kinds of operands."""
        tensor = function(self.f, *(t for t, _ in pairs))
        jet = function(JETS, *(s.read() for _, s in pairs))
        tracked = self.recording and any(s.tracked for _, s in pairs)
        self._put(tensor, Shown.of(jet, tracked))

    def write(self, target, method, formula, *operands):
        """A step in place: ``method(f, tensor, ...)``, which does ``t = formula(f, t, ...)``."""
        tensor, shown = target
        method(self.f, tensor, *(t for t, _ in operands))
        pairs = [target, *operands]
        tracked = any(s.tracked for _, s in pairs)
        jet = formula(JETS, *(s.read() for _, s in pairs))
        shown.write(jet.expand(shown.places.shape), self.recording, tracked)
        self.check(tensor, shown)

    def take(self, step):
        """Take one step, unless the library refuses it."""
        kind, a, b, c = step
        self.steps += 1
        name, act = STEPS[kind % len(STEPS)]
        try:
            if c % 9 == 8 and name not in RECORDED:
                self.recording = False
                with self.f.no_grad():
                    act(self, a, b, c)
            else:
                act(self, a, b, c)
        except RuntimeError as error:
            self.refused.append((name, str(error)))
        finally:
            self.recording = True

    def finish(self):
        """Gradients of all that there is; how many were right, and how many raised."""
        right = raised = 0
        for tensor, shown in list(self.pool):
            try:
                self.check(tensor, shown)
                if not tensor.requires_grad:
                    continue
                found = self._gradients(tensor)
            except RuntimeError as error:
                raised += 1
                self.refused.append(("gradient", str(error)))
                continue
            weights = constant(shown.places.shape)
            slope = (shown.read() * weights).sum().g
            for g, (_, seeds, _, _) in zip(found, self.active(), strict=True):
                same(0.0 * seeds if g is None else g.detach().numpy(), slope[seeds], "gradient")
            right += 1
        return right, raised

    def active(self):
        return [leaf for leaf in self.leaves if leaf[0].requires_grad and leaf[0].is_leaf]

    def _gradients(self, tensor):
        with self.f.enable_grad():
            loss = (tensor * self.tensor(constant(tuple(tensor.shape)))).sum()
            leaves = [leaf[0] for leaf in self.active()]
            return self.f.autograd.grad(loss, leaves, allow_unused=True, retain_graph=True)


def same(actual, expected, what):
    """Raise `Wrong` unless two arrays agree to 1e-9."""
    scale = 1e-9 * max(1, np.abs(expected).max(initial=0))
    if actual.shape != np.shape(expected) or not (np.abs(actual - expected) <= scale).all():
        raise Wrong(f"{what}: {actual} instead of {expected}")


class JETS:
    """The functions of the library that programs call, on jets."""

    where, cat = staticmethod(where), staticmethod(cat)
    sin, tanh, sigmoid = Jet.sin, Jet.tanh, Jet.sigmoid


# Steps without side effects ----------------------------------------------------------------------


def _values(x):
    return x.v if isinstance(x, Jet) else np.asarray(x.detach().numpy())


def _mask(f, array):
    return array if f is JETS else f.tensor(array)


def _rows(f, x):
    """The last, the first and the last row."""
    index = np.array([-1, 0, -1]) % x.shape[0]
    return x.shown(lambda a: a[index]) if f is JETS else x[f.tensor(index)]


def _masked(f, x):
    mask = pattern(tuple(x.shape))
    return x.shown(lambda a: a[mask]) if f is JETS else x[f.tensor(mask)]


def _clamped(f, x):
    if f is not JETS:
        return x.clamp(-0.7, 0.6)
    inside = np.abs(x.v + 0.05) <= 0.65
    return where(inside, x, Jet(np.clip(x.v, -0.7, 0.6)))


def _relu(f, x):
    return where(x.v > 0, x, Jet(0 * x.v)) if f is JETS else x.relu()


def _square_root(f, x):
    """Of 1 + x^2, to try rules that use the output."""
    if f is not JETS:
        return (x * x + 1).sqrt()
    square = x * x + 1.0
    root = np.sqrt(square.v)
    return square._through(root, 0.5 / root, -0.25 / root**3)


UNARY = {
    "sin": lambda f, x: f.sin(x),
    "tanh": lambda f, x: f.tanh(x),
    "sigmoid": lambda f, x: f.sigmoid(x),
    "exp": lambda f, x: f.tanh(x).exp(),
    "sqrt": _square_root,
    "clone": lambda f, x: x * 1.0,
    "affine": lambda f, x: x * 0.7 + 0.2,
    "square": lambda f, x: f.tanh(x) * f.tanh(x),
    "sum": lambda f, x: x.sum(),
    "sum of rows": lambda f, x: x.sum(0) if len(x.shape) else x * 2.0,
    "mean-like": lambda f, x: x * 1.0 + x.sum() * 0.1,
    "cumsum": lambda f, x: x.cumsum(0) if len(x.shape) else x * 0.5,
    "clamp": _clamped,
    "relu": _relu,
    "rows": lambda f, x: _rows(f, x) if len(x.shape) and x.shape[0] else x * 1.0,
    "masked": lambda f, x: _masked(f, x) if len(x.shape) else x * 1.0,
    "branch": lambda f, x: f.sin(x) if _values(x).sum() > 0.1 else x * 0.3,
    "joined": lambda f, x: f.cat([x, f.sin(x)]) if len(x.shape) else x * 1.0,
}
BINARY = {
    "add": lambda f, x, y: x + y,
    "sub": lambda f, x, y: x - y,
    "mul": lambda f, x, y: f.tanh(x) * y,
    "raw mul": lambda f, x, y: x * y,
    "div": lambda f, x, y: x / (y * y + 1.5),
    "where": lambda f, x, y: f.where(_mask(f, pattern(tuple(x.shape))), x, y + x * 0.0),
}


def _unary(name):
    return lambda run, a, b, c: run.compute(UNARY[name], run.pick(a))


def _binary(name):
    def act(run, a, b, c):
        x = run.pick(a)
        run.compute(BINARY[name], x, run.partner(x[1].places.shape, b))

    return act


def _matmul(run, a, b, c):
    x, y = run.pick(a), run.pick(b)
    if len(x[1].places.shape) == 2 and x[1].places.shape == y[1].places.shape[::-1]:
        run.compute(lambda f, x, y: (f.tanh(x) @ y) * 0.5, x, y)


# Views -------------------------------------------------------------------------------------------


def _if_dims(count, view):
    return lambda x: view(x) if x.ndim >= count and 0 not in x.shape else x[...]


def _windows(x):
    """Pairs of rows, the two of a pair along the last dimension."""
    if not x.ndim or x.shape[0] < 2:
        return x[...]
    if isinstance(x, np.ndarray):
        pairs = [x[start : start + 2] for start in range(0, x.shape[0] - 1, 2)]
        return np.moveaxis(np.stack(pairs), 1, -1)
    return x.unfold(0, 2, 2)


VIEWS = {
    "row": _if_dims(1, lambda x: x[0]),
    "rest": _if_dims(1, lambda x: x[1:]),
    "but last": _if_dims(1, lambda x: x[:-1]),
    "every other": _if_dims(1, lambda x: x[..., ::2]),
    "column": _if_dims(2, lambda x: x[:, -1]),
    "all": lambda x: x[...],
    "new": lambda x: x[None],
    "transposed": _if_dims(2, lambda x: x.swapaxes(0, 1)),
    "diagonal": _if_dims(2, lambda x: x.diagonal()),
    "windows": _windows,
    "flat": lambda x: x.reshape(-1),
    "squeezed": lambda x: x.squeeze(),
}


def _view(name):
    def act(run, a, b, c):
        tensor, shown = run.pick(a)
        seen = VIEWS[name](tensor)
        if not np.shares_memory(_data(seen), _data(tensor)):
            if seen is not tensor and shown.places.size:  # reshape() has copied
                jet = shown.read().shown(VIEWS[name])
                run._put(seen, Shown.of(jet, run.recording and shown.tracked))
            return
        run._put(seen, shown.view(VIEWS[name], run.recording))

    return act


def _data(tensor):
    return tensor.array if hasattr(tensor, "array") else tensor.detach().numpy()


def _expand(run, a, b, c):
    tensor, shown = run.pick(a)
    shape = (2, *shown.places.shape)
    run._put(tensor.expand(shape), shown.view(lambda x: np.broadcast_to(x, shape), run.recording))


def _detach(run, a, b, c):
    tensor, shown = run.pick(a)
    run._put(tensor.data if c % 2 else tensor.detach(), shown.detached())


def _deepcopy(run, a, b, c):
    tensor, shown = run.pick(a)
    if not tensor.is_leaf:
        return
    if tensor.requires_grad:
        if run.seeds + shown.places.size > SEEDS:
            return
        twin = copy.deepcopy(tensor)
        model = Shown.of(Jet(shown.values), False)
        twin.requires_grad_(False)
        run._leaf(twin, model)
    else:
        run._put(copy.deepcopy(tensor), Shown.of(Jet(shown.values), False))


# Writes in place ---------------------------------------------------------------------------------
# Of one operand: the method, and what it makes of t.

IN_PLACE = {
    "sin_": (lambda f, t: t.sin_(), lambda f, t: f.sin(t)),
    "tanh_": (lambda f, t: t.tanh_(), lambda f, t: f.tanh(t)),
    "mul_": (lambda f, t: t.mul_(0.6), lambda f, t: t * 0.6),
    "/=": (lambda f, t: t.__itruediv__(1.25), lambda f, t: t * 0.8),
    "zero_": (lambda f, t: t.zero_(), lambda f, t: Jet(0 * t.v)),
    "fill_": (lambda f, t: t.fill_(0.3), lambda f, t: Jet(0 * t.v + 0.3)),
    "clamp_": (lambda f, t: t.clamp_(min=-0.7, max=0.6), lambda f, t: _clamped(f, t)),
    "relu_": (lambda f, t: t.relu_(), _relu),
    "masked_fill_": (
        lambda f, t: t.masked_fill_(f.tensor(pattern(tuple(t.shape))), 0.25),
        lambda f, t: where(pattern(t.shape), Jet(0 * t.v + 0.25), t),
    ),
    "cumsum_": (lambda f, t: t.cumsum_(-1), lambda f, t: t.cumsum(t.v.ndim - 1) if t.v.ndim else t),
    "pow_": (lambda f, t: t.pow_(2), lambda f, t: t * t),
    "own": (lambda f, t: t.mul_(t), lambda f, t: t * t),
}
# With an operand u that broadcasts to t.
IN_PLACE_TWO = {
    "add_": (lambda f, t, u: t.add_(u), lambda f, t, u: t + u),
    "add_ alpha": (lambda f, t, u: t.add_(u, alpha=-0.5), lambda f, t, u: t - u * 0.5),
    "+=": (lambda f, t, u: t.__iadd__(u), lambda f, t, u: t + u),
    "-=": (lambda f, t, u: t.__isub__(u), lambda f, t, u: t - u),
    "*=": (lambda f, t, u: t.__imul__(u), lambda f, t, u: t * u),
    "copy_": (lambda f, t, u: t.copy_(u), lambda f, t, u: u),
    "lerp_": (lambda f, t, u: t.lerp_(u, 0.3), lambda f, t, u: t * 0.7 + u * 0.3),
    "addcmul_": (
        lambda f, t, u: t.addcmul_(u, t.detach(), value=0.5),
        lambda f, t, u: t + u * Jet(t.v) * 0.5,
    ),
    "t[mask] = u": (lambda f, t, u: _set_mask(f, t, u), lambda f, t, u: _with_mask(t, u)),
    "scatter": (lambda f, t, u: t.masked_scatter_(f.tensor(pattern(tuple(t.shape))),
                                                  (u + t * 0).contiguous()),
                lambda f, t, u: _scattered(t, u)),
}  # fmt: skip


def _set_mask(f, t, u):
    mask = pattern(tuple(t.shape))
    t[f.tensor(mask)] = (u + t.detach() * 0)[f.tensor(mask)]


def _with_mask(t, u):
    return where(pattern(t.shape), u.expand(t.shape), t)


def _scattered(t, u):
    """The first elements of ``u`` where the pattern holds."""
    mask, source = pattern(t.shape), (u + t * 0.0)
    order = np.arange(t.v.size).reshape(t.shape)
    order[mask] = np.arange(int(mask.sum()))
    return where(mask, source.moved(order), t)


def _in_place(name):
    method, formula = IN_PLACE[name]
    return lambda run, a, b, c: run.write(run.target(a), method, formula)


def _in_place_two(name):
    method, formula = IN_PLACE_TWO[name]

    def act(run, a, b, c):
        target = run.target(a)
        run.write(target, method, formula, run.partner(target[1].places.shape, b))

    return act


def _assign(name, method):
    """``t[part] = value``, or augmented, where ``part`` is one of the views."""

    def act(run, a, b, c):
        tensor, shown = run.target(a)
        part = shown.view(PARTS[name][0], True)
        value, model = run.partner(part.places.shape, b)
        tracked = shown.tracked or model.tracked
        method(tensor, PARTS[name][1], value)
        jet = model.read().expand(part.places.shape)
        if method is _augment:
            jet = part.read() + jet
        part.write(jet, run.recording, tracked)
        run.check(tensor, shown)

    return act


def _set(tensor, index, value):
    tensor[index] = value


def _augment(tensor, index, value):
    tensor[index] += value


PARTS = {
    "0": (lambda x: x[0], 0),
    "1:": (lambda x: x[1:], slice(1, None)),
    ":-1": (lambda x: x[:-1], slice(None, -1)),
    "..., 0": (lambda x: x[..., 0], (Ellipsis, 0)),
    "[-1, 0]": (lambda x: x[[-1, 0]], [-1, 0]),
    "None, ..., :1": (lambda x: x[None, ..., :1], (None, Ellipsis, slice(1))),
}


def _parts(name):
    """Only for tensors that have the part; of several rows of one element the last counts."""

    def limited(method):
        act = _assign(name, method)

        def step(run, a, b, c):
            shape = run.target(a)[1].places.shape
            if shape and shape[0] > 1 and shape[-1]:
                act(run, a, b, c)

        return step

    return limited


def _outside(run, a, b, c):
    """A write that the graph does not see: through an alias, or without recording."""
    tensor, shown = run.pick(a)
    tensor.data.mul_(0.9)
    shown.memory[shown.places] = shown.values * 0.9
    run.check(tensor, shown)


def _reshaped(name, view):
    def act(run, a, b, c):
        tensor, shown = run.target(a)
        if name == "t_" and len(shown.places.shape) > 2:
            return
        getattr(tensor, name)(*((0,) if name == "unsqueeze_" else ()))
        shown.places = view(shown.places)
        if shown.own is not None:
            shown.own = (shown.own[0], shown.own[1].shown(view), shown.own[2])
        run.check(tensor, shown)

    return act


# Leaves, hooks, gradients ------------------------------------------------------------------------


def _require(run, a, b, c):
    tensor, shown = run.pick(a)
    if not tensor.requires_grad:
        run._leaf(tensor, shown)


def _release(run, a, b, c):
    tensor, shown = run.pick(a)
    if tensor.requires_grad and tensor.is_leaf and not shown.is_view and len(run.active()) > 1:
        tensor.requires_grad_(False)
        shown.forget()
        run.leaves = [leaf for leaf in run.leaves if leaf[0] is not tensor]


def _forget(run, a, b, c):
    tensor, shown = run.target(a)
    if tensor.is_leaf:
        return
    tensor.detach_()
    shown.forget()


def _hook(run, a, b, c):
    tensor, shown = run.pick(a)
    if not (shown.tracked and tensor.requires_grad):
        return
    y = tensor * 1.0
    if c % 2:
        y.register_hook(lambda g: g * 2)
    else:
        y.register_hook(_double)
    run._put(y, Shown.of((shown.read() * 1.0).scaled(2.0), True))


def _double(g):
    g.mul_(2)


def _backward(run, a, b, c):
    tensor, shown = run.pick(a)
    if not tensor.requires_grad or not shown.places.size:
        return
    loss = (tensor * run.tensor(constant(shown.places.shape))).sum()
    slope = (shown.read() * constant(shown.places.shape)).sum().g
    if c % 2:
        leaves = run.active()
        found = run.f.autograd.grad(
            loss, [leaf[0] for leaf in leaves], retain_graph=c % 4 > 0, allow_unused=True
        )
        for g, (_, seeds, _, _) in zip(found, leaves, strict=True):
            same(0.0 * seeds if g is None else _values(g), slope[seeds], "grad()")
        return
    try:
        loss.backward(retain_graph=c % 4 > 0)
    except RuntimeError:
        # What was added before the error stays; later gradients add to it.
        for leaf in run.active():
            leaf[0].grad = None
            leaf[2][...] = 0
        raise
    for leaf in run.active():
        leaf[2][...] += slope[leaf[1]]
        grad = leaf[0].grad
        same(0 * leaf[2] if grad is None else _values(grad), leaf[2], "backward()")


def _second(run, a, b, c):
    """A gradient that can be differentiated again joins the pool."""
    tensor, shown = run.pick(a)
    leaf, seeds, _, _ = run.active()[b % len(run.active())]
    if not tensor.requires_grad or not shown.places.size:
        return
    jet = (shown.read() * constant(shown.places.shape)).sum()
    if np.isnan(jet.h).any():
        return
    (g,) = run.f.autograd.grad(
        (tensor * run.tensor(constant(shown.places.shape))).sum(),
        leaf,
        create_graph=True,
        allow_unused=True,
    )
    if g is None:
        same(0.0 * seeds, jet.g[seeds], "grad(create_graph=True)")
        return
    unknown = np.full((*seeds.shape, SEEDS, SEEDS), np.nan)
    slope = Jet(jet.g[seeds], jet.h[seeds], unknown)
    if not g.requires_grad:
        same(0 * slope.g, slope.g, "second derivative")
    run._put(g, Shown.of(slope, g.requires_grad))


STEPS = [
    *((name, _unary(name)) for name in UNARY),
    *((name, _binary(name)) for name in BINARY),
    ("matmul", _matmul),
    *((name, _view(name)) for name in VIEWS),
    ("expand", _expand),
    ("detach", _detach),
    ("deepcopy", _deepcopy),
    *((name, _in_place(name)) for name in IN_PLACE),
    *((name, _in_place_two(name)) for name in IN_PLACE_TWO),
    *((f"t[{name}] = u", _parts(name)(_set)) for name in PARTS),
    *((f"t[{name}] += u", _parts(name)(_augment)) for name in PARTS),
    ("data", _outside),
    ("t_", _reshaped("t_", lambda x: x.T)),
    ("unsqueeze_", _reshaped("unsqueeze_", lambda x: x[None])),
    ("squeeze_", _reshaped("squeeze_", lambda x: x.squeeze())),
    ("requires_grad_", _require),
    ("requires_grad_(False)", _release),
    ("detach_", _forget),
    ("hook", _hook),
    ("backward", _backward),
    ("backward", _backward),
    ("second", _second),
]


RECORDED = ("backward", "second", "hook", "t_", "unsqueeze_", "squeeze_")  # not under no_grad


def execute(program, f):
    """Run a program; the run, and how many gradients were right and raised at its end."""
    run = Run(f)
    for step in program:
        run.take(step)
        if any(np.max(np.abs(s.values), initial=0) > 1e4 for _, s in run.pool):
            break  # too large to compare
    right, raised = run.finish()
    return run, right, raised


def seeded(seed, length=12):
    """The program of a seed."""
    random = np.random.default_rng(seed)
    steps = random.integers(
        0, (len(STEPS), 1 << 16, 1 << 16, 1 << 16), (random.integers(1, length + 1), 4)
    )
    return steps.tolist()
