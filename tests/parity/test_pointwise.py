"""Arithmetic, comparison and elementary functions, element by element."""

from parity.harness import table

test_arithmetic = table("""
t.add(a, b)
t.add(a, b, alpha=2)
t.add(input=a, other=b)
t.add(a, 2, alpha=3)
t.sub(a, b, alpha=0.5)
t.subtract(a, b)
t.mul(a, c)
t.multiply(a, column)
t.div(a, positive)
t.divide(a, 2)
t.true_divide(i, j)
t.div(a, positive, rounding_mode="floor")
t.div(a, positive, rounding_mode="trunc")
t.div(i, j, rounding_mode="floor")
t.div(i, j, rounding_mode="trunc")
t.floor_divide(i, j)
t.floor_divide(a, positive)
t.remainder(i, j)
t.remainder(a, positive)
t.remainder(-5, j)
t.fmod(i, j)
t.fmod(a, positive)
t.fmod(i, 3)
i // j
i % j
i / j
i // 2
-7 // j
-7 % j
7 / j
2 - a
2 ** a
a ** 3
positive ** b
positive ** 0.5
positive ** -1
i ** 2
j ** -1
t.pow(positive, b)
t.pow(2, a)
t.pow(a, 0)
t.pow(a * 0, 0)
t.pow(self=a, exponent=2)
t.pow(input=a, exponent=2)
t.float_power(positive, b)
t.float_power(i, 2)
t.square(a)
t.neg(a)
t.negative(a)
-mask
t.abs(a)
t.absolute(i)
t.sign(a)
t.sgn(a)
t.reciprocal(positive)
t.reciprocal(j)
a + mask
i + mask
mask + mask
mask - mask
mask * mask
byte + 100
byte + byte
byte - 7
byte * 2.5
int32 + 1
int32 + 1.5
int32 * t.tensor(2.5)
int32 + t.tensor(2 ** 40)
int32 + t.tensor([1, 2, 3])
i + t.tensor(1.5, dtype=t.float64)
a + t.tensor(1.5, dtype=t.float64)
a + t.tensor([1.5], dtype=t.float64)
a.half() + 1.5
a.half() * i
a + i
a * True
i + True
i / 2
i * 2.0
byte & 3
int32 | 4
int32 ^ 5
~int32
int32 << 2
int32 >> 1
a & b
t.lerp(a, b, 0.3)
t.lerp(a, b, unit)
t.lerp(a, b, weight=0.7)
a + t.zeros(2, 5)
a + "x"
""")

test_elementary = table("""
t.exp(a)
t.exp(i)
t.exp2(a)
t.expm1(a)
t.log(positive)
t.log(special)
t.log2(positive)
t.log10(positive)
t.log1p(positive)
t.sqrt(positive)
t.sqrt(special)
t.rsqrt(positive)
t.sin(a)
t.cos(a)
t.tan(a)
t.asin(unit)
t.arcsin(unit)
t.acos(unit)
t.arccos(unit)
t.atan(a)
t.arctan(a)
t.atan2(a, b)
t.arctan2(a, b)
t.atan2(i, j)
t.sinh(a)
t.cosh(a)
t.tanh(a)
t.asinh(a)
t.arcsinh(a)
t.acosh(positive + 1)
t.arccosh(positive + 1)
t.atanh(unit)
t.arctanh(unit)
t.sigmoid(a)
t.sigmoid(i)
t.erf(a)
t.erfc(a)
t.erfinv(unit)
t.erfinv(t.tensor([-1.0, 0.0, 1.0, 2.0]))
t.lgamma(positive)
t.digamma(positive)
t.logit(unit)
t.logit(unit, eps=0.2)
t.xlogy(a, positive)
t.xlogy(t.zeros(3), t.tensor([0.0, 1.0, 2.0]))
t.logaddexp(a, b)
t.logaddexp2(a, b)
t.logaddexp(special, special)
t.hypot(a, b)
t.sinc(a)
t.sinc(t.tensor([0.0, 1.0, 0.5]))
t.floor(a)
t.floor(i)
t.ceil(a)
t.trunc(a)
t.fix(a)
t.round(a)
t.round(a, decimals=1)
t.round(t.tensor([0.5, 1.5, 2.5, -0.5]))
t.frac(a)
t.copysign(a, b)
t.copysign(a, -1)
t.deg2rad(a)
t.rad2deg(a)
t.ldexp(a, i)
t.heaviside(t.tensor([-1.0, 0.0, 1.0]), t.tensor(0.5))
t.nan_to_num(special)
t.nan_to_num(special, nan=2.0, posinf=5.0)
t.nan_to_num(a)
t.clamp(a, -0.5, 0.5)
t.clamp(a, min=0)
t.clamp(a, max=b)
t.clamp(a, b, positive)
t.clamp(a, min=b, max=positive)
t.clamp(i, 1.5, 3)
t.clamp(a)
t.clip(a, -1, 1)
t.clamp(special, 0, 1)
t.maximum(a, b)
t.minimum(a, b)
t.maximum(a, a.detach())
t.maximum(special, t.zeros(2, 3, dtype=a.dtype))
t.fmax(a, b)
t.fmin(a, b)
t.fmax(special, t.zeros(2, 3, dtype=a.dtype))
t.where(mask, a, b)
t.where(mask, a, 0)
t.where(mask, 1.0, a)
t.where(mask, 1, 2)
t.where(mask)
t.where(condition=mask, input=a, other=b)
t.where(a > 0, a, a.exp())
a.where(mask, b)
t.where(mask, i, 0.5)
""")

