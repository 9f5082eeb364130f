"""ResNet-20 on CIFAR-10 (He et al. 2016, section 4.2): 0.27 million parameters.

    python -m autotensor.torch examples/pytorch/resnet20.py --data cifar-10-binary.tar.gz

Images are mirrored and shifted by tensor operations, whole batches at a time.
"""

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from images import cifar10
from log import Log


class Block(nn.Module):
    """Two convolutions and the way around them, which widens by channels of zeros."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.stride, self.more = stride, outputs - inputs
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.more:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        return F.relu(x + y)


class ResNet(nn.Module):
    """Scores of ten classes: (N, 3, 32, 32) -> (N, 10); 6 ``blocks`` + 2 layers with weights."""

    def __init__(self, blocks=3):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        widths = [16] * blocks + [32] * blocks + [64] * blocks
        pairs = zip([16, *widths], widths, strict=False)
        self.blocks = nn.Sequential(*[Block(a, b, 1 if a == b else 2) for a, b in pairs])
        self.scores = nn.Linear(64, 10)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        y = self.blocks(F.relu(self.bn(self.conv(x))))
        return self.scores(y.mean(dim=(2, 3)))


def augment(x, shift=4):
    """Half of the images mirrored, and each one shifted by up to ``shift`` pixels."""
    n, _, height, width = x.shape
    x = torch.where(torch.rand(n, 1, 1, 1) < 0.5, x.flip(3), x)
    x = F.pad(x, (shift, shift, shift, shift))
    rows = torch.randint(2 * shift + 1, (n, 1)) + torch.arange(height)
    columns = torch.randint(2 * shift + 1, (n, 1)) + torch.arange(width)
    image = torch.arange(n).view(n, 1, 1)
    return x.permute(0, 2, 3, 1)[image, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)


@torch.no_grad()
def accuracy(model, images, labels):
    model.eval()
    batches = zip(images.split(250), labels.split(250), strict=True)
    right = sum((model(x).argmax(dim=1) == y).sum().item() for x, y in batches)
    model.train()
    return right / len(images)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="CIFAR-10's archive of binary files")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--limit", type=int, help="take the first images only")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    images, labels = cifar10(args.data, limit=args.limit)
    test_images, test_labels = cifar10(args.data, train=False, limit=args.limit)
    mean, std = images.mean(dim=(0, 2, 3), keepdim=True), images.std(dim=(0, 2, 3), keepdim=True)
    images, test_images = (images - mean) / std, (test_images - mean) / std

    model = ResNet()
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=True
    )
    steps = args.epochs * -(-len(images) // args.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
    log = Log(steps)
    for epoch in range(1, args.epochs + 1):
        for batch in torch.randperm(len(images)).split(args.batch):
            loss = F.cross_entropy(model(augment(images[batch])), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            log.step(loss=loss.item())
        print(f"epoch {epoch}  test accuracy {accuracy(model, test_images, test_labels):.4f}")


if __name__ == "__main__":
    main()
