"""What every module can do: registration, order, state, modes, hooks; initialisers, containers."""

from parity.harness import table

test_modules = table("""
[n for n, _ in nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)).named_parameters()]
[n for n, _ in nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU())).named_modules()]
[n for n, _ in nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU())).named_children()]
x = nn.Linear(2, 2)
  [n for n, _ in nn.Sequential(x, x).named_parameters()]
x = nn.Linear(2, 2)
  list(nn.Sequential(x, x).state_dict())
len(list(nn.Linear(2, 2).parameters()))
[n for n, _ in nn.BatchNorm1d(3).named_buffers()]
class Net(nn.Module):
      def __init__(self):
          super().__init__()
          self.second = nn.Linear(2, 2)
          self.w = nn.Parameter(t.zeros(2))
          self.first = nn.Linear(2, 2)
          self.register_buffer("seen", t.zeros(1))
          self.register_buffer("hidden", t.ones(1), persistent=False)
          self.register_parameter("none", None)
  m = Net()
  ([n for n, _ in m.named_parameters()], list(m.state_dict()), [n for n, _ in m.named_buffers()])
order = []
  m = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.ReLU()))
  _ = m.apply(lambda m: order.append(type(m).__name__))
  order
m = nn.Sequential(nn.Linear(1, 1), nn.Dropout())
  m.eval()
  [x.training for x in m.modules()]
m = nn.Sequential(nn.Dropout())
  m.train(False).training
m = nn.Linear(2, 2)
  m.requires_grad_(False)
  [p.requires_grad for p in m.parameters()]
m = nn.Linear(2, 2).double()
  m.weight.dtype
m = nn.Linear(2, 2).to(t.float16)
  m.bias.dtype
m = nn.BatchNorm1d(2).double()
  (m.running_mean.dtype, m.num_batches_tracked.dtype)
m = filled(nn.Linear(4, 2))
  m(a).sum().backward()
  m.zero_grad()
  m.weight.grad
m = filled(nn.Linear(4, 2))
  m(a).sum().backward()
  (m.weight.grad, m.bias.grad)
nn.Linear(2, 2).get_parameter("weight").shape
nn.Sequential(nn.Linear(2, 2)).get_submodule("0").in_features
nn.Sequential().get_submodule("3")
nn.Linear(2, 2).nothing
m = nn.Linear(2, 2)
  m.weight = t.zeros(2, 2)
m = nn.Module()
  m.register_buffer("a.b", t.zeros(1))
m = nn.Module()
  m.register_buffer("x", 3)
m = nn.Module()
  m.add_module("x", 3)
nn.Module()(1)
m = nn.Linear(2, 2)
  del m.bias
  list(m.state_dict())
repr(nn.Linear(2, 3))
repr(nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU()))
repr(nn.BatchNorm2d(3))
repr(nn.LSTM(2, 3, batch_first=True))
repr(nn.Dropout(0.2))
nn.Linear(2, 3, bias=False).bias
m = nn.ModuleList([nn.Linear(1, 1), nn.ReLU()])
  m.append(nn.Tanh())
  (len(m), type(m[-1]).__name__, [n for n, _ in m.named_parameters()])
m = nn.ModuleDict({"x": nn.Linear(1, 1)})
  m["y"] = nn.ReLU()
  (list(m), "x" in m, list(m.keys()))
m = nn.ParameterList([nn.Parameter(t.zeros(2))])
  [n for n, _ in m.named_parameters()]
m = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
  m.append(nn.Tanh())
  (len(m), type(m[2]).__name__, len(m[:2]))
p = nn.Parameter(t.zeros(2))
  (p.requires_grad, p.is_leaf)
nn.Parameter(t.zeros(2), requires_grad=False).requires_grad
nn.Parameter(t.tensor([1, 2]))
""")

test_state = table("""
m, n = filled(nn.Linear(4, 2)), nn.Linear(4, 2).to(a.dtype)
  result = n.load_state_dict(m.state_dict())
  (n(a.detach()), result.missing_keys, result.unexpected_keys)
nn.Linear(2, 2).load_state_dict({})
nn.Linear(2, 2).load_state_dict({}, strict=False)
nn.Linear(2, 2).load_state_dict({"weight": t.zeros(2, 2), "bias": t.zeros(2), "x": t.zeros(1)})
nn.Linear(2, 2).load_state_dict({"weight": t.zeros(2, 2), "y": t.zeros(1)}, strict=False)
nn.Linear(2, 2).load_state_dict({"weight": t.zeros(3, 2), "bias": t.zeros(2)})
nn.Linear(2, 2).load_state_dict({"weight": t.zeros(3, 2), "bias": t.zeros(2)}, strict=False)
m = nn.Linear(2, 2)
  m.load_state_dict({"weight": t.ones(2, 2, dtype=t.float64), "bias": t.zeros(2)})
  m.weight
m = nn.Linear(2, 2)
  m.state_dict()["weight"].requires_grad
m = nn.Linear(2, 2)
  x = m.state_dict()
  with t.no_grad(): m.weight.fill_(3)
  x["weight"]
list(nn.Linear(2, 2).state_dict(prefix="x."))
m = nn.Linear(2, 2)
  m.state_dict(keep_vars=True)["weight"] is m.weight
""")

