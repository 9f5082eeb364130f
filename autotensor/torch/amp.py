"""``torch.amp``: mixed precision, which pays on other devices. Here float32 stays float32."""

from contextlib import ContextDecorator


class autocast(ContextDecorator):
    """A ``with`` block or decorator that changes nothing."""

    def __init__(self, device_type="cpu", dtype=None, enabled=True, cache_enabled=None):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return False


class GradScaler:
    """Scales losses by 1: float32 needs no scaling."""

    def __init__(self, device="cpu", init_scale=1.0, growth_factor=2.0, backoff_factor=0.5,
                 growth_interval=2000, enabled=True):  # fmt: skip
        pass

    def scale(self, outputs):
        """``outputs`` as they are."""
        return outputs

    def unscale_(self, optimizer):
        """Nothing: gradients are not scaled."""

    def step(self, optimizer, *args, **kwargs):
        """``optimizer.step()``."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale=None):
        """Nothing: the scale stays 1."""

    def get_scale(self):
        """1.0."""
        return 1.0

    def is_enabled(self):
        """False."""
        return False

    def state_dict(self):
        """Empty."""
        return {}

    def load_state_dict(self, state_dict):
        """Nothing."""
