"""Nested containers taken apart and put together."""

from collections import OrderedDict, defaultdict, namedtuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotensor.pytree import flatten, map_leaves, unflatten

Point = namedtuple("Point", "x y")
trees = st.recursive(
    st.integers() | st.none() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
)


@given(trees)
def test_there_and_back(tree):
    leaves, skeleton = flatten(tree)
    assert unflatten(skeleton, leaves) == tree
    assert flatten(skeleton)[1] == skeleton


def test_containers_keep_their_types():
    tree = [Point(1, (2,)), OrderedDict(b=3, a=4), defaultdict(list, c=5)]
    mapped = map_leaves(lambda n: n * 10, tree)
    assert mapped == [Point(10, (20,)), OrderedDict(b=30, a=40), {"c": 50}]
    assert [type(part) for part in mapped] == [Point, OrderedDict, defaultdict]
    assert flatten(tree)[0] == [1, 2, 3, 4, 5]
    assert tree[1]["b"] == 3


@pytest.mark.parametrize("other", [[1, 2], (1,), {"a": 1}, (1, (2,)), 1])
def test_skeletons_tell_trees_apart(other):
    assert flatten((1, 2))[1] != flatten(other)[1]
