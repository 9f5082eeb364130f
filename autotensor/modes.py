"""Whether operations are recorded: a mode of each thread and context, and what sets it."""

import contextlib
import functools
from contextvars import ContextVar

recording = ContextVar("recording", default=True)
is_grad_enabled = recording.get


class _Mode(contextlib.ContextDecorator):
    """Sets the recording mode within a ``with`` block or, as a decorator, within each call."""

    mode = None

    def __new__(cls, function=None):
        """``@no_grad`` decorates as ``@no_grad()`` does."""
        made = super().__new__(cls)
        made._tokens = []  # one for each time it is entered and not yet left
        return made if function is None else made(function)

    def __enter__(self):
        self._tokens.append(recording.set(self.mode))
        return self

    def __exit__(self, *exc):
        recording.reset(self._tokens.pop())

    def _recreate_cm(self):
        return type(self)()

    def __call__(self, function):
        import inspect  # takes long to load, and few programs decorate

        if not inspect.isgeneratorfunction(function):
            return super().__call__(function)

        @functools.wraps(function)
        def generate(*args, **kwargs):
            # Between two items the caller's own mode must hold, so each step enters anew.
            generator, answer = function(*args, **kwargs), None
            while True:
                with self._recreate_cm():
                    try:
                        item = generator.send(answer)
                    except StopIteration as stop:
                        return stop.value
                answer = yield item

        return generate


class no_grad(_Mode):
    """Record nothing: results of operations do not require gradients. Also a decorator."""

    mode = False


class enable_grad(_Mode):
    """Record operations, also inside `no_grad`. Also a decorator."""

    mode = True


class set_grad_enabled(_Mode):
    """Record from now on or not, by a truth value; as a ``with`` block, until its end."""

    def __new__(cls, mode):
        return super().__new__(cls)

    def __init__(self, mode):
        self.mode = bool(mode)
        super().__enter__()

    def __enter__(self):
        return self

    def __call__(self, function):
        super().__exit__()  # a decorator acts within the calls alone
        return super().__call__(function)

    def _recreate_cm(self):
        return set_grad_enabled(self.mode)


_inference = ContextVar("inference", default=False)
is_inference_mode_enabled = _inference.get


class inference_mode(_Mode):
    """`no_grad` under the name by which PyTorch's programs mark evaluation; or not, if false."""

    def __new__(cls, mode=True):
        """``@inference_mode`` decorates as ``@inference_mode()`` does."""
        return super().__new__(cls, mode if callable(mode) else None)

    def __init__(self, mode=True):
        self.mode = not mode

    def __enter__(self):
        self._tokens.append(_inference.set(not self.mode))
        return super().__enter__()

    def __exit__(self, *exc):
        super().__exit__()
        _inference.reset(self._tokens.pop())

    def _recreate_cm(self):
        return inference_mode(not self.mode)
