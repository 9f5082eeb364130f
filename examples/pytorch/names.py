"""New names, letter by letter: a network reads a file of names and makes up others like them.

    python -m autotensor.torch examples/pytorch/names.py --data names.txt --model gru

``mlp`` sees three characters (Bengio et al. 2003), ``rnn`` and ``gru`` all there are so far.
"""

import argparse
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F
from log import Log

END = 0  # the character before and after each name
NOTHING = -100  # the target after the end, which cross_entropy leaves out


class MLP(nn.Module):
    """Scores for the next character: (N, 3) -> (N, characters)."""

    context = 3

    def __init__(self, characters, width=10, hidden=200):
        super().__init__()
        self.table = nn.Embedding(characters, width)
        self.hidden = nn.Linear(self.context * width, hidden)
        self.scores = nn.Linear(hidden, characters)

    def forward(self, x):
        return self.scores(torch.tanh(self.hidden(self.table(x).flatten(1))))

    def examples(self, names):
        """Every window of three characters and the one that follows: (M, 3), (M,)."""
        windows = [
            ([END] * self.context + name + [END])[i : i + self.context + 1]
            for name in names
            for i in range(len(name) + 1)
        ]
        windows = torch.tensor(windows)
        return windows[:, : self.context], windows[:, self.context]

    def next_scores(self, x):
        return self(F.pad(x, (self.context, 0), value=END)[:, -self.context :])


class Recurrent(nn.Module):
    """Scores for the next character at every place: (N, L) -> (N, L, characters)."""

    def __init__(self, layer, characters, width=32, hidden=128):
        super().__init__()
        self.table = nn.Embedding(characters, width)
        self.layer = layer(width, hidden, batch_first=True)
        self.scores = nn.Linear(hidden, characters)

    def forward(self, x):
        return self.scores(self.layer(self.table(x))[0])

    def examples(self, names):
        """Whole names, and the same one place further, filled up to one length: (N, L) twice."""
        length = max(map(len, names)) + 1
        x = [[END] + name + [END] * (length - 1 - len(name)) for name in names]
        y = [name + [END] + [NOTHING] * (length - 1 - len(name)) for name in names]
        return torch.tensor(x), torch.tensor(y)

    def next_scores(self, x):
        return self(x)[:, -1]


def loss_of(model, x, y):
    return F.cross_entropy(model(x).flatten(0, -2), y.flatten(), ignore_index=NOTHING)


@torch.no_grad()
def make_up(model, count, longest=20):
    """``count`` new names, as lists of the numbers of their characters."""
    x = torch.full((count, 1), END)
    for _ in range(longest):
        chances = F.softmax(model.next_scores(x), dim=1)
        x = torch.cat([x, torch.multinomial(chances, 1)], dim=1)
    rows = [row[1:] + [END] for row in x.tolist()]
    return [row[: row.index(END)] for row in rows]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="a file of names, one a line")
    parser.add_argument("--model", choices=["mlp", "rnn", "gru"], default="mlp")
    parser.add_argument("--iterations", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--limit", type=int, help="read the first names only")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    names = Path(args.data).read_text(encoding="utf-8").split()[: args.limit]
    letters = sorted(set("".join(names)))
    number = {letter: i for i, letter in enumerate(letters, 1)}
    coded = [[number[letter] for letter in name] for name in names]
    held_out = coded[9::10]
    read = [name for i, name in enumerate(coded) if i % 10 != 9]

    characters = len(letters) + 1
    if args.model == "mlp":
        model = MLP(characters)
    else:
        model = Recurrent(nn.GRU if args.model == "gru" else nn.RNN, characters)
    x, y = model.examples(read)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    log = Log(args.iterations)
    for _ in range(args.iterations):
        batch = torch.randint(len(x), (args.batch,))
        loss = loss_of(model, x[batch], y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.step(loss=loss.item())
    with torch.no_grad():
        print(f"held-out loss {loss_of(model, *model.examples(held_out)).item():.4f}")
    print(*("".join(letters[i - 1] for i in name) for name in make_up(model, 10)))


if __name__ == "__main__":
    main()
