"""autotensor beside PyTorch: ``python -m benchmarks --help``."""
