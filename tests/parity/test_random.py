"""Random expressions of operations, shapes and dtypes: values, dtypes and gradients."""

from hypothesis import given, settings
from hypothesis import strategies as st

from parity.harness import compare

UNARY = (
    *("t.sin({})", "t.tanh({})", "t.sigmoid({})", "t.exp({} * 0.3)", "{}.abs()", "-{}"),
    *("F.softplus({})", "F.gelu({})", "t.log1p({} * {})", "t.sqrt({} * {} + 0.5)", "{}.relu()"),
    *("{}.clamp(-0.7, 0.9)", "{}.square()", "{}.erf()", "F.silu({})", "t.atan({})", "{} / 2"),
    *("{} ** 2", "1 - {}", "{} * 1.5", "t.expm1({} * 0.2)", "t.logaddexp({}, {})"),
)
BINARY = (
    *("{} + {}", "{} - {}", "{} * {}", "t.maximum({}, {})", "t.minimum({}, {})"),
    *("{} / ({}.square() + 1)", "t.where({} > 0, {}, 0.5)", "t.atan2({}, {})", "t.hypot({}, {})"),
    *("t.lerp({}, {}, 0.3)", "t.add({}, {}, alpha=2)", "t.fmod({}, {}.abs() + 1)"),
)
# For matrices (3, 4) alone, giving what broadcasts to (3, 4): reductions, order, shape and so on.
SHAPED = (
    *("{}.sum(1, keepdim=True)", "{}.mean(0)", "{}.amax(1, keepdim=True)", "{}.std(0)"),
    *("{}.cumsum(1)", "{}.cumprod(0)", "{}.flip(0)", "{}.softmax(1)", "{}.log_softmax(0)"),
    *("{}.roll(1, 1)", "{}[[2, 0, 1]]", "{}[:, [3, 3, 0, 1]]", "{}.sort(1).values", "{} @ square"),
    *("{}.reshape(4, 3).t()", "t.cat([{}[:1], {}[1:]])", "{}.norm(dim=1, keepdim=True)"),
    *("{}.logsumexp(1, keepdim=True)", "{}.var(1, keepdim=True)", "{}.max(1, keepdim=True).values"),
    *("t.einsum('ij,ij->i', {}, {})[:, None]", "{}.prod(0)", "{}.gather(1, i.abs() % 4)"),
    *("{}.masked_fill(mask, 0.3)", "t.outer({}[:, 0], {}[0])", "{}.tril()", "{}.median(0).values"),
)
LEAVES = ("a", "b", "c", "s", "row", "column", "unit", "positive", "2", "0.5")
MATRICES = ("a", "b", "unit", "positive", "(a + c)", "(row * column)")


def _fill(form, parts):
    return form.format(*(part if part.isidentifier() else f"({part})" for part in parts))


@st.composite
def matrices(draw, depth=2):
    """Source of an expression of shape (3, 4)."""
    if depth == 0:
        return draw(st.sampled_from(MATRICES))
    kind = draw(st.integers(0, 2))
    part = draw(matrices(depth=depth - 1))
    if kind == 0:
        form = draw(st.sampled_from(UNARY))
        return _fill(form, [part] * form.count("{}"))
    form = draw(st.sampled_from(SHAPED if kind == 1 else BINARY))
    if kind == 1:
        return f"(({_fill(form, [part] * form.count('{}'))}) + {draw(st.sampled_from(MATRICES))})"
    others = [part, *(draw(matrices(depth=depth - 1)) for _ in range(form.count("{}") - 1))]
    return _fill(form, others)


@st.composite
def mixed(draw, depth=2):
    """Source of an expression of tensors of several shapes and dtypes, and numbers."""
    if depth == 0:
        return draw(st.sampled_from((*LEAVES, "i", "mask", "a.half()", "c.double()", "j.int()")))
    form = draw(st.sampled_from(("{} + {}", "{} * {}", "{} - ({} * 2)", "t.where(mask, {}, {})")))
    return _fill(form, [draw(mixed(depth=depth - 1)) for _ in range(2)])


@settings(max_examples=150, derandomize=True)
@given(source=matrices())
def test_expressions(source):
    compare(source)


@settings(max_examples=50, derandomize=True)
@given(source=matrices(depth=3))
def test_deeper_expressions(source):
    compare(source)


@settings(max_examples=150, derandomize=True)
@given(source=mixed(), floating=st.sampled_from(["float32", "float64"]))
def test_promotion(source, floating):
    compare(f"t.as_tensor({source}).float()" if "half" in source else source, floating)
