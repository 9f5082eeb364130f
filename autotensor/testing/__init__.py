"""Checks for one's own operations: of values, of gradients, and of gradients of gradients.

`autotensor.testing.strategies` draws inputs for them; it needs Hypothesis and is imported by name.
"""

from autotensor.testing.closeness import assert_close
from autotensor.testing.gradients import GradcheckError, gradcheck, gradgradcheck

__all__ = ["GradcheckError", "assert_close", "gradcheck", "gradgradcheck"]
