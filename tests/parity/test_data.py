"""Data sets, samplers and loaders in their order; random ones by what they hold."""

from parity.harness import table

test_loading = table("""
list(data.DataLoader(data.TensorDataset(t.arange(5), t.arange(5) * 2), batch_size=2))
list(data.DataLoader(data.TensorDataset(t.arange(5)), batch_size=2, drop_last=True))
list(data.DataLoader(data.TensorDataset(t.arange(5))))
len(data.DataLoader(data.TensorDataset(t.arange(5)), batch_size=2))
len(data.DataLoader(data.TensorDataset(t.arange(5)), batch_size=2, drop_last=True))
list(data.DataLoader([1, 2, 3], batch_size=2))
list(data.DataLoader([1.5, 2.5, 3.5], batch_size=3))
list(data.DataLoader([(1, 2.0), (3, 4.0)], batch_size=2))
list(data.DataLoader([{"x": 1, "y": [1, 2]}, {"x": 3, "y": [3, 4]}], batch_size=2))
list(data.DataLoader(["a", "b"], batch_size=2))
list(data.DataLoader([np.ones(2), np.zeros(2)], batch_size=2))
list(data.DataLoader([1, 2, 3], batch_size=None))
list(data.DataLoader([1, 2, 3, 4], sampler=[3, 1]))
list(data.DataLoader([1, 2, 3, 4], batch_sampler=[[3, 1], [0]]))
list(data.DataLoader([1, 2, 3], batch_size=2, collate_fn=sum))
sorted(x.item() for x in data.DataLoader([1, 2, 3], shuffle=True))
data.DataLoader([1, 2, 3], batch_size=0)
data.DataLoader([1, 2], shuffle=True, sampler=[0, 1])
data.DataLoader([1, 2], batch_sampler=[[0]], batch_size=2)
list(data.DataLoader([t.ones(2), t.ones(3)], batch_size=2))
data.TensorDataset(t.arange(3), t.arange(4))
data.TensorDataset(t.arange(3), t.arange(3) * 2)[1]
data.TensorDataset(t.arange(3))[:2]
len(data.Subset([1, 2, 3, 4], [0, 2]))
data.Subset([1, 2, 3, 4], [0, 2])[1]
[len(x) for x in data.random_split(range(10), [7, 3])]
[len(x) for x in data.random_split(range(10), [0.75, 0.25])]
data.random_split(range(10), [7, 4])
data.ConcatDataset([[1, 2], [3]])[2]
list(data.SequentialSampler([5, 6, 7]))
sorted(data.RandomSampler(range(5)))
list(data.BatchSampler(data.SequentialSampler(range(5)), 2, False))
list(data.BatchSampler(range(5), 2, True))
len(list(data.WeightedRandomSampler([0.1, 0.9], 5)))
data.default_collate([t.zeros(2), t.ones(2)])
data.default_collate([1, 2])
""")
