"""A pole kept upright on a cart by a policy that learns from its mistakes (Williams 1992).

    python -m autotensor.torch examples/pytorch/reinforce.py

REINFORCE: what was done is made more likely by as much as came of it.
"""

import argparse
import math
import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from log import Log
from torch.distributions import Categorical


class CartPole:
    """A pole on a cart that is pushed left or right (Barto, Sutton, Anderson 1983).

    The state is the cart's place and speed, the pole's angle and its speed. An episode ends when
    the pole leans by 12 degrees, the cart is 2.4 m away, or after 500 steps of 20 ms.
    """

    GRAVITY, FORCE, TIME = 9.8, 10.0, 0.02
    CART, POLE, HALF = 1.0, 0.1, 0.5  # masses, and half of the pole's length

    def __init__(self, seed):
        self.random = random.Random(seed)

    def reset(self):
        self.steps = 0
        self.state = [self.random.uniform(-0.05, 0.05) for _ in range(4)]
        return self.state

    def step(self, action):
        """Push to the right (1) or to the left (0); the new state, and whether it is the last."""
        place, speed, angle, turning = self.state
        sin, cos, mass = math.sin(angle), math.cos(angle), self.CART + self.POLE
        force = self.FORCE if action == 1 else -self.FORCE
        push = (force + self.POLE * self.HALF * turning**2 * sin) / mass
        turn = (self.GRAVITY * sin - cos * push) / (self.HALF * (4 / 3 - self.POLE * cos**2 / mass))
        pull = push - self.POLE * self.HALF * turn * cos / mass
        changes = (speed, pull, turning, turn)
        self.state = [x + self.TIME * change for x, change in zip(self.state, changes, strict=True)]
        self.steps += 1
        place, _, angle, _ = self.state
        lost = abs(place) > 2.4 or abs(angle) > math.radians(12)
        return self.state, lost or self.steps == 500


class Policy(nn.Module):
    """Log probabilities of the two actions: (N, 4) -> (N, 2)."""

    def __init__(self, hidden=128):
        super().__init__()
        self.hidden = nn.Linear(4, hidden)
        self.scores = nn.Linear(hidden, 2)

    def forward(self, x):
        return Categorical(logits=self.scores(F.relu(self.hidden(x))))


def play(policy, world):
    """The log probabilities of what was done in one episode, (steps,)."""
    state, done, chosen = world.reset(), False, []
    while not done:
        choice = policy(torch.tensor(state))
        action = choice.sample()
        chosen.append(choice.log_prob(action))
        state, done = world.step(action.item())
    return torch.stack(chosen)


def returns(steps, discount=0.99):
    """What comes of each step, one for each step that still follows, discounted: (steps,)."""
    total, totals = 0.0, []
    for _ in range(steps):
        total = 1.0 + discount * total
        totals.append(total)
    return torch.tensor(totals[::-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--iterations", type=int, default=300, help="episodes")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    world = CartPole(args.seed)
    policy = Policy()
    optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
    log = Log(args.iterations)
    for _ in range(args.iterations):
        log_probs = play(policy, world)
        gains = returns(len(log_probs))
        gains = (gains - gains.mean()) / (gains.std() + 1e-6)
        loss = -(log_probs * gains).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.step(len(log_probs), loss=loss.item(), length=len(log_probs))


if __name__ == "__main__":
    main()
