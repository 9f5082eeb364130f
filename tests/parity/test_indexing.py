"""Reading and writing by position: slices, integers, arrays, masks, and all of them mixed."""

from parity.harness import table

test_reading = table("""
a[0]
a[-1]
a[0, 1]
a[5]
a[0, 1, 2]
a[1:]
a[::2, 1:3]
a[-2:, :-1]
a[10:]
a[::-1]
a[None]
a[:, None]
a[..., 0]
a[..., None]
cube[0, ..., 1]
cube[..., 1, :]
a[...]
a[[0, 2]]
a[[0, 2], [1, 3]]
a[index]
a[:, index]
a[index, index]
a[index[:, None], index]
a[[True, False, True]]
a[rows]
a[rows, 1]
a[rows, :2]
a[mask]
cube[:, mask]
a[mask.t()]
a[a > 0]
cube[0, :, [0, 1]]
cube[[0, 1], :, 1]
cube[[0, 1], :, [0, 1]]
cube[:, [0, 1], 1]
cube[0, [0, 1]]
cube[0, [0, 1], :]
cube[0, :, index]
cube[:, 0, index]
cube[None, 0, :, [0, 1]]
cube[[0, 1], None, [0, 1]]
cube[[1], ..., [2]]
cube[1, None, [0, 1]]
cube[:, None, index]
stacked[0, :, [0, 1]]
stacked[1, 2, [0, 1]]
stacked[[0, 1], 1]
stacked[[0, 1], 1:3, 0]
a[t.tensor(1)]
a[t.tensor([1])]
a[t.tensor(1), t.tensor([0, 1])]
a[True]
a[False]
a[None, True]
a[np.array([0, 2])]
a[np.int64(1)]
a[1.5]
a["x"]
a[t.tensor([0.5])]
a[[]]
a[t.tensor([], dtype=t.int64)]
a[t.tensor([5])]
a[t.tensor([-1])]
a[byte[0].bool()]
a[index.to(t.int32)]
a[[[0, 1], [1, 2]]]
a[(0, 1)]
a[[0, 1], ...]
a[..., [0, 1]]
a[range(2)]
s[None]
s[...]
s[()]
s[0]
empty[:, 0]
empty[0]
""")

test_writing = table("""
x = a.clone(); x[0] = 1; x
x = a.clone(); x[0] = b[1]; x
x = a.clone(); x[:, 1] = b[:, 0]; x
x = a.clone(); x[[0, 2]] = b[:2]; x
x = a.clone(); x[mask] = 0; x
x = a.clone(); x[mask] = b[mask]; x
x = a.clone(); x[x > 0] = 0; x
x = a.clone(); x[index] = 3.0; x
x = a.clone(); x[..., 0] = c[:3]; x
x = a.clone(); x[1:, ::2] = column[1:]; x
x = a.clone(); x[0] = i[0]; x
x = i.clone(); x[0] = 2.7; x
x = i.clone(); x[0] = a.detach()[0]; x
x = a.clone(); x[0, 1] = s; x
x = a.clone(); x[:, [0, 1]] = b[:, 2:]; x
x = cube.clone(); x[0, :, [0, 1]] = 5.0; x
x = cube.clone(); x[0, :, [0, 1]] = b[:2, :3]; x
x = a.clone(); x[0] = c[:2]; x
x = a.clone(); x[5] = 0; x
x = a.clone(); x[[0, 0]] = b[:2] * 0; x.sum()
x = a.clone(); x[0] += 1; x
x = a.clone(); x[:, 0] *= b[:, 1]; x
x = a.clone(); x[mask] += 1; x
x = a.clone(); x[True] = 1; x
x = a.clone(); x[rows] = 7; x
a[0] = 1
x = a.clone(); y = x[0]; y.mul_(2); x
x = a.clone(); y = x.view(12); y[3] = 0; x
x = a.clone(); y = x.t(); y.add_(1); x
x = a.clone(); y = x[1]; x.mul_(2); y
x = a.clone(); y = x.expand(2, 3, 4); y[0] = 1
x = a.clone(); x.unbind(0)[0].zero_()
x = a.clone(); p, q = x.split(2, 1); q.mul_(2)
x = a.clone(); x.narrow(1, 0, 2).fill_(3); x
x = a.clone(); x.select(0, 1).copy_(c); x
""")

test_gathering = table("""
t.gather(a, 0, index2)
t.gather(input=a, dim=1, index=index2)
t.gather(a, 1, index2[:, :2])
t.gather(a, 0, index2 + 9)
t.gather(a, 0, c)
t.take(a, index)
t.take(a, index2)
t.take_along_dim(a, index2, 0)
t.take_along_dim(a, index2[:1], dim=0)
t.take_along_dim(a, index)
t.index_select(a, 1, index)
t.index_select(input=a, dim=0, index=index)
a.index_select(0, index.int())
t.masked_select(a, mask)
t.masked_select(a, a > 0)
t.masked_fill(a, mask, 0)
a.masked_fill(mask, 2.5)
a.masked_fill(mask, s)
a.masked_fill(mask[:1], -1)
t.masked_fill(input=a, mask=mask, value=1)
i.masked_fill(mask, 2)
i.masked_fill(mask, 2.5)
a.masked_fill(i, 1)
a.clone().masked_fill_(mask, 0)
t.scatter(a, 0, index2, b[:2])
t.scatter(a, dim=0, index=index2, value=3.0)
a.scatter(1, index2, 2.0)
a.clone().scatter_(0, index2, b)
a.clone().scatter_(0, index2, 1.0)
t.scatter(a, 0, index2, b, reduce="multiply")
t.scatter_add(a, 0, index2, b[:2])
a.clone().scatter_add_(1, index2, b[:2])
t.scatter_reduce(a, 0, index2, b[:2], "sum")
t.scatter_reduce(a, 0, index2, b[:2], "amax")
t.scatter_reduce(a, 0, index2, b[:2], reduce="mean")
t.scatter_reduce(a, 0, index2, b[:2], reduce="prod", include_self=False)
t.index_add(a, 0, index, b)
t.index_add(a, 0, index, b, alpha=2)
a.clone().index_add_(1, t.tensor([0, 1, 1, 3]), b)
t.select_scatter(a, c, 0, 1)
t.slice_scatter(a, b[:, :2], 1, 0, 4, 2)
t.nonzero(i)
t.nonzero(mask, as_tuple=True)
t.argwhere(i)
t.nonzero(t.tensor(3))
i.nonzero()
""")
