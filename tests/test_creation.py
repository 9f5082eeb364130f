"""Making tensors: from data, filled, in ranges, at random."""

import numpy as np
import pytest

import autotensor as at


class TestFromData:
    @pytest.mark.parametrize(
        "data, dtype, shape",
        [
            (3, "int64", ()),
            (3.0, "float32", ()),
            (True, "bool", ()),
            ([1, 2], "int64", (2,)),
            ([1, 2.5], "float32", (2,)),
            ([True, False], "bool", (2,)),
            ([[1.0], [2.0]], "float32", (2, 1)),
            ([], "float32", (0,)),
            ([[], []], "float32", (2, 0)),
            ((1, 2), "int64", (2,)),
            (range(3), "int64", (3,)),
            (np.arange(3), "int64", (3,)),
            (np.ones(2), "float64", (2,)),
            (np.float64(2), "float64", ()),
            ([np.float64(2), 1], "float64", (2,)),
            (np.ones(2, np.float16), "float16", (2,)),
        ],
    )
    def test_dtype_follows_the_data(self, data, dtype, shape):
        made = at.tensor(data)
        assert made.dtype == dtype and made.shape == shape
        assert made.tolist() == np.asarray(data).tolist()

    def test_tensors_are_data(self):
        x = at.tensor([1.0, 2.0], dtype=at.float64, requires_grad=True)
        copied = at.tensor(x)
        assert copied.dtype == at.float64 and copied.is_leaf and not copied.requires_grad
        assert at.tensor([x[0], x[1]]).tolist() == [1, 2]
        assert at.tensor([[x], [x]]).shape == (2, 1, 2)

    def test_data_are_copied(self):
        array = np.ones(3)
        made = at.tensor(array)
        array[0] = 5
        assert made.tolist() == [1, 1, 1]

    def test_memory_is_shared_where_asked_for(self):
        array = np.ones(3, np.float32)
        for made in (at.from_numpy(array), at.as_tensor(array)):
            assert np.shares_memory(made.array, array)
        assert not np.shares_memory(at.as_tensor(array, dtype=at.float64).array, array)
        x = at.ones(2)
        assert at.as_tensor(x) is x and at.as_tensor([1, 2]).dtype == at.int64

    def test_options(self):
        made = at.tensor([1, 2], dtype=at.float32, requires_grad=True, device="cpu")
        assert made.dtype == at.float32 and made.requires_grad and made.is_leaf

    @pytest.mark.parametrize(
        "make, error, message",
        [
            (lambda: at.tensor([[1, 2], [3]]), ValueError, "nested sequences of equal lengths"),
            (lambda: at.tensor("a"), TypeError, "numbers or truth values"),
            (lambda: at.tensor(None), TypeError, "numbers or truth values"),
            (lambda: at.tensor({1: 2}), TypeError, "numbers or truth values"),
            (lambda: at.tensor([1, 2], requires_grad=True), RuntimeError, "only floating-point"),
            (lambda: at.tensor(1, device="cuda:0"), RuntimeError, "'cuda:0' is not available"),
            (lambda: at.tensor(1, dtype="what"), TypeError, "not a dtype: 'what'"),
            (lambda: at.from_numpy([1]), TypeError, "takes a NumPy array, not list"),
        ],
    )
    def test_what_cannot_be_a_tensor(self, make, error, message):
        with pytest.raises(error, match=message):
            make()


class TestFilled:
    @pytest.mark.parametrize("make, value", [(at.zeros, 0), (at.ones, 1)])
    def test_sizes_in_every_form(self, make, value):
        forms = [make(2, 3), make((2, 3)), make([2, 3]), make(size=(2, 3))]
        for made in forms:
            assert made.shape == (2, 3) and made.dtype == at.float32
            assert (made.array == value).all()
        assert make(()).shape == () and make(0, 3).shape == (0, 3)
        assert make(2, dtype=at.int32).dtype == at.int32
        assert make(2, requires_grad=True).requires_grad

    def test_full(self):
        assert at.full((2,), 3).dtype == at.int64
        assert at.full((2,), 3.0).dtype == at.float32
        assert at.full((2,), True).dtype == at.bool
        assert at.full((2,), 3, dtype=at.float64).tolist() == [3, 3]

    def test_like(self):
        x = at.zeros(2, 3, dtype=at.float64)
        for made in (at.zeros_like(x), at.ones_like(x), at.empty_like(x), at.full_like(x, 2.5)):
            assert made.shape == (2, 3) and made.dtype == at.float64
        assert at.ones_like(x, dtype=at.int32).dtype == at.int32
        assert at.full_like(x, 2.5).tolist() == [[2.5] * 3] * 2

    def test_like_keeps_the_memory_order(self):
        x = at.zeros(2, 3, 4).permute(0, 2, 1)
        assert at.zeros_like(x).stride() == x.stride()

    def test_new(self):
        x = at.zeros(2, dtype=at.float64)
        assert x.new_zeros(2, 3).dtype == x.new_tensor([1, 2]).dtype == at.float64
        assert x.new_full((2,), 3).tolist() == [3, 3]
        assert x.new_ones(2, dtype=at.int64).dtype == at.int64

    def test_wrong_sizes(self):
        with pytest.raises(RuntimeError, match="cannot be negative"):
            at.zeros(-1)
        with pytest.raises(TypeError):
            at.zeros(2.5)
        with pytest.raises(TypeError, match="unexpected keyword argument 'shape'"):
            at.zeros(shape=(2, 3))


