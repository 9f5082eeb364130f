"""Writes in place, views that follow them, and sums with products."""

from parity.harness import table

test_writing_at_an_index = table("""
x = a.clone(); y = x.diagonal(); y.zero_(); x
x = a.clone(); x.squeeze_(); x
x = row.clone(); x.squeeze_(0); x
x = a.clone(); x.unsqueeze_(0); x
x = a.clone(); x.t_(); x
x = a.clone(); x.transpose_(0, 1); x
t.masked_scatter(a, mask, b)
a.masked_scatter(mask, c)
a.clone().masked_scatter_(mask, b)
t.index_copy(a, 0, t.tensor([2, 0]), b[:2])
a.clone().index_copy_(0, t.tensor([1]), row)
t.index_fill(a, 0, index, 1.5)
a.clone().index_fill_(1, index, 0)
a.clone().index_put_((index,), row, accumulate=True)
""")

test_fused_arithmetic = table("""
t.addcmul(a, b, positive, value=0.5)
t.addcmul(a, b, c)
t.addcdiv(a, b, positive, value=2)
t.addcdiv(i, i, j)
a.addcmul(b, positive)
a.clone().addcmul_(b, positive, value=3)
a.clone().addcdiv_(b, positive)
t.clamp_min(a, 0.1)
t.clamp_max(a, 0.1)
""")

test_views_along_diagonals = table("""
t.diagonal(a)
t.diagonal(a, 1)
t.diagonal(cube, dim1=0, dim2=2)
t.diagonal(cube, offset=-1, dim1=1, dim2=2)
a.unfold(1, 2, 1)
c.unfold(0, 2, 2)
""")

test_linear_more = table("""
t.addmv(t.ones(3, dtype=a.dtype), a, c, alpha=0.5)
t.addr(t.zeros(4, 5, dtype=a.dtype), c, v)
t.baddbmm(t.ones(2, 3, 5, dtype=a.dtype), cube, stacked, beta=0.5)
t.addbmm(t.ones(3, 5, dtype=a.dtype), cube, stacked)
F.embedding(index2, a)
F.embedding(index2, a, padding_idx=1)
""")
