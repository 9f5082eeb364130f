"""Layers and losses beside PyTorch's: the same text, state, values and gradients."""

import warnings

import numpy as np
import pytest

import autotensor as at

torch = pytest.importorskip("torch")
RNG = np.random.default_rng(0)


def real(*shape, low=-2.0, high=2.0):
    return RNG.uniform(low, high, shape).astype(np.float32)


def ints(*values):
    return np.array(values)


def both(array):
    a, b = at.tensor(array), torch.tensor(array)
    if array.dtype == np.float32:
        a.requires_grad_(), b.requires_grad_()
    return a, b


def same(ours, theirs, **tolerance):
    tolerance = {"rtol": 2e-4, "atol": 2e-5} | tolerance
    a, b = ours.detach().numpy(), theirs.detach().numpy()
    assert a.dtype == b.dtype
    np.testing.assert_allclose(a, b, **tolerance)


def compared(calls, arrays):
    """Values of a call in both libraries, and gradients of a weighed sum of them."""
    inputs = [both(a) for a in arrays]
    results = []
    for side, call in enumerate(calls):
        found = call(*(pair[side] for pair in inputs))
        found = found if isinstance(found, tuple) else (found,)
        for y in found:
            if y.requires_grad:
                weights = np.cos(np.arange(y.numel())).reshape(tuple(y.shape))
                weights = (at, torch)[side].tensor(weights.astype(np.float32))
                y.backward(weights, retain_graph=True)
        results.append(found)
    for a, b in zip(*results, strict=True):
        same(a, b)
    for a, b in inputs:
        if b.requires_grad and a.grad is None:
            assert not b.grad.any()  # PyTorch gives zeros where nothing depends on it
        elif b.requires_grad:
            same(a.grad, b.grad)


def layer(make, *arrays, train=True):
    """A layer that ``make(nn)`` makes in both libraries, with PyTorch's weights in both."""
    theirs, ours = make(torch.nn).train(train), make(at.nn).train(train)
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    assert repr(ours) == repr(theirs)
    ours.load_state_dict({k: at.tensor(v.numpy()) for k, v in state.items()})
    compared((ours, theirs), arrays)
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert a.grad is not None, name
        same(a.grad, b.grad, rtol=1e-3, atol=1e-4)
    for a, b in zip(ours.buffers(), theirs.buffers(), strict=True):
        same(a, b)


SEQUENCE, IMAGE, VOLUME = real(2, 4, 7), real(2, 4, 5, 6), real(2, 4, 4, 5, 6)
LAYERS = [
    (lambda nn: nn.Conv3d(4, 6, 3), VOLUME),
    (lambda nn: nn.Conv3d(4, 6, (1, 2, 3), (2, 1, 2), (0, 1, 1), (1, 2, 1), 2, False), VOLUME),
    (lambda nn: nn.Conv3d(4, 2, (1, 3, 5), padding="same"), VOLUME),
    (lambda nn: nn.Conv3d(4, 2, 3, padding=1, padding_mode="reflect"), VOLUME),
    (lambda nn: nn.Conv3d(4, 2, 3), VOLUME[0]),
    (lambda nn: nn.ConvTranspose3d(4, 6, 3), VOLUME),
    (lambda nn: nn.ConvTranspose3d(4, 6, (1, 2, 3), (2, 1, 2), (0, 1, 1), (1, 0, 1), 2), VOLUME),
    (lambda nn: nn.ConvTranspose3d(4, 2, 2, dilation=2, bias=False), VOLUME),
    (lambda nn: nn.MaxPool3d(2), VOLUME),
    (lambda nn: nn.MaxPool3d((2, 3, 2), 2, (1, 1, 0), ceil_mode=True), VOLUME),
    (lambda nn: nn.MaxPool3d(2, 1, dilation=2, return_indices=True), VOLUME),
    (lambda nn: nn.AvgPool3d(2), VOLUME),
    (lambda nn: nn.AvgPool3d(3, 2, 1, ceil_mode=True), VOLUME),
    (lambda nn: nn.AvgPool3d(3, 2, 1, count_include_pad=False), VOLUME),
    (lambda nn: nn.AvgPool3d((1, 2, 3), divisor_override=5), VOLUME),
    (lambda nn: nn.AdaptiveAvgPool3d((2, None, 3)), VOLUME),
    (lambda nn: nn.AdaptiveMaxPool3d(3), VOLUME),
    (lambda nn: nn.AdaptiveMaxPool3d((2, 3, 4), return_indices=True), VOLUME),
    (lambda nn: nn.LPPool1d(2, 3), SEQUENCE),
    (lambda nn: nn.LPPool2d(3, 2, 1), IMAGE),
    (lambda nn: nn.LPPool3d(2, 2, ceil_mode=True), VOLUME),
    (lambda nn: nn.BatchNorm3d(4), VOLUME),
    (lambda nn: nn.InstanceNorm3d(4, affine=True, track_running_stats=True), VOLUME),
    (lambda nn: nn.RMSNorm(6), IMAGE),
    (lambda nn: nn.RMSNorm((5, 6), eps=1e-3, elementwise_affine=False), IMAGE),
    (lambda nn: nn.LocalResponseNorm(3, 0.1), IMAGE),
    (lambda nn: nn.LocalResponseNorm(2, 0.1, 0.5, 2.0), SEQUENCE),
    (lambda nn: nn.PixelShuffle(2), IMAGE),
    (lambda nn: nn.PixelUnshuffle(2), real(2, 3, 4, 6)),
    (lambda nn: nn.ChannelShuffle(2), IMAGE),
    (lambda nn: nn.Unfold(2), IMAGE),
    (lambda nn: nn.Unfold((2, 3), (2, 1), (1, 0), (1, 2)), IMAGE),
    (lambda nn: nn.Fold((5, 6), 2), real(2, 12, 20)),
    (lambda nn: nn.Fold((5, 6), (2, 3), (2, 1), 1, 2), real(2, 24, 9)),
    (lambda nn: nn.Upsample(scale_factor=2), IMAGE),
    (lambda nn: nn.Upsample(7, mode="linear"), SEQUENCE),
    (lambda nn: nn.Upsample(scale_factor=(1.5, 2), mode="bilinear"), IMAGE),
    (lambda nn: nn.Upsample((3, 9), mode="bilinear", align_corners=True), IMAGE),
    (lambda nn: nn.Upsample((3, 9), mode="bicubic", align_corners=False), IMAGE),
    (lambda nn: nn.Upsample(scale_factor=2, mode="trilinear"), VOLUME),
    (lambda nn: nn.UpsamplingNearest2d(scale_factor=2), IMAGE),
    (lambda nn: nn.UpsamplingBilinear2d((7, 9)), IMAGE),
    (lambda nn: nn.ZeroPad1d(1), SEQUENCE),
    (lambda nn: nn.ZeroPad2d((1, 0, 2, -1)), IMAGE),
    (lambda nn: nn.ZeroPad3d(1), VOLUME),
    (lambda nn: nn.ConstantPad1d(2, 1.5), SEQUENCE),
    (lambda nn: nn.ConstantPad2d(2, 1.5), IMAGE),
    (lambda nn: nn.ConstantPad3d((0, 1, 1, 0, 2, 1), 1.5), VOLUME),
    (lambda nn: nn.ReflectionPad1d((1, 2)), SEQUENCE),
    (lambda nn: nn.ReflectionPad2d(2), IMAGE),
    (lambda nn: nn.ReflectionPad3d(1), VOLUME),
    (lambda nn: nn.ReplicationPad1d(3), SEQUENCE),
    (lambda nn: nn.ReplicationPad2d((1, 2, 3, 0)), IMAGE),
    (lambda nn: nn.ReplicationPad3d(1), VOLUME),
    (lambda nn: nn.CircularPad1d(3), SEQUENCE),
    (lambda nn: nn.CircularPad2d(2), IMAGE),
    (lambda nn: nn.CircularPad3d(1), VOLUME),
    (lambda nn: nn.Softmax2d(), IMAGE),
    (lambda nn: nn.CosineSimilarity(), real(3, 4), real(3, 4)),
    (lambda nn: nn.PairwiseDistance(3.0, keepdim=True), real(3, 4), real(3, 4)),
    (lambda nn: nn.EmbeddingBag(5, 3), ints([1, 2, 2], [4, 0, 1])),
    (lambda nn: nn.EmbeddingBag(5, 3, mode="sum"), ints(1, 2, 2, 4), ints(0, 3, 3)),
    (lambda nn: nn.EmbeddingBag(5, 3, mode="max"), ints(1, 2, 2, 4), ints(0, 3, 3)),
    (lambda nn: nn.EmbeddingBag(5, 3, padding_idx=2), ints([1, 2, 2], [2, 2, 2])),
    (lambda nn: nn.EmbeddingBag(5, 3, mode="max", padding_idx=-3), ints([1, 2, 2], [4, 0, 1])),
    (
        lambda nn: nn.EmbeddingBag(5, 3, include_last_offset=True, norm_type=1.0),
        ints(1, 2, 2, 4),
        ints(0, 1, 4),
    ),
]


@pytest.mark.parametrize("case", LAYERS, ids=lambda case: type(case[0](at.nn)).__name__)
def test_layers(case):
    layer(*case)


@pytest.mark.parametrize(
    "make",
    [
        lambda nn: nn.RReLU(),
        lambda nn: nn.RReLU(0.1, 0.5, inplace=True),
        lambda nn: nn.Dropout3d(0.3),
        lambda nn: nn.AlphaDropout(0.3),
        lambda nn: nn.FeatureAlphaDropout(),
    ],
)
def test_random_layers_in_evaluation(make):
    assert repr(make(at.nn)) == repr(make(torch.nn))
    x = real(2, 3, 2, 4, 5)
    ours, theirs = (make(lib.nn).eval()(lib.tensor(x.copy()) * 1) for lib in (at, torch))
    same(ours, theirs)


def test_random_layers_in_training():
    at.manual_seed(0)
    x = at.randn(200, 300)
    y = at.nn.AlphaDropout(0.2)(x)
    assert abs(y.mean().item()) < 0.02 and abs(y.std().item() - 1) < 0.02
    _, counts = np.unique(y.numpy(), return_counts=True)
    assert abs(counts.max() / y.numel() - 0.2) < 0.01  # what is dropped has one value
    channels = at.nn.FeatureAlphaDropout(0.5)(at.randn(8, 16, 10)).numpy()
    constant = np.ptp(channels, axis=2) == 0
    assert 0.3 < constant.mean() < 0.7
    z = at.nn.RReLU(0.25, 0.75)(-at.ones(10_000))
    assert -0.75 <= z.min().item() <= z.max().item() <= -0.25
    assert abs(z.mean().item() + 0.5) < 0.01
    dropped = at.nn.Dropout3d(0.5)(at.ones(8, 16, 2, 3, 2)).numpy()
    assert set(np.unique(dropped)) == {0, 2} and not np.ptp(dropped, axis=(2, 3, 4)).any()
    sample = at.nn.functional.gumbel_softmax(at.zeros(10_000, 4), hard=True)
    np.testing.assert_allclose(sample.mean(0).numpy(), 0.25, atol=0.02)
    assert set(np.unique(sample.numpy().round(6))) == {0, 1}


def test_max_unpool_puts_back():
    for rank, shape in enumerate([(2, 3, 8), (2, 3, 6, 8), (1, 2, 4, 6, 4)], 1):

        def round_trip(nn, rank=rank):
            pool = getattr(nn, f"MaxPool{rank}d")(2, return_indices=True)
            unpool = getattr(nn, f"MaxUnpool{rank}d")(2)
            return lambda x: unpool(*pool(x))

        compared([round_trip(at.nn), round_trip(torch.nn)], [real(*shape)])
    unpool = at.nn.MaxUnpool2d(2)
    values, places = at.nn.MaxPool2d(2, return_indices=True)(at.randn(1, 1, 5, 5))
    assert unpool(values, places, output_size=(1, 1, 5, 5)).shape == (1, 1, 5, 5)
    with pytest.raises(ValueError, match="output_size"):
        unpool(values, places, output_size=(9, 9))
    with pytest.raises(RuntimeError, match="invalid max index"):
        unpool(values, places + 20)


