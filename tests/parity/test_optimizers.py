"""Ten steps of each optimizer with its options, schedules of learning rates, loaders of data."""

from parity.harness import programs, table

_STEPS = """
w = t.tensor([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]], dtype=a.dtype, requires_grad=True)
bias = t.zeros(2, dtype=a.dtype, requires_grad=True)
opt = {make}
for step in range(10):
    opt.zero_grad()
    loss = ((w * (step + 1) - 1) ** 2).sum() + (w.sum(1) * bias + bias ** 2 - bias).sum()
    loss.backward()
    opt.step()
(w, bias, loss.detach())
"""


def _indented(source):
    return source.strip().replace("\n", "\n  ")


test_steps = table(
    "\n".join(
        _indented(_STEPS.format(make=make))
        for make in programs("""
optim.SGD([w, bias], lr=0.01)
optim.SGD([w, bias], lr=0.01, momentum=0.9)
optim.SGD([w, bias], lr=0.01, momentum=0.9, nesterov=True)
optim.SGD([w, bias], lr=0.01, momentum=0.9, dampening=0.2, weight_decay=0.1)
optim.SGD([w, bias], lr=0.01, maximize=True)
optim.SGD([{"params": [w]}, {"params": [bias], "lr": 0.1}], lr=0.01)
optim.Adam([w, bias])
optim.Adam([w, bias], lr=0.1, betas=(0.8, 0.9), eps=1e-4)
optim.Adam([w, bias], lr=0.1, weight_decay=0.1)
optim.Adam([w, bias], lr=0.1, amsgrad=True)
optim.Adam([w, bias], lr=0.1, maximize=True)
optim.AdamW([w, bias], lr=0.1)
optim.AdamW([w, bias], lr=0.1, weight_decay=0.3, amsgrad=True)
optim.RMSprop([w, bias], lr=0.05)
optim.RMSprop([w, bias], lr=0.05, alpha=0.9, momentum=0.5)
optim.RMSprop([w, bias], lr=0.05, centered=True, weight_decay=0.1)
optim.RMSprop([w, bias], lr=0.05, maximize=True)
optim.SGD([w, bias], lr=-1)
optim.SGD([w, bias], lr=0.1, nesterov=True)
optim.Adam([w, bias], betas=(1.0, 0.9))
optim.Adam([])
optim.SGD(w, lr=0.1)
optim.SGD([w, w * 2], lr=0.1)
optim.SGD([{"params": [w]}, {"params": [w]}], lr=0.1)
""")
    )
)

test_optimizers = table("""
opt = optim.SGD([a], lr=0.1, momentum=0.9)
  a.sum().backward()
  opt.step()
  x = opt.state_dict()
  (list(x), x["state"][0], x["param_groups"][0]["lr"], x["param_groups"][0]["params"])
opt = optim.Adam([a], lr=0.1)
  a.sum().backward()
  opt.step()
  (sorted(opt.state_dict()["state"][0]), opt.state_dict()["state"][0]["exp_avg"])
opt = optim.SGD([a], lr=0.1)
  opt.zero_grad()
  a.grad
opt = optim.SGD([a], lr=0.1)
  a.sum().backward()
  opt.zero_grad(set_to_none=False)
  a.grad
opt = optim.SGD([a], lr=0.1)
  opt.add_param_group({"params": [b], "lr": 1.0})
  [g["lr"] for g in opt.param_groups]
opt = optim.SGD([a], lr=0.1)
  opt.step(lambda: (a * 2).sum()).item()
opt = optim.SGD([a], lr=0.1)
  opt.load_state_dict(optim.SGD([a, b], lr=0.3).state_dict())
opt = optim.SGD([a], lr=0.1)
  opt.load_state_dict(optim.SGD([b], lr=0.3).state_dict())
  opt.param_groups[0]["lr"]
x, y = optim.Adam([a], lr=0.1), optim.Adam([b], lr=0.2)
  a.sum().backward()
  x.step()
  y.load_state_dict(x.state_dict())
  (b * 2).sum().backward()
  y.step()
  b
a.requires_grad_(False)
  optim.SGD([a], lr=0.1).param_groups[0]["lr"]
""")

_RATES = """
opt = optim.SGD([a], lr=0.5)
schedule = optim.lr_scheduler.{make}
rates = []
for step in range(12):
    rates.append(opt.param_groups[0]["lr"])
    opt.step()
    schedule.step({argument})
(rates, schedule.get_last_lr())
"""

test_schedules = table(
    "\n".join(
        _indented(_RATES.format(make=make, argument=argument))
        for make, _, argument in (
            line.partition(" # ")
            for line in programs("""
StepLR(opt, step_size=3, gamma=0.5)
StepLR(opt, 4)
MultiStepLR(opt, milestones=[2, 5, 5], gamma=0.1)
ExponentialLR(opt, gamma=0.9)
CosineAnnealingLR(opt, T_max=5, eta_min=0.1)
CosineAnnealingLR(opt, T_max=20)
LinearLR(opt, start_factor=0.2, total_iters=4)
LambdaLR(opt, lambda epoch: 0.9 ** epoch)
OneCycleLR(opt, max_lr=1.0, total_steps=13)
OneCycleLR(opt, max_lr=1.0, epochs=3, steps_per_epoch=5, anneal_strategy="linear")
ReduceLROnPlateau(opt, patience=1, factor=0.5) # 1.0
ReduceLROnPlateau(opt, mode="max", patience=0) # step % 3
ReduceLROnPlateau(opt, threshold=0.5, cooldown=2, min_lr=0.05) # 1.0 / (step + 1)
StepLR(opt)
""")
        )
    )
)
