"""``torch.utils.tensorboard``: its writer, which writes nothing."""


class SummaryWriter:
    """Accepts what TensorBoard's writer does (``add_scalar`` and the like), and writes nothing."""

    def __init__(self, log_dir=None, *args, **kwargs):
        self.log_dir = log_dir

    def __getattr__(self, name):
        if not name.startswith("add_"):
            raise AttributeError(f"SummaryWriter has no attribute {name!r}")
        return lambda *args, **kwargs: None

    def get_logdir(self):
        """The folder that was asked for."""
        return self.log_dir

    def flush(self):
        """Nothing."""

    def close(self):
        """Nothing."""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass
