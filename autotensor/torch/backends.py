"""``torch.backends``: switches of libraries that are not there; they can be set, and do nothing."""

from types import SimpleNamespace


def _absent(**switches):
    return SimpleNamespace(is_available=lambda: False, is_built=lambda: False, **switches)


cuda = _absent(matmul=SimpleNamespace(allow_tf32=False))
cudnn = _absent(benchmark=False, deterministic=False, enabled=False, allow_tf32=False)
mps = _absent()
mkldnn = _absent(enabled=False)
