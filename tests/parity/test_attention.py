"""Attention, transformers and embeddings beside PyTorch's, with the same weights."""

import numpy as np
import pytest

import autotensor as at

torch = pytest.importorskip("torch")
RNG = np.random.default_rng(0)


def real(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def twins(make):
    """The module that ``make(nn)`` builds in both libraries, PyTorch's weights in both."""
    theirs, ours = make(torch.nn), make(at.nn)
    ours.load_state_dict({k: at.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    return ours.eval(), theirs.eval()


def both(array):
    if array is None:
        return None, None
    a, b = at.tensor(array), torch.tensor(array)
    if array.dtype == np.float32:
        a.requires_grad_(), b.requires_grad_()
    return a, b


def same(ours, theirs, **tolerance):
    if theirs is None:
        assert ours is None
        return
    tolerance = {"rtol": 2e-5, "atol": 2e-5} | tolerance
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), **tolerance)


def compared(make, arrays, call):
    """Values and all gradients of ``call(module, *inputs)``, which returns tensors."""
    modules, inputs = twins(make), [both(a) for a in arrays]
    outputs = []
    for side, module in enumerate(modules):
        found = call(module, *(pair[side] for pair in inputs))
        found = found if isinstance(found, tuple) else (found,)
        sum((y**2).sum() for y in found if y is not None).backward()
        outputs.append(found)
    for a, b in zip(*outputs, strict=True):
        same(a, b)
    for a, b in inputs:
        if a is not None and a.requires_grad:
            same(a.grad, b.grad, atol=1e-4, rtol=1e-4)
    theirs = dict(modules[1].named_parameters())
    for name, parameter in modules[0].named_parameters():
        same(parameter.grad, theirs[name].grad, atol=2e-4, rtol=2e-4)


FORBID = np.triu(np.ones((5, 5), bool), 1)
PADDING = np.array([[False] * 5, [False, False, False, True, True]])


@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize(
    ("options", "masks"),
    [
        ({}, {}),
        ({"batch_first": True}, {"attn_mask": FORBID}),
        ({}, {"attn_mask": np.where(FORBID, -1e9, 0).astype(np.float32)}),
        ({"batch_first": True}, {"key_padding_mask": PADDING}),
        ({"batch_first": True}, {"key_padding_mask": PADDING, "attn_mask": FORBID}),
        ({"batch_first": True, "add_zero_attn": True}, {"key_padding_mask": PADDING}),
        ({"add_bias_kv": True, "batch_first": True}, {"attn_mask": FORBID}),
        ({"bias": False}, {"attn_mask": np.repeat(FORBID[None], 6, 0)}),
    ],
)
def test_self_attention(options, masks, average):
    shape = (2, 5, 12) if options.get("batch_first") else (5, 2, 12)
    if not options.get("batch_first") and "attn_mask" in masks and masks["attn_mask"].ndim == 3:
        masks = {"attn_mask": masks["attn_mask"][:6]}

    def call(module, x):
        library = at if isinstance(module, at.nn.Module) else torch
        given = {name: library.tensor(mask) for name, mask in masks.items()}
        return module(x, x, x, average_attn_weights=average, **given)

    compared(lambda nn: nn.MultiheadAttention(12, 3, **options), [real(*shape)], call)


@pytest.mark.parametrize("need_weights", [True, False])
def test_attention_to_others_of_other_widths(need_weights):
    compared(
        lambda nn: nn.MultiheadAttention(8, 2, kdim=6, vdim=4),
        [real(3, 2, 8), real(5, 2, 6), real(5, 2, 4)],
        lambda module, *x: module(*x, need_weights=need_weights),
    )
    compared(
        lambda nn: nn.MultiheadAttention(8, 2),
        [real(3, 8), real(5, 8), real(5, 8)],
        lambda module, *x: module(*x, need_weights=need_weights),
    )


@pytest.mark.parametrize("options", [
    {}, {"norm_first": True, "activation": "gelu"}, {"batch_first": True, "bias": False},
])  # fmt: skip
@pytest.mark.filterwarnings("ignore:enable_nested_tensor:UserWarning")
def test_transformers(options):
    def call(module, src, tgt):
        library = at if isinstance(module, at.nn.Module) else torch
        mask = module.generate_square_subsequent_mask(4)
        padding = library.tensor(PADDING)
        return module(src, tgt, tgt_mask=mask, src_key_padding_mask=padding)

    shapes = [(2, 5, 8), (2, 4, 8)] if options.get("batch_first") else [(5, 2, 8), (4, 2, 8)]
    compared(
        lambda nn: nn.Transformer(8, 2, 2, 2, 16, 0.1, **options), [real(*s) for s in shapes], call
    )


def test_encoder():
    compared(
        lambda nn: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2, enable_nested_tensor=False
        ),
        [real(2, 5, 8)],
        lambda module, x: module(x),
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"is_causal": True},
        {"scale": 0.3},
        {"attn_mask": ~FORBID[:4]},
        {"attn_mask": real(2, 3, 4, 5)},
        {"attn_mask": np.arange(20).reshape(4, 5) > 4},
    ],
)
def test_scaled_dot_product_attention(options):
    pairs = [both(real(2, 3, 4, 6)), both(real(2, 3, 5, 6)), both(real(2, 3, 5, 7))]
    outputs = []
    for side, library in enumerate((at, torch)):
        given = {
            name: library.tensor(v) if isinstance(v, np.ndarray) else v
            for name, v in options.items()
        }
        attend = library.nn.functional.scaled_dot_product_attention
        outputs.append(attend(*(pair[side] for pair in pairs), **given))
        (outputs[-1] ** 2).sum().backward()
    same(*outputs)
    for a, b in pairs:
        same(a.grad, b.grad)


def test_grouped_queries():
    pairs = [both(real(2, 6, 4, 8)), both(real(2, 3, 5, 8)), both(real(2, 3, 5, 8))]
    outputs = []
    for side, library in enumerate((at, torch)):
        attend = library.nn.functional.scaled_dot_product_attention
        outputs.append(attend(*(pair[side] for pair in pairs), enable_gqa=True))
        (outputs[-1] ** 2).sum().backward()
    same(*outputs)
    for a, b in pairs:
        same(a.grad, b.grad)


@pytest.mark.parametrize("options", [
    {}, {"padding_idx": 1}, {"scale_grad_by_freq": True}, {"max_norm": 1.0}, {"padding_idx": -2},
])  # fmt: skip
def test_embedding(options):
    numbers = np.array([[1, 2, 1], [0, 4, 3]])

    def call(module, x):
        return module(x)

    compared(lambda nn: nn.Embedding(5, 3, **options), [numbers], call)


def test_square_masks_are_equal():
    ours = at.nn.Transformer.generate_square_subsequent_mask(4)
    same(ours, torch.nn.Transformer.generate_square_subsequent_mask(4))