LOSSES = [
    *((lambda nn, r=r: nn.TripletMarginLoss(reduction=r), *(real(5, 3) for _ in range(3)))
      for r in ("mean", "sum", "none")),
    (lambda nn: nn.TripletMarginLoss(2.0, 3, swap=True), *(real(5, 3) for _ in range(3))),
    (
        lambda nn: nn.TripletMarginWithDistanceLoss(
            distance_function=lambda x, y: 1 - nn.functional.cosine_similarity(x, y), margin=0.5
        ),
        *(real(5, 3) for _ in range(3)),
    ),
    *((lambda nn, r=r: nn.MultiLabelMarginLoss(reduction=r), real(2, 4),
       ints([3, 0, -1, 1], [-1, 2, 0, 1])) for r in ("mean", "none")),
    (lambda nn: nn.MultiLabelMarginLoss(), real(4), ints(3, 0, -1, 1)),
    (lambda nn: nn.MultiLabelSoftMarginLoss(), real(3, 4), real(3, 4, low=0, high=1).round()),
    (lambda nn: nn.MultiLabelSoftMarginLoss(reduction="none"), real(3, 4), np.ones((3, 4), "f4")),
    *((lambda nn, r=r: nn.MultiMarginLoss(reduction=r), real(3, 4), ints(1, 3, 0))
      for r in ("mean", "sum", "none")),
    (lambda nn: nn.MultiMarginLoss(2, 0.5), real(3, 4), ints(1, 3, 0)),
    (lambda nn: nn.MultiMarginLoss(), real(4), ints(3)),
    (lambda nn: nn.SoftMarginLoss(), real(3, 4), np.sign(real(3, 4))),
    (lambda nn: nn.PoissonNLLLoss(), real(3, 4), np.arange(12, dtype="f4").reshape(3, 4)),
    (lambda nn: nn.PoissonNLLLoss(False, True, reduction="none"), real(3, 4, low=0.1),
     np.arange(12, dtype="f4").reshape(3, 4)),
]  # fmt: skip


@pytest.mark.parametrize("case", LOSSES, ids=lambda case: type(case[0](at.nn)).__name__)
def test_losses(case):
    make, *arrays = case
    calls = [make(lib.nn) for lib in (at, torch)]
    if len(arrays) == 2 and arrays[1].dtype == np.float32:  # a target needs no gradient

        def with_target(lib, loss):
            return lambda x: loss(x, lib.tensor(arrays[1]))

        compared([with_target(*pair) for pair in zip((at, torch), calls, strict=True)], arrays[:1])
        return
    compared(calls, arrays)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("zero_infinity", [False, True])
def test_ctc(reduction, zero_infinity):
    targets = ints([1, 1, 2], [3, 2, 4], [2, 0, 0], [0, 0, 0])
    lengths, steps = ints(3, 2, 1, 0), ints(9, 8, 5, 3)
    if zero_infinity:
        steps = ints(3, 8, 5, 3)  # the repeated label of the first needs a blank between

    def call(lib):
        loss = lib.nn.CTCLoss(reduction=reduction, zero_infinity=zero_infinity)
        more = [lib.tensor(v) for v in (targets, steps, lengths)]
        return lambda x: loss(lib.nn.functional.log_softmax(x, -1), *more)

    compared([call(at), call(torch)], [real(9, 4, 5)])


def test_ctc_forms_and_errors():
    scores = real(6, 2, 4)
    F = at.nn.functional

    def call(lib):
        return lambda x: lib.nn.functional.ctc_loss(
            lib.nn.functional.log_softmax(x, -1), lib.tensor(ints(1, 2, 3)), (6, 6), (2, 1), blank=0
        )

    compared([call(at), call(torch)], [scores])
    compared(
        [lambda x, lib=lib: lib.nn.functional.ctc_loss(
            lib.nn.functional.log_softmax(x, -1), lib.tensor(ints(0, 2)),
            lib.tensor(6), lib.tensor(2), blank=3) for lib in (at, torch)],
        [scores[:, 0]],
    )  # fmt: skip
    x = at.tensor(scores).log_softmax(-1)
    impossible = F.ctc_loss(x[:2], at.tensor([[1, 1], [1, 2]]), (2, 2), (2, 2), reduction="none")
    assert impossible[0].item() == np.inf and np.isfinite(impossible[1].item())
    with pytest.raises(RuntimeError, match="blank"):
        F.ctc_loss(x, at.tensor([1, 2, 3]), (6, 6), (2, 1), blank=4)
    with pytest.raises(RuntimeError, match="target_lengths"):
        F.ctc_loss(x, at.tensor([1, 2]), (6, 6), (2, 1))
    with pytest.raises(RuntimeError, match="input_lengths"):
        F.ctc_loss(x, at.tensor([1, 2, 3]), (7, 6), (2, 1))


@pytest.mark.parametrize("size_average", [None, True, False])
@pytest.mark.parametrize("reduce", [None, True, False])
@pytest.mark.parametrize(
    "name", ["MSELoss", "BCELoss", "KLDivLoss", "SoftMarginLoss", "PoissonNLLLoss"]
)
def test_legacy_reduction(name, size_average, reduce):
    x, y = real(3, 4, low=0.1, high=0.9), real(3, 4, low=0.1, high=0.9)
    found = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for lib in (at, torch):
            loss = getattr(lib.nn, name)(size_average=size_average, reduce=reduce)
            found.append(loss(lib.tensor(x), lib.tensor(y)))
    same(*found)
    texts = {str(w.message) for w in caught if "will be deprecated" in str(w.message)}
    assert len(texts) == (size_average is not None or reduce is not None)


