"""The networks that are measured, written once: ``nn`` is autotensor's or PyTorch's."""

from collections import OrderedDict


def network_a(nn):
    """That of examples/cifar_cam.py up to its scores: (N, 3, 32, 32) -> (N, 10)."""
    layers = OrderedDict()
    channels = 3
    for scale, width in enumerate((32, 64, 128), 1):
        for k in (2 * scale - 1, 2 * scale):
            layers[f"conv {k}"] = nn.Conv2d(channels, width, 3, padding=1)
            norm = nn.BatchNorm2d(width, eps=1e-3, momentum=0.01)
            layers[f"norm + relu {k}"] = nn.Sequential(norm, nn.ReLU())
            channels = width
        if scale < 3:
            layers[f"pool {scale}"] = nn.MaxPool2d(2)
    layers["class maps"] = nn.Conv2d(channels, 10, 1)
    layers["mean"] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(layers)


def perceptron(nn):
    """One dense layer and a sigmoid: (N, 784) -> (N, 10)."""
    return nn.Sequential(nn.Linear(784, 10), nn.Sigmoid())


def mlp(nn):
    """Three dense layers: 784 -> 512 -> 512 -> 10."""
    first, second = nn.Linear(784, 512), nn.Linear(512, 512)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Linear(512, 10))


def _conv_norm_relu(nn, channels, width, kernel, **geometry):
    conv = nn.Conv2d(channels, width, kernel, bias=False, **geometry)
    return [conv, nn.BatchNorm2d(width), nn.ReLU()]


def separable(nn):
    """Depthwise and 1x1 convolutions in turns, 32 to 256 channels: (N, 3, 32, 32) -> (N, 10)."""
    layers = _conv_norm_relu(nn, 3, 32, 3, padding=1)
    channels = 32
    for width, stride in ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1)):
        geometry = {"stride": stride, "padding": 1, "groups": channels}
        layers += _conv_norm_relu(nn, channels, channels, 3, **geometry)
        layers += _conv_norm_relu(nn, channels, width, 1)
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10))


def lstm(nn):
    """An LSTM over the rows of an image, and a dense layer: (N, 28, 28) -> (N, 10)."""

    class Rows(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(28, 128, batch_first=True)
            self.scores = nn.Linear(128, 10)

        def forward(self, x):
            return self.scores(self.lstm(x)[0][:, -1])

    return Rows()


def resnet18(nn):
    """ResNet-18 in its form for CIFAR (He et al. 2016): (N, 3, 32, 32) -> (N, 10)."""

    class Block(nn.Module):
        def __init__(self, channels, width, stride):
            super().__init__()
            first = _conv_norm_relu(nn, channels, width, 3, stride=stride, padding=1)
            second = _conv_norm_relu(nn, width, width, 3, padding=1)[:-1]
            self.body = nn.Sequential(*first, *second)
            self.shortcut = nn.Sequential()
            if stride > 1 or channels != width:
                shortcut = _conv_norm_relu(nn, channels, width, 1, stride=stride)[:-1]
                self.shortcut = nn.Sequential(*shortcut)
            self.relu = nn.ReLU()

        def forward(self, x):
            return self.relu(self.body(x) + self.shortcut(x))

    layers = _conv_norm_relu(nn, 3, 64, 3, padding=1)
    channels = 64
    for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [Block(channels, width, stride), Block(width, width, 1)]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))