class TestRanges:
    def test_arange(self):
        assert at.arange(4).tolist() == [0, 1, 2, 3] and at.arange(4).dtype == at.int64
        assert at.arange(1, 4).tolist() == [1, 2, 3]
        assert at.arange(4, 0, -2).tolist() == [4, 2]
        assert at.arange(0, 1, 0.25).dtype == at.float32
        assert at.arange(3.0).dtype == at.float32
        assert at.arange(3, dtype=at.float64).dtype == at.float64
        for wrong in ((0, 4, 0), (0, 4, -1), (4, 0)):
            with pytest.raises(RuntimeError, match="step must lead from start to end"):
                at.arange(*wrong)

    def test_linspace(self):
        assert at.linspace(0, 1, 5).tolist() == [0, 0.25, 0.5, 0.75, 1]
        assert at.linspace(0, 1, 0).shape == (0,)
        with pytest.raises(RuntimeError, match="must not be negative, got -1"):
            at.linspace(0, 1, -1)

    def test_eye(self):
        assert at.eye(2, 3).tolist() == [[1, 0, 0], [0, 1, 0]]
        assert at.eye(2, dtype=at.int64).dtype == at.int64


DRAWS = {
    "rand": lambda **named: at.rand(3, 4, **named),
    "randn": lambda **named: at.randn(3, 4, **named),
    "randint": lambda **named: at.randint(0, 1000, (3, 4), **named),
    "randperm": lambda **named: at.randperm(1000, **named),
    "normal": lambda **named: at.normal(0.0, 1.0, (3, 4), **named),
}
every = pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)


class TestRandom:
    @every
    def test_seeds_repeat(self, draw):
        at.manual_seed(3)
        first, second = draw().tolist(), draw().tolist()
        at.manual_seed(3)
        assert draw().tolist() == first != second

    @every
    def test_generators_are_independent(self, draw):
        own = at.Generator().manual_seed(5)
        at.manual_seed(1)
        expected = draw().tolist()
        at.manual_seed(1)
        first = draw(generator=own).tolist()
        assert draw().tolist() == expected
        assert draw(generator=at.Generator().manual_seed(5)).tolist() == first

    def test_state_of_a_generator(self):
        generator = at.Generator().manual_seed(7)
        assert generator.initial_seed() == 7
        state = generator.get_state()
        first = at.rand(3, generator=generator).tolist()
        generator.set_state(state)
        assert at.rand(3, generator=generator).tolist() == first
        assert generator.seed() == generator.initial_seed() != 7
        assert at.manual_seed(-1).initial_seed() == at.initial_seed() == 2**64 - 1

    def test_distributions(self):
        assert 0 <= at.rand(1000).min().item() <= at.rand(1000).max().item() < 1
        x = at.randn(10_000, dtype=at.float64)
        assert abs(x.mean().item()) < 0.05 and abs(x.std().item() - 1) < 0.05
        assert sorted(set(at.randint(2, 5, (500,)).tolist())) == [2, 3, 4]
        assert sorted(at.randperm(50).tolist()) == list(range(50))
        means = at.tensor([0.0, 100.0])
        assert at.normal(means, 0.1).round(decimals=-2).tolist() == [0, 100]

    def test_dtypes_and_shapes(self):
        assert at.rand(2).dtype == at.randn(2).dtype == at.float32
        assert at.rand(2, dtype=at.float16).dtype == at.float16
        assert at.rand(()).shape == () and at.randn((2, 0)).shape == (2, 0)
        assert at.randint(5, (2,)).dtype == at.int64
        assert at.randint(low=1, high=3, size=(4,), dtype=at.int32).dtype == at.int32
        assert at.randn(2, requires_grad=True).requires_grad
        assert at.rand_like(at.zeros(2, 3)).shape == at.randn_like(at.zeros(2, 3)).shape == (2, 3)

    def test_wrong_requests(self):
        with pytest.raises(RuntimeError, match="low 5, high 5"):
            at.randint(5, 5, (2,))
        with pytest.raises(RuntimeError, match="dtype int64 are not defined: use a float dtype"):
            at.rand(2, dtype=at.int64)