test_hooks = table("""
order = []
  m = nn.Linear(4, 2).to(a.dtype)
  _ = m.register_forward_pre_hook(lambda m, x: order.append("pre"))
  _ = m.register_forward_hook(lambda m, x, y: order.append("post"))
  _ = m(a)
  order
m = filled(nn.Linear(4, 2))
  _ = m.register_forward_hook(lambda m, x, y: y * 2)
  m(a)
m = filled(nn.Linear(4, 2))
  _ = m.register_forward_pre_hook(lambda m, x: (x[0] * 2,))
  m(a)
m = filled(nn.Linear(4, 2))
  found = []
  _ = m.register_full_backward_hook(lambda m, gi, go: found.append((gi[0].clone(), go[0].clone())))
  m(a).sum().backward()
  found
m = filled(nn.Linear(4, 2))
  _ = m.register_full_backward_hook(lambda m, gi, go: (gi[0] * 2,))
  m(a).sum().backward()
  a.grad
order = []
  m = nn.Linear(4, 2).to(a.dtype)
  _ = m.register_forward_hook(lambda m, x, y: order.append(1))
  _ = m.register_forward_hook(lambda m, x, y: order.append(2), prepend=True)
  _ = m(a)
  order
order = []
  m = nn.Linear(4, 2).to(a.dtype)
  h = m.register_forward_hook(lambda m, x, y: order.append(1))
  h.remove()
  _ = m(a)
  order
""")

test_init = table("""
nn.init.zeros_(t.ones(2, 3))
nn.init.ones_(t.zeros(2))
nn.init.constant_(t.zeros(2), 2.5)
nn.init.eye_(t.zeros(2, 3))
nn.init.dirac_(t.zeros(2, 2, 3))
nn.init.uniform_(t.empty(1000), 1.0, 2.0).mean().round()
nn.init.normal_(t.empty(10000), 3.0, 0.1).mean().round()
nn.init.xavier_uniform_(t.empty(300, 200)).abs().max().mul(10).round()
nn.init.xavier_normal_(t.empty(300, 200)).std().mul(100).round()
nn.init.kaiming_uniform_(t.empty(300, 200)).abs().max().mul(10).round()
nn.init.kaiming_normal_(t.empty(300, 200), mode="fan_out").std().mul(100).round()
nn.init.trunc_normal_(t.empty(10000), std=1.0, a=-1.0, b=1.0).abs().max().round()
(lambda q: (q @ q.T).round().abs())(nn.init.orthogonal_(t.empty(3, 5)))
nn.init.xavier_uniform_(t.empty(3))
nn.init.calculate_gain("relu")
nn.init.calculate_gain("leaky_relu", 0.2)
nn.init.calculate_gain("nothing")
nn.Linear(100, 50).weight.abs().max().mul(10).round()
nn.Conv2d(3, 8, 3).weight.requires_grad
""")

test_utilities = table("""
m = filled(nn.Linear(4, 2))
  m(a).sum().backward()
  n = nn.utils.clip_grad_norm_(m.parameters(), 0.5)
  (n, m.weight.grad, m.bias.grad)
m = filled(nn.Linear(4, 2))
  m(a).sum().backward()
  n = nn.utils.clip_grad_norm_(m.parameters(), 1e6)
  (n, m.weight.grad)
m = filled(nn.Linear(4, 2))
  m(a).sum().backward()
  nn.utils.clip_grad_norm_(m.parameters(), 1.0, norm_type=float("inf"))
  m.weight.grad
m = filled(nn.Linear(4, 2))
  m(a).sum().backward()
  nn.utils.clip_grad_value_(m.parameters(), 0.3)
  m.weight.grad
nn.utils.clip_grad_norm_(nn.Linear(2, 2).parameters(), 1.0)
m = filled(nn.Linear(4, 2))
  nn.utils.parameters_to_vector(m.parameters())
m = nn.Linear(2, 1).to(a.dtype)
  nn.utils.vector_to_parameters(t.arange(3.0, dtype=a.dtype), m.parameters())
  (m.weight, m.bias)
""")