def test_losses_take_pytorch_s_arguments():
    x, classes, weight = real(3, 4), ints(1, 3, 0), real(4, low=0.5)
    for lib in (at, torch):
        F = lib.nn.functional
        t = [lib.tensor(v) for v in (x, classes, weight)]
        expected = F.cross_entropy(t[0], t[1], weight=t[2], ignore_index=3, reduction="sum")
        found = F.cross_entropy(t[0], t[1], t[2], None, 3, None, "sum")
        assert found.item() == expected.item()
        named = F.mse_loss(input=t[0], target=t[0] * 0, reduction="sum")
        assert named.item() == F.mse_loss(t[0], t[0] * 0, None, None, "sum").item()
        assert lib.nn.MSELoss(None, None, "sum")(t[0], t[0] * 0).item() == named.item()
        with pytest.raises(TypeError):
            F.mse_loss(t[0])


@pytest.mark.parametrize("size", [(3, 4), (7, 8), (5, 6), (10, 12), (1, 1), (13, 5)])
@pytest.mark.parametrize(
    "mode", ["nearest", "nearest-exact", "area", "bilinear", "bilinear+", "bicubic", "bicubic+"]
)
def test_interpolate_sizes(mode, size):
    options = {"align_corners": True} if mode[-1] == "+" else {}
    compared(
        [lambda x, lib=lib: lib.nn.functional.interpolate(x, size, mode=mode.rstrip("+"), **options)
         for lib in (at, torch)],
        [IMAGE],
    )  # fmt: skip


@pytest.mark.parametrize("factor", [0.5, 1.7, 3, (0.6, 2.3)])
@pytest.mark.parametrize("recompute", [None, True])
@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_interpolate_factors(mode, factor, recompute):
    compared(
        [lambda x, lib=lib: lib.nn.functional.interpolate(
            x, scale_factor=factor, mode=mode, recompute_scale_factor=recompute)
         for lib in (at, torch)],
        [IMAGE],
    )  # fmt: skip


def test_interpolate_errors():
    for lib in (at, torch):
        F, x = lib.nn.functional, lib.zeros(1, 1, 4, 4)
        with pytest.raises(ValueError, match="size or scale_factor should be defined"):
            F.interpolate(x)
        with pytest.raises(ValueError, match="size or scale_factor should be defined"):
            F.interpolate(x, 3, 2)
        with pytest.raises(ValueError, match="align_corners option"):
            F.interpolate(x, 3, mode="nearest", align_corners=True)
        with pytest.raises(NotImplementedError):
            F.interpolate(x, 3, mode="trilinear")


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_grids(mode, padding_mode, align_corners):
    def call(lib):
        F = lib.nn.functional

        def sampled(x, theta):
            grid = F.affine_grid(theta, (2, 4, 3, 7), align_corners)
            return F.grid_sample(x, grid, mode, padding_mode, align_corners)

        return sampled

    compared([call(at), call(torch)], [IMAGE, real(2, 2, 3, low=-1.5, high=1.5)])


@pytest.mark.parametrize("name", ["relu_", "elu_", "celu_", "selu_", "hardtanh_", "leaky_relu_"])
def test_in_place_functions(name):
    def call(lib):
        def written(x):
            y = x * 1
            assert getattr(lib.nn.functional, name)(y) is y
            return y

        return written

    compared([call(at), call(torch)], [real(3, 4)])


def test_bags_scale_gradients_by_frequency():
    # PyTorch 2.13 divides by the frequency of another number (its counts[indices[i]]).
    bag = at.nn.EmbeddingBag(5, 3, mode="sum", scale_grad_by_freq=True)
    bag(at.tensor([1, 2, 2, 4]), at.tensor([0, 1])).sum().backward()
    np.testing.assert_array_equal(bag.weight.grad.numpy()[:, 0], [0, 1, 1, 0, 1])


def test_distances():
    for p in (1.0, 2.0, 3.0, float("inf")):
        compared([lambda x, lib=lib, p=p: lib.nn.functional.pdist(x, p) for lib in (at, torch)],
                 [real(4, 3)])  # fmt: skip
