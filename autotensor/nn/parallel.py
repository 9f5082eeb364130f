"""``torch.nn.parallel``: models on several devices, of which there is one."""

from autotensor.nn.module import Module

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel", "gather", "scatter"]


class DataParallel(Module):
    """The ``module`` itself, under that name: ``state_dict`` keys begin with "module."."""

    def __init__(self, module, device_ids=None, output_device=None, dim=0):
        super().__init__()
        self.module = module

    def forward(self, *args, **kwargs):
        return self.module(*args, **kwargs)


class DistributedDataParallel(DataParallel):
    """As `DataParallel`: there is one process."""

    def __init__(self, module, device_ids=None, output_device=None, **kwargs):
        super().__init__(module)


def data_parallel(module, inputs, device_ids=None, output_device=None, dim=0, module_kwargs=None):
    """``module(*inputs)``."""
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    return module(*inputs, **(module_kwargs or {}))


def scatter(inputs, target_gpus, dim=0):
    """The inputs for the one device there is: a list of one."""
    return [inputs]


def gather(outputs, target_device, dim=0):
    """The outputs of the one device."""
    [output] = outputs
    return output
