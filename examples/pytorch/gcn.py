"""Who sides with whom in a karate club: a graph convolution (Kipf, Welling 2017) of two labels.

    python -m autotensor.torch examples/pytorch/gcn.py

Zachary (1977) drew who met whom outside the club, 34 people and 78 pairs, before it split in two
over a quarrel of the instructor (0) with the administrator (33). The network is told the sides of
these two alone and finds those of the others.
"""

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from log import Log

FRIENDS = {  # of each person, those with a higher number
    0: [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 17, 19, 21, 31],
    1: [2, 3, 7, 13, 17, 19, 21, 30],
    2: [3, 7, 8, 9, 13, 27, 28, 32],
    3: [7, 12, 13],
    4: [6, 10],
    5: [6, 10, 16],
    6: [16],
    8: [30, 32, 33],
    9: [33],
    13: [33],
    14: [32, 33],
    15: [32, 33],
    18: [32, 33],
    19: [33],
    20: [32, 33],
    22: [32, 33],
    23: [25, 27, 29, 32, 33],
    24: [25, 27, 31],
    25: [31],
    26: [29, 33],
    27: [33],
    28: [31, 33],
    29: [32, 33],
    30: [32, 33],
    31: [32, 33],
    32: [33],
}
PEOPLE = 34
INSTRUCTOR_S = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 16, 17, 19, 21]


def adjacency():
    """Who meets whom, themselves included, by the roots of both degrees, as a sparse matrix."""
    pairs = [(a, b) for a, others in FRIENDS.items() for b in others]
    pairs += [(b, a) for a, b in pairs] + [(a, a) for a in range(PEOPLE)]
    a, b = torch.tensor(pairs).t()
    root = torch.bincount(a).float().rsqrt()
    shape, values = (PEOPLE, PEOPLE), root[a] * root[b]
    return torch.sparse_coo_tensor(torch.stack([a, b]), values, shape, check_invariants=True)


class GraphConvolution(nn.Module):
    """Each node gets the mean of its neighbours' features, times a matrix: (N, in) -> (N, out)."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, adjacency):
        return torch.spmm(adjacency, torch.mm(x, self.weight)) + self.bias


class GCN(nn.Module):
    def __init__(self, inputs, hidden=16, classes=2):
        super().__init__()
        self.conv1 = GraphConvolution(inputs, hidden)
        self.conv2 = GraphConvolution(hidden, hidden)
        self.conv3 = GraphConvolution(hidden, classes)

    def forward(self, x, adjacency):
        x = torch.tanh(self.conv1(x, adjacency))
        x = F.dropout(torch.tanh(self.conv2(x, adjacency)), 0.2, self.training)
        return self.conv3(x, adjacency)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--iterations", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    matrix, features = adjacency(), torch.eye(PEOPLE)
    labels = torch.ones(PEOPLE, dtype=torch.long)
    labels[INSTRUCTOR_S] = 0
    known = torch.tensor([0, 33])
    model = GCN(PEOPLE)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
    log = Log(args.iterations)
    for _ in range(args.iterations):
        loss = F.cross_entropy(model(features, matrix)[known], labels[known])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.step(loss=loss.item())

    model.eval()
    with torch.no_grad():
        right = (model(features, matrix).argmax(dim=1) == labels).sum().item()
    print(f"{right} of {PEOPLE} people on their side")


if __name__ == "__main__":
    main()
