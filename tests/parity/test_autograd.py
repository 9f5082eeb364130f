"""Recording, backward, hooks, and what autograd refuses."""

from parity.harness import table

test_modes = table("""
t.is_grad_enabled()
with t.no_grad(): x = a * 2
  (x.requires_grad, t.is_grad_enabled())
with t.no_grad(): x = t.is_grad_enabled()
  x
with t.no_grad():
    with t.enable_grad(): x = a * 2
  x.requires_grad
with t.inference_mode(): x = a * 2
  (x.requires_grad, t.is_grad_enabled())
with t.set_grad_enabled(False): x = a * 2
  (x.requires_grad, t.is_grad_enabled())
f = t.no_grad()(lambda: a * 2)
  f().requires_grad
with t.no_grad(): x = t.ones(2, requires_grad=True)
  (x.requires_grad, x.is_leaf)
x = a * 2
  with t.no_grad(): x.mul_(3)
  x
x = t.zeros(2)
  x.requires_grad_()
  (x.requires_grad, x.is_leaf)
x = a.detach()
  (x.requires_grad, x.is_leaf, x.grad_fn is None)
i.requires_grad_()
(a * 2).requires_grad_(False)
x = a * 2
  x.requires_grad = False
  x
x = t.zeros(3)
  x.requires_grad = True
  x.requires_grad
a.detach().requires_grad_().grad
t.tensor(a.detach()).requires_grad
a.clone().is_leaf
a.data.requires_grad
(a > 0).requires_grad
(i + a).requires_grad
a.argmax().requires_grad
""")

test_backward = table("""
a.sum().backward()
  a.grad
(a * b).sum().backward()
  (a.grad, b.grad)
a.sum().backward()
  a.sum().backward()
  a.grad
a.backward()
(a * 2).backward(t.ones(3, 4, dtype=a.dtype))
  a.grad
(a * 2).backward(t.ones(3, dtype=a.dtype))
(a * 2).backward(gradient=b.detach())
  a.grad
x = (a * a).sum()
  x.backward()
  x.backward()
x = (a * a).sum()
  x.backward(retain_graph=True)
  x.backward()
  a.grad
i.sum().backward()
a.detach().sum().backward()
x = (a * a).sum()
  x.backward(inputs=[a])
  a.grad
(a * b).sum().backward(inputs=[b])
  (a.grad, b.grad)
(a * a * a).sum().backward(create_graph=True)
  g, a.grad = a.grad, None
  (g.requires_grad, g)
x = a * 2
  x.retain_grad()
  (x * x).sum().backward()
  (x.grad, x.retains_grad, a.retains_grad)
x = a * 2
  x.sum().backward()
  a.grad.requires_grad
a.retain_grad()
  a.retains_grad
x = a.detach().clone()
  x.retain_grad()
t.autograd.backward([a.sum(), (b * 2).sum()])
  (a.grad, b.grad)
t.autograd.backward((a * b).sum())
  a.grad
t.autograd.backward([a, b], [c.detach().expand(3, 4), a.detach()])
  (a.grad, b.grad)
a[0].sum().backward()
  a.grad
a.expand(2, 3, 4).sum().backward()
  a.grad
(a + a).sum().backward()
  a.grad
(a * 0).sum().backward()
  a.grad
a.grad = t.ones(3, 4, dtype=a.dtype)
  a.sum().backward()
  a.grad
a.grad = t.ones(2, dtype=a.dtype)
a.sum().backward()
  a.grad = None
  a.grad
a.to(t.float64).sum().backward()
  a.grad.dtype
(a.half() * 2).sum().backward()
  a.grad.dtype
x = a.exp()
  x.add_(1)
  x.sum().backward()
x = a * 2
  y = x.sin()
  x.zero_()
  y.sum().backward()
x = a * 2
  y = x + 1
  x.zero_()
  y.sum().backward()
  a.grad
a.add_(1)
with t.no_grad(): a.add_(1)
  a.requires_grad
""")

