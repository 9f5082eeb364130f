"""Two networks, one that draws digits and one that tells drawn ones from real ones.

    python -m autotensor.torch examples/pytorch/gan.py --data FOLDER --picture digits.png

Goodfellow et al. 2014 (``--model mlp``) and, with convolutions, Radford et al. 2016 (``dcgan``).
"""

import argparse

import torch
import torch.nn as nn
from images import mnist, save_picture
from log import Log

NOISE = 64


def mlp():
    """A generator (N, 64) -> (N, 1, 28, 28) in -1..1, and a discriminator back to (N, 1)."""
    generator = nn.Sequential(
        nn.Linear(NOISE, 256),
        nn.LeakyReLU(0.2),
        nn.Linear(256, 256),
        nn.LeakyReLU(0.2),
        nn.Linear(256, 784),
        nn.Tanh(),
        nn.Unflatten(1, (1, 28, 28)),
    )
    discriminator = nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 256),
        nn.LeakyReLU(0.2),
        nn.Linear(256, 256),
        nn.LeakyReLU(0.2),
        nn.Linear(256, 1),
    )
    return generator, discriminator


def dcgan(width=32):
    """The same with convolutions, between 28x28 pixels and 7x7."""
    generator = nn.Sequential(
        nn.Unflatten(1, (NOISE, 1, 1)),
        nn.ConvTranspose2d(NOISE, 2 * width, 7, bias=False),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(inplace=True),
        nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1, bias=False),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(1, width, 4, stride=2, padding=1, bias=False),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(2 * width),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(2 * width, 1, 7, bias=False),
        nn.Flatten(),
    )
    for module in [*generator, *discriminator]:
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
    return generator, discriminator


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="the folder with the files of MNIST")
    parser.add_argument("--model", choices=["mlp", "dcgan"], default="mlp")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--limit", type=int, help="take the first images only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", help="write drawn digits to this file; needs Pillow")
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    images = 2 * mnist(args.data, limit=args.limit)[0] - 1
    generator, discriminator = {"mlp": mlp, "dcgan": dcgan}[args.model]()
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    optimizer_d = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    criterion = nn.BCEWithLogitsLoss()
    log = Log(args.epochs * -(-len(images) // args.batch))
    for _ in range(args.epochs):
        for batch in torch.randperm(len(images)).split(args.batch):
            drawn = generator(torch.randn(len(batch), NOISE))
            is_real, is_drawn = torch.ones(len(batch), 1), torch.zeros(len(batch), 1)

            optimizer_d.zero_grad()
            loss_d = criterion(discriminator(images[batch]), is_real)
            loss_d = loss_d + criterion(discriminator(drawn.detach()), is_drawn)
            loss_d.backward()
            optimizer_d.step()

            optimizer_g.zero_grad()
            loss_g = criterion(discriminator(drawn), is_real)
            loss_g.backward()
            optimizer_g.step()
            log.step(discriminator=loss_d.item(), generator=loss_g.item())

    if args.picture:
        generator.eval()
        with torch.no_grad():
            save_picture((generator(torch.randn(64, NOISE)) + 1) / 2, args.picture)


if __name__ == "__main__":
    main()
