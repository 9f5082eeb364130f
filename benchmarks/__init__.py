"""Side-by-side timing against PyTorch: ``python -m benchmarks --help``."""
