"""A variational autoencoder of handwritten digits (Kingma, Welling 2013), 784-400-20.

python -m autotensor.torch examples/pytorch/vae.py --data FOLDER --picture digits.png
"""

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from images import mnist, save_picture
from log import Log


class VAE(nn.Module):
    def __init__(self, pixels=784, hidden=400, codes=20):
        super().__init__()
        self.codes = codes
        self.encoder = nn.Sequential(nn.Linear(pixels, hidden), nn.ReLU())
        self.mean = nn.Linear(hidden, codes)
        self.log_variance = nn.Linear(hidden, codes)
        self.decoder = nn.Sequential(
            nn.Linear(codes, hidden), nn.ReLU(), nn.Linear(hidden, pixels), nn.Sigmoid()
        )

    def forward(self, x):
        """Images (N, 784) -> images drawn again, and mean and log variance of their codes."""
        h = self.encoder(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        code = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        return self.decoder(code), mean, log_variance


def loss_of(model, x):
    """The negative bound of the log likelihood, for each image."""
    drawn, mean, log_variance = model(x)
    difference = F.binary_cross_entropy(drawn, x, reduction="sum")
    divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
    return (difference + divergence) / len(x)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="the folder with the files of MNIST")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--limit", type=int, help="take the first images only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", help="write made-up digits to this file; needs Pillow")
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    images = mnist(args.data, limit=args.limit)[0].flatten(1)
    test_images = mnist(args.data, train=False, limit=args.limit)[0].flatten(1)
    model = VAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    log = Log(args.epochs * -(-len(images) // args.batch))
    for _ in range(args.epochs):
        for batch in torch.randperm(len(images)).split(args.batch):
            loss = loss_of(model, images[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            log.step(loss=loss.item())

    model.eval()
    with torch.no_grad():
        print(f"test loss {loss_of(model, test_images).item():.4f}")
        if args.picture:
            digits = model.decoder(torch.randn(64, model.codes))
            save_picture(digits.view(-1, 1, 28, 28), args.picture)


if __name__ == "__main__":
    main()
