"""Where autotensor departs from PyTorch on purpose: the reason, and programs that show it."""

BY_REASON = {
    "dtypes are NumPy's, which say `kind` and `itemsize`": """
t.float32.is_floating_point
t.int64.is_floating_point
""",
    "`x.shape` is a plain tuple, which costs half as much; `x.numel()` and `x.size()` count": """
a.shape.numel()
""",
    "a list of lists is an array of indices, as in NumPy, and not a tuple of lists": """
a[[[0, 1], [1, 2]]]
""",
    "pieces of a tensor may be written in place: the base follows": """
x = a.clone(); x.unbind(0)[0].zero_()
x = a.clone(); p, q = x.split(2, 1); q.mul_(2)
""",
    "`split` has one parameter name, the function's": """
a.split(split_size=2, dim=1)
""",
    "gradients that PyTorch lacks or refuses": """
t.floor_divide(a, positive)
a.clone().scatter_(0, index2, b)
F.binary_cross_entropy_with_logits(a, unit, pos_weight=channel)
""",
    "a value that a later one with the same index overwrites gets no gradient": """
a.index_put((index, index), c[:3])
""",
    "PyTorch's gradient of ldexp is 0 for negative integer exponents, which is wrong": """
t.ldexp(a, i)
""",
    "PyTorch's hardsigmoid has a gradient of single precision, of doubles, too": """
F.hardsigmoid(a * 3)
""",
    "reductions whose gradient does not hold where elements are 0": """
t.scatter(a, 0, index2, b, reduce="multiply")
t.scatter_reduce(a, 0, index2, b[:2], reduce="prod", include_self=False)
""",
    "the mean loss of no elements is an error that says so, not NaN": """
F.cross_entropy(a[:0], classes[:0])
F.mse_loss(a[:0], b[:0])
""",
    "softmax has no implicit dimension, which PyTorch deprecates": """
F.softmax(a)
F.softmax(cube)
""",
    "int32 class indices are taken as they are": """
F.cross_entropy(a, classes.int())
""",
    "one size is taken for a tuple of one": """
F.layer_norm(a, 4)
""",
    "the error says what is expected, and its class is the usual one for it": """
a["x"]
F.batch_norm(c, None, None, training=True)
filled(nn.LSTM(4, 3))(cube, t.ones(1, 3, 3))
data.TensorDataset(t.arange(3), t.arange(4))
""",
    "a loader makes batches; without any, iterate over the data set": """
list(data.DataLoader([1, 2, 3], batch_size=None))
""",
}

DIFFERENCES = {
    program: reason for reason, shown in BY_REASON.items() for program in shown.strip().splitlines()
}
