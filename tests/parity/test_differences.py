"""Each deliberate difference is one still; what agrees with PyTorch by now leaves the list."""

import pytest

from parity.differences import DIFFERENCES
from parity.harness import compare


@pytest.mark.parametrize("source", DIFFERENCES)
def test_differs(source):
    with pytest.raises(AssertionError):
        compare(source)
