"""Handwritten digits read row by row: an LSTM sees 28 rows of 28 pixels, one after the other.

python -m autotensor.torch examples/pytorch/lstm_rows.py --data FOLDER
"""

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from images import mnist
from log import Log
from torch.utils.data import DataLoader, TensorDataset


class RowReader(nn.Module):
    """Scores of ten digits from the LSTM's state after the last row: (N, 1, 28, 28) -> (N, 10)."""

    def __init__(self, hidden=128, layers=2):
        super().__init__()
        self.lstm = nn.LSTM(28, hidden, layers, batch_first=True)
        self.scores = nn.Linear(hidden, 10)

    def forward(self, x):
        states, _ = self.lstm(x.squeeze(1))
        return self.scores(states[:, -1])


@torch.no_grad()
def accuracy(model, loader):
    model.eval()
    right = sum((model(x).argmax(dim=1) == y).sum().item() for x, y in loader)
    model.train()
    return right / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="the folder with the files of MNIST")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--limit", type=int, help="take the first images only")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    train = TensorDataset(*mnist(args.data, limit=args.limit))
    test = TensorDataset(*mnist(args.data, train=False, limit=args.limit))
    loader = DataLoader(train, batch_size=args.batch, shuffle=True)
    test_loader = DataLoader(test, batch_size=500)
    model = RowReader()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    log = Log(args.epochs * len(loader))
    for epoch in range(1, args.epochs + 1):
        for x, y in loader:
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            log.step(loss=loss.item())
        print(f"epoch {epoch}  test accuracy {accuracy(model, test_loader):.4f}")


if __name__ == "__main__":
    main()
