"""Networks under torchvision's names, with its `state_dict` keys; weights are not downloaded."""

from collections import OrderedDict

from autotensor import nn
from autotensor.nn import functional as F
from autotensor.ops.joining import cat

__all__ = ["DenseNet", "ResNet", "SqueezeNet", "densenet121", "densenet161", "resnet18", "resnet34",
           "resnet50", "squeezenet1_1"]  # fmt: skip


def _no_weights(name, weights, pretrained):
    if weights is not None or pretrained:
        raise RuntimeError(
            f"{name}: weights are not downloaded: make it with weights=None, and load a state_dict "
            f"that PyTorch saved: model.load_state_dict(autotensor.load(path))"
        )


def _conv(channels, width, size, stride=1):
    return nn.Conv2d(channels, width, size, stride, size // 2, bias=False)


class _Basic(nn.Module):
    """Two 3x3 convolutions."""

    expansion = 1

    def __init__(self, channels, width, stride, downsample):
        super().__init__()
        self.conv1, self.bn1 = _conv(channels, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _conv(width, width, 3), nn.BatchNorm2d(width)
        self.relu, self.downsample = nn.ReLU(inplace=True), downsample

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class _Bottleneck(nn.Module):
    """A 3x3 convolution between two 1x1 ones; the stride is the 3x3 one's."""

    expansion = 4

    def __init__(self, channels, width, stride, downsample):
        super().__init__()
        self.conv1, self.bn1 = _conv(channels, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = _conv(width, 4 * width, 1), nn.BatchNorm2d(4 * width)
        self.relu, self.downsample = nn.ReLU(inplace=True), downsample

    def forward(self, x):
        y = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """Residual network for large images: (N, 3, H, W) -> (N, num_classes) (He et al. 2016)."""

    def __init__(self, block, layers, num_classes=1000):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        channels = 64
        for number, count in enumerate(layers):
            width, blocks = 64 * 2**number, []
            for i in range(count):
                stride, out = 2 if i == 0 and number else 1, width * block.expansion
                shortcut = None
                if stride > 1 or channels != out:
                    shortcut = nn.Sequential(_conv(channels, out, 1, stride), nn.BatchNorm2d(out))
                blocks.append(block(channels, width, stride, shortcut))
                channels = out
            setattr(self, f"layer{number + 1}", nn.Sequential(*blocks))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def resnet18(*, weights=None, pretrained=False, **options):
    """ResNet-18."""
    _no_weights("resnet18", weights, pretrained)
    return ResNet(_Basic, [2, 2, 2, 2], **options)


def resnet34(*, weights=None, pretrained=False, **options):
    """ResNet-34."""
    _no_weights("resnet34", weights, pretrained)
    return ResNet(_Basic, [3, 4, 6, 3], **options)


def resnet50(*, weights=None, pretrained=False, **options):
    """ResNet-50."""
    _no_weights("resnet50", weights, pretrained)
    return ResNet(_Bottleneck, [3, 4, 6, 3], **options)


class _DenseLayer(nn.Module):
    def __init__(self, channels, growth, bottleneck, drop_rate):
        super().__init__()
        wide = bottleneck * growth
        self.norm1, self.relu1 = nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        self.conv1 = _conv(channels, wide, 1)
        self.norm2, self.relu2 = nn.BatchNorm2d(wide), nn.ReLU(inplace=True)
        self.conv2 = _conv(wide, growth, 3)
        self.drop_rate = drop_rate

    def forward(self, features):
        y = self.conv1(self.relu1(self.norm1(cat(features, 1))))
        y = self.conv2(self.relu2(self.norm2(y)))
        return F.dropout(y, self.drop_rate, self.training) if self.drop_rate else y


class _DenseBlock(nn.ModuleDict):
    def __init__(self, count, channels, growth, bottleneck, drop_rate):
        super().__init__()
        for i in range(count):
            layer = _DenseLayer(channels + i * growth, growth, bottleneck, drop_rate)
            self[f"denselayer{i + 1}"] = layer

    def forward(self, x):
        features = [x]
        for layer in self.values():
            features.append(layer(features))
        return cat(features, 1)


class DenseNet(nn.Module):
    """Densely connected network: (N, 3, H, W) -> (N, num_classes) (Huang et al. 2017)."""

    def __init__(self, growth_rate=32, block_config=(6, 12, 24, 16), num_init_features=64,
                 bn_size=4, drop_rate=0.0, num_classes=1000):  # fmt: skip
        super().__init__()
        channels = num_init_features
        parts = OrderedDict(
            conv0=nn.Conv2d(3, channels, 7, 2, 3, bias=False),
            norm0=nn.BatchNorm2d(channels),
            relu0=nn.ReLU(inplace=True),
            pool0=nn.MaxPool2d(3, 2, 1),
        )
        for i, count in enumerate(block_config, 1):
            block = _DenseBlock(count, channels, growth_rate, bn_size, drop_rate)
            parts[f"denseblock{i}"] = block
            channels += count * growth_rate
            if i < len(block_config):
                parts[f"transition{i}"] = nn.Sequential(
                    OrderedDict(
                        norm=nn.BatchNorm2d(channels),
                        relu=nn.ReLU(inplace=True),
                        conv=_conv(channels, channels // 2, 1),
                        pool=nn.AvgPool2d(2, 2),
                    )
                )
                channels //= 2
        parts["norm5"] = nn.BatchNorm2d(channels)
        self.features = nn.Sequential(parts)
        self.classifier = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, x):
        x = F.relu(self.features(x))
        return self.classifier(F.adaptive_avg_pool2d(x, (1, 1)).flatten(1))


def densenet121(*, weights=None, pretrained=False, **options):
    """DenseNet-121."""
    _no_weights("densenet121", weights, pretrained)
    return DenseNet(32, (6, 12, 24, 16), 64, **options)


def densenet161(*, weights=None, pretrained=False, **options):
    """DenseNet-161."""
    _no_weights("densenet161", weights, pretrained)
    return DenseNet(48, (6, 12, 36, 24), 96, **options)


class _Fire(nn.Module):
    def __init__(self, channels, squeeze, expand):
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.squeeze(x))
        return cat([F.relu(self.expand1x1(x)), F.relu(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    """A network of few parameters, version 1.1: (N, 3, H, W) -> (N, num_classes).

    Iandola et al., "SqueezeNet", 2016.
    """

    def __init__(self, num_classes=1000, dropout=0.5):
        super().__init__()
        pool = {"kernel_size": 3, "stride": 2, "ceil_mode": True}
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, 2), nn.ReLU(inplace=True), nn.MaxPool2d(**pool),
            _Fire(64, 16, 64), _Fire(128, 16, 64), nn.MaxPool2d(**pool),
            _Fire(128, 32, 128), _Fire(256, 32, 128), nn.MaxPool2d(**pool),
            _Fire(256, 48, 192), _Fire(384, 48, 192), _Fire(384, 64, 256), _Fire(512, 64, 256),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Conv2d(512, num_classes, 1),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d((1, 1)),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                if module is self.classifier[1]:
                    nn.init.normal_(module.weight, mean=0.0, std=0.01)
                else:
                    nn.init.kaiming_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, x):
        return self.classifier(self.features(x)).flatten(1)


def squeezenet1_1(*, weights=None, pretrained=False, **options):
    """SqueezeNet 1.1."""
    _no_weights("squeezenet1_1", weights, pretrained)
    return SqueezeNet(**options)
