"""A transformer that writes, letter by letter, what it has read: a small GPT on one text file.

    python -m autotensor.torch examples/pytorch/char_gpt.py text.txt    # or: python char_gpt.py ...

Four layers, four heads, width 128, a context of 64 characters.
"""

import argparse
import math
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.inputs = nn.Linear(width, 3 * width, bias=False)
        self.output = nn.Linear(width, width, bias=False)

    def forward(self, x):
        n, length, width = x.shape
        q, k, v = self.inputs(x).split(width, dim=2)
        q, k, v = (y.view(n, length, self.heads, -1).transpose(1, 2) for y in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.output(y.transpose(1, 2).contiguous().view(n, length, width))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width, bias=False),
            nn.GELU(),
            nn.Linear(4 * width, width, bias=False),
        )

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """Scores for the next character at every place: (N, L) -> (N, L, characters)."""

    def __init__(self, characters, context=64, width=128, heads=4, layers=4):
        super().__init__()
        self.context = context
        self.characters = nn.Embedding(characters, width)
        self.places = nn.Embedding(context, width)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.scores = nn.Linear(width, characters, bias=False)
        self.apply(self.draw)
        self.characters.weight = self.scores.weight  # one table for both ends
        for name, parameter in self.named_parameters():
            if name.endswith(("output.weight", "mlp.2.weight")):
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * layers))

    def draw(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)

    def forward(self, x):
        h = self.characters(x) + self.places(torch.arange(x.shape[1]))
        for block in self.blocks:
            h = block(h)
        return self.scores(self.norm(h))

    @torch.no_grad()
    def write(self, x, count, temperature=0.8):
        """``x`` (N, L) continued by ``count`` characters."""
        for _ in range(count):
            scores = self(x[:, -self.context :])[:, -1] / temperature
            x = torch.cat([x, torch.multinomial(F.softmax(scores, dim=-1), 1)], dim=1)
        return x


def batch_of(data, batch, context):
    starts = torch.randint(len(data) - context, (batch,))
    x = torch.stack([data[i : i + context] for i in starts.tolist()])
    y = torch.stack([data[i + 1 : i + 1 + context] for i in starts.tolist()])
    return x, y


@torch.no_grad()
def loss_on(model, data, context, windows=256):
    """The mean loss over windows spread evenly over ``data``."""
    model.eval()
    step = (len(data) - context - 1) // windows
    x = torch.stack([data[i * step : i * step + context] for i in range(windows)])
    y = torch.stack([data[i * step + 1 : i * step + 1 + context] for i in range(windows)])
    losses = [
        F.cross_entropy(model(a).flatten(0, 1), b.flatten()).item()
        for a, b in zip(x.split(32), y.split(32), strict=True)
    ]
    model.train()
    return sum(losses) / len(losses)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text", help="the file to read")
    parser.add_argument("--iterations", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1337)
    parser.add_argument("--sample", type=int, default=200, help="characters to write at the end")
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    with open(args.text, encoding="utf-8") as file:
        text = file.read()
    characters = sorted(set(text))
    number = {c: i for i, c in enumerate(characters)}
    data = torch.tensor([number[c] for c in text], dtype=torch.long)
    train, held_out = data[: int(0.9 * len(data))], data[int(0.9 * len(data)) :]

    model = GPT(len(characters))
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=2e-3, betas=(0.9, 0.99))

    def share(step):  # of the learning rate: 100 steps up, then half a cosine down to a tenth
        if step < 100:
            return (step + 1) / 100
        part = (step - 100) / max(1, args.iterations - 100)
        return 0.1 + 0.45 * (1 + math.cos(math.pi * part))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
    started = time.perf_counter()
    for step in range(1, args.iterations + 1):
        x, y = batch_of(train, args.batch, model.context)
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 250 == 0 or step == args.iterations:
            seconds = time.perf_counter() - started
            print(f"step {step}  loss {loss.item():.3f}  {1000 * seconds / step:.1f} ms a step")
    print(f"held-out loss {loss_on(model, held_out, model.context):.3f}")
    start = torch.zeros(1, 1, dtype=torch.long)
    print("".join(characters[i] for i in model.write(start, args.sample)[0].tolist()))


if __name__ == "__main__":
    main()
