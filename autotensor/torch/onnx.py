"""``torch.onnx``."""


def export(model, args, f, **kwargs):
    """RuntimeError: graphs cannot be exported."""
    raise RuntimeError(
        "onnx.export: autotensor does not write ONNX files; save the state_dict with "
        "torch.save, load it in PyTorch, and export it there"
    )