test_grad = table("""
t.autograd.grad(a.sum(), a)
t.autograd.grad((a * b).sum(), [a, b])
t.autograd.grad(a.sum(), b)
t.autograd.grad(a.sum(), [a, b], allow_unused=True)
t.autograd.grad(a.sum(), [a, b], materialize_grads=True)
t.autograd.grad(a.sum(), [a, b], allow_unused=False, materialize_grads=True)
t.autograd.grad(a * 2, a)
t.autograd.grad(a * 2, a, t.ones(3, 4, dtype=a.dtype))
t.autograd.grad(a * 2, a, grad_outputs=b.detach())
t.autograd.grad([a.sum(), b.sum()], [a, b])
t.autograd.grad([a * 2, b * 3], [a, b], [b.detach(), a.detach()])
t.autograd.grad((a ** 3).sum(), a, create_graph=True)
t.autograd.grad(t.autograd.grad((a ** 3).sum(), a, create_graph=True)[0].sum(), a)
t.autograd.grad(t.autograd.grad((a ** 3).sum(), a)[0].sum(), a)
t.autograd.grad(a.sum(), i)
t.autograd.grad(i.sum(), a)
x = (a * a).sum()
  t.autograd.grad(x, a)
  t.autograd.grad(x, a)
x = (a * a).sum()
  t.autograd.grad(x, a, retain_graph=True)
  t.autograd.grad(x, a)
x = a * 2
  t.autograd.grad((x * x).sum(), x)
x = a.sum()
  t.autograd.grad(x, x)
t.autograd.grad(outputs=a.sum(), inputs=a)
t.autograd.grad(a.sum(), [])
t.autograd.grad(a.sum(), a)
  a.grad
g = t.autograd.grad((a * b).sum(), a, create_graph=True)[0]
  (g.requires_grad, t.autograd.grad(g.sum(), b))
g = t.autograd.grad(a.sum(), a, create_graph=True)[0]
  g.requires_grad
g = t.autograd.grad((a * 2).sum(), a, create_graph=True)[0]
  t.autograd.grad(g.sum(), a)
""")

test_hooks = table("""
found = []
  a.register_hook(lambda g: found.append(g.clone()))
  (a * 3).sum().backward()
  found
a.register_hook(lambda g: g * 2)
  a.sum().backward()
  a.grad
x = a * 2
  x.register_hook(lambda g: g * 10)
  x.sum().backward()
  a.grad
order = []
  _ = a.register_hook(lambda g: order.append(1))
  _ = a.register_hook(lambda g: order.append(2))
  a.sum().backward()
  order
order = []
  h = a.register_hook(lambda g: order.append(1))
  h.remove()
  a.sum().backward()
  order
a.register_hook(lambda g: g + 1)
  a.register_hook(lambda g: g * 2)
  a.sum().backward()
  a.grad
x = a * 2
  x.retain_grad()
  x.register_hook(lambda g: g * 3)
  x.sum().backward()
  x.grad
i.register_hook(print)
order = []
  x, y = a * 2, b * 2
  _ = x.register_hook(lambda g: order.append("x"))
  _ = y.register_hook(lambda g: order.append("y"))
  (x + y).sum().backward()
  order
x = a * 2
  x.register_hook(lambda g: g * 2)
  t.autograd.grad(x.sum(), a)
""")

test_functions = table("""
class Double(t.autograd.Function):
      @staticmethod
      def forward(ctx, x):
          ctx.save_for_backward(x)
          return x * 2
      @staticmethod
      def backward(ctx, g):
          (x,) = ctx.saved_tensors
          return g * 2 + x * 0
  Double.apply(a)
class Pair(t.autograd.Function):
      @staticmethod
      def forward(ctx, x, y):
          ctx.save_for_backward(x, y)
          return x * y, x + y
      @staticmethod
      def backward(ctx, g, h):
          x, y = ctx.saved_tensors
          return g * y + h, g * x + h
  Pair.apply(a, b)
class Sign(t.autograd.Function):
      @staticmethod
      def forward(ctx, x, scale):
          ctx.scale = scale
          return x.sign()
      @staticmethod
      def backward(ctx, g):
          return g * ctx.scale, None
  Sign.apply(a, 3.0)
class Wrong(t.autograd.Function):
      @staticmethod
      def forward(ctx, x):
          return x * 2
      @staticmethod
      def backward(ctx, g):
          return g, g
  t.autograd.grad(Wrong.apply(a).sum(), a)
""")