test_comparison = table("""
t.eq(a, b)
a == a
a == 1
t.ne(i, j)
t.lt(a, b)
a < 0
t.le(input=i, other=j)
t.gt(a, b)
i > 1.5
t.ge(a, b)
t.greater(a, b)
t.greater_equal(a, b)
t.less(a, b)
t.less_equal(a, b)
t.not_equal(a, b)
special == special
t.isnan(special)
t.isinf(special)
t.isposinf(special)
t.isneginf(special)
t.isfinite(special)
t.isfinite(i)
t.isnan(i)
t.isclose(a, a + 1e-7)
t.isclose(special, special, equal_nan=True)
t.allclose(a, a + 1e-9)
t.allclose(a, b)
t.allclose(i, i)
t.equal(a, a)
t.equal(a, b)
t.equal(a, c)
t.logical_and(a, i)
t.logical_or(mask, i)
t.logical_xor(mask, i)
t.logical_not(i)
t.bitwise_and(i, j)
t.bitwise_or(i, 3)
t.bitwise_xor(i, j)
t.bitwise_not(mask)
t.bitwise_left_shift(j, 2)
t.bitwise_right_shift(j, 1)
mask & mask
mask | True
mask ^ mask
~mask
t.isin(i, j)
t.isin(i, t.tensor([1, 2, 3]))
t.is_tensor(a)
t.is_floating_point(a)
t.is_complex(a)
t.is_nonzero(s)
t.result_type(i, 1.5)
t.result_type(int32, i)
t.promote_types(t.int32, t.float16)
t.can_cast(t.float64, t.float32)
t.can_cast(t.float32, t.int32)
t.get_default_dtype()
t.numel(a)
a.numel()
a.nelement()
a.size()
a.size(-1)
a.size(dim=0)
a.shape.numel()
a.size().numel()
a.shape[1:]
a.dim()
a.ndim
a.ndimension()
a.is_floating_point()
i.is_floating_point()
a.element_size()
a.dtype
i.stride()
a.is_contiguous()
a.t().is_contiguous()
a.is_cuda
a.requires_grad
(a + 1).is_leaf
i.is_leaf
a.tolist()
s.item()
i.sum().item()
mask.any().item()
a.item()
len(a)
len(s)
bool(s)
bool(a)
float(s)
int(t.tensor(3))
i[0, 0].item() in [k.item() for k in i[0]]
1 in i
[x for x in c]
list(s)
a.type_as(i)
a.to(t.float16)
a.to(i.dtype)
i.to(a)
a.to("cpu")
a.to(device="cpu", dtype=t.float64)
a.double()
a.float()
a.long()
a.int()
a.bool()
a.byte()
a.half()
a.to(t.float32, copy=True)
a.numpy()
a.detach().numpy().shape
a.device.type
""")
