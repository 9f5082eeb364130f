"""Nested tuples, lists and dicts taken apart into their leaves, and put together again.

A leaf is whatever is no tuple, list or dict. The skeleton of a tree is the tree with `LEAF` in the
place of each leaf: it keeps no leaf alive, and two trees are built alike if their skeletons are
equal.
"""

import copy

LEAF = "*"


def map_leaves(function, tree):
    """The tree with ``function(leaf)`` in the place of each leaf; named tuples keep their type."""
    if isinstance(tree, dict):
        mapped = copy.copy(tree)
        mapped.update({key: map_leaves(function, value) for key, value in tree.items()})
        return mapped
    if not isinstance(tree, (tuple, list)):
        return function(tree)
    parts = [map_leaves(function, part) for part in tree]
    return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)


def flatten(tree):
    """(leaves in order, skeleton)."""
    leaves = []

    def take(leaf):
        leaves.append(leaf)
        return LEAF

    skeleton = map_leaves(take, tree)  # first: it fills the list
    return leaves, skeleton


def unflatten(skeleton, leaves):
    """The tree of this skeleton with these leaves: the inverse of `flatten`."""
    leaves = iter(leaves)
    return map_leaves(lambda _: next(leaves), skeleton)
