"""What a profile counts: calls, time within time, memory, work; and that it leaves nothing on."""

import json
import sys

import pytest

import autotensor as at
from autotensor import nn, optim
from autotensor.nn import functional as F


def rows_of(text):
    """The rows of a table by the name in their first column: dicts by heading."""
    lines = text.splitlines()
    headings = [h for h in lines[0].split("  ") if h]
    ends = [lines[0].index(h) + len(h) for h in headings]
    found = {}
    for line in lines[2:-1]:
        start, cells = 0, {}
        for number, (heading, end) in enumerate(zip(headings, ends, strict=True)):
            if number == 0:  # names to the left, all else to the right
                end = lines[0].index(headings[1].strip()) - 2
                end = max(end, len(line[:end].rstrip()))
            cells[heading.strip()] = line[start:end].strip()
            start = end
        found[cells[headings[0].strip()]] = cells
    return found


def profiled(compute, **options):
    with at.profile() as p:
        compute()
    return p, rows_of(p.table(**options))


def test_calls_and_work_of_products():
    x, w = at.randn(8, 16), at.randn(4, 16, requires_grad=True)
    _, rows = profiled(lambda: [F.linear(x, w).sum().backward() for _ in range(3)])
    assert rows["linear"]["calls"] == "3" and rows["linear"]["backward"] == "3"
    assert rows["sum"]["calls"] == "3"
    assert rows["(walk of the graph)"]["backward"] == "3"
    assert rows["linear"]["memory"] == f"{3 * 8 * 4 * 4} B"


def work(p):
    """Floating-point operations by name, forward and backward."""
    sums = {}
    for span in p.spans:
        if span.kind in ("forward", "backward"):
            key = span.name, span.kind
            sums[key] = sums.get(key, 0) + span.work
    return {key: total for key, total in sums.items() if total}


@pytest.mark.parametrize(
    ("compute", "name", "forward", "backward"),
    [
        (lambda x: at.randn(5, 3) @ x(3, 7), "matmul", 2 * 5 * 3 * 7, 2 * 5 * 3 * 7),
        (lambda x: x(6, 5, 3) @ x(3, 7), "matmul", 2 * 30 * 21, 4 * 30 * 21),
        (lambda x: x(6, 5, 3) @ x(6, 3, 7), "matmul", 2 * 30 * 21, 4 * 30 * 21),
        (lambda x: at.addmm(x(5, 7), x(5, 3), x(3, 7)), "matmul", 2 * 5 * 21, 4 * 5 * 21),
        (lambda x: F.linear(x(2, 5, 3), x(7, 3)), "linear", 2 * 10 * 21, 4 * 10 * 21),
        (lambda x: F.conv2d(x(2, 4, 9, 9), x(6, 2, 3, 3), groups=2), "conv2d",
         2 * 2 * 49 * 6 * 2 * 9, 4 * 2 * 49 * 6 * 2 * 9),
        (lambda x: F.conv1d(at.randn(2, 4, 9), x(6, 4, 3), x(6), stride=2), "conv1d",
         2 * 2 * 4 * 6 * 4 * 3, 2 * 2 * 4 * 6 * 4 * 3),
        (lambda x: F.conv_transpose2d(x(2, 4, 3, 3), x(4, 5, 2, 2)), "conv_transpose2d",
         2 * 2 * 9 * 4 * 5 * 4, 4 * 2 * 9 * 4 * 5 * 4),
        (lambda x: nn.LSTM(3, 4)(x(5, 2, 3))[0], "lstm",
         2 * 10 * 16 * (3 + 4), 2 * 10 * 16 * (2 * 3 + 2 * 4)),
        (lambda x: nn.GRU(3, 4)(at.randn(5, 2, 3))[0], "gru",
         2 * 10 * 12 * (3 + 4), 2 * 10 * 12 * (3 + 2 * 4)),
    ],
)  # fmt: skip
def test_work(compute, name, forward, backward):
    with at.profile() as p:
        compute(lambda *shape: at.randn(*shape, requires_grad=True)).sum().backward()
    assert work(p) == {(name, "forward"): forward, (name, "backward"): backward}


def test_time_lies_within_time():
    x = at.randn(50, 50, requires_grad=True)
    with at.profile() as p:
        F.normalize(x).sum().backward()
    whole = next(s for s in p.spans if s.name == "normalize" and s.kind == "forward")
    inside = [s for s in p.spans if s.within is whole]
    assert {"norm", "clamp", "div"} <= {s.name for s in inside}
    assert whole.inner == pytest.approx(sum(s.duration for s in inside))
    assert 0 <= whole.own <= whole.duration <= p.seconds
    for span in p.spans:
        assert p.begin <= span.start <= span.end <= p.end
        if span.within is not None:
            assert span.within.start <= span.start and span.end <= span.within.end
    assert sum(s.own for s in p.spans if s.kind != "rule") <= p.seconds


def test_grouped_by_shape_and_sorted():
    x, y = at.ones(2, 3), at.ones(4)
    with at.profile() as p:
        x + x, x + x, y * y
    text = p.table(group_by="shape", sort_by="calls")
    lines = text.splitlines()
    assert lines[2].startswith("add") and lines[2].endswith("(2,3) (2,3)")
    assert lines[3].startswith("mul") and lines[3].endswith("(4,) (4,)")
    assert len(p.table(row_limit=1).splitlines()) == 4
    assert p.table(sort_by="name").splitlines()[2].startswith("add")
    for key in ("time", "forward", "self", "backward", "memory", "gflop", "gflops"):
        assert len(p.table(sort_by=key).splitlines()) == 5
    with pytest.raises(ValueError, match="sort_by is one of time, calls"):
        p.table(sort_by="cpu_time")
    with pytest.raises(ValueError, match="group_by"):
        p.table(group_by="color")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 2)])

    def forward(self, x):
        return self.layers[1](self.layers[0](x).relu())


def test_modules_and_optimizers():
    net = Net()
    optimizer = optim.SGD(net.parameters(), lr=0.1)

    def step():
        net(at.ones(4, 3)).sum().backward()
        optimizer.step()

    p, rows = profiled(step, group_by="module")
    assert {"Net", "Net.layers.0", "Net.layers.1", "SGD.step", "(no module)"} <= rows.keys()
    assert rows["Net.layers.0"]["calls"] == rows["Net.layers.0"]["backward"] == "1"
    assert rows["Net"]["backward"] == "1"  # ReLU's
    assert "SGD.step" in str(p) and "Net" not in str(p)
    assert sum(s.kind == "optimizer" for s in p.spans) == 1


def test_optimizers_with_a_step_of_their_own():
    w = at.ones(2, requires_grad=True)
    optimizer = optim.LBFGS([w], max_iter=2)

    def closure():
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    schedule = optim.lr_scheduler.StepLR(optimizer, 1)
    with at.profile() as p:
        optimizer.step(closure)
        schedule.step()
    assert [s.name for s in p.spans if s.kind == "optimizer"] == ["LBFGS.step"]
    step = next(s for s in p.spans if s.kind == "optimizer")
    assert any(s.within is step and s.name == "mul" for s in p.spans)


def test_deferred_convolutions_are_counted_where_they_are_made():
    conv = nn.Conv2d(2, 3, 3)
    with at.no_grad(), at.profile() as p:
        F.relu(conv(at.ones(1, 2, 6, 6)))
    assert work(p) == {("conv2d", "forward"): 2 * 16 * 3 * 2 * 9}


def test_a_walk_within_a_rule_is_a_part_of_it():
    norm = nn.BatchNorm2d(2).eval()  # whose rule differentiates the formula
    y = norm(at.randn(2, 2, 4, 4, requires_grad=True)) * 2
    with at.profile() as p:
        y.sum().backward()
    assert [s.name for s in p.spans if s.kind == "backward"] == ["sum", "mul", "batch_norm"]
    assert sum(s.kind == "walk" for s in p.spans) == 1
    assert any(s.kind == "rule" and s.name == "(walk of the graph)" for s in p.spans)


def test_views_take_no_memory():
    x = at.ones(4, 4)
    with at.profile() as p:
        x.reshape(16)[2:].reshape(2, 7)
        x.reshape(2, 8) + 1
    sizes = {span.name: span.nbytes for span in p.spans}
    assert sizes == {"reshape": 0, "getitem": 0, "add": 64}


def test_in_place_and_comparisons_have_names():
    x = at.ones(3)
    with at.profile() as p:
        x += 1
        x.clamp_(max=1), x < 2, x.floor(), x.max(), x.all()
        x[0] = 3
    names = [span.name for span in p.spans if span.within is None]
    assert names == ["add_", "clamp_", "lt", "floor", "max", "all", "setitem"]


def test_trace(tmp_path):
    net = Net()
    with at.profile() as p:
        net(at.ones(4, 3)).sum().backward()
    p.export_chrome_trace(tmp_path / "trace.json")
    trace = json.loads((tmp_path / "trace.json").read_text())
    events = trace["traceEvents"]
    assert len(events) == len(p.spans)
    by_name = {event["name"]: event for event in events}
    walk, rule = by_name["(walk of the graph)"], by_name["linear backward"]
    assert walk["ts"] <= rule["ts"] and rule["ts"] + rule["dur"] <= walk["ts"] + walk["dur"]
    assert rule["args"]["shapes"] == [[4, 3], [3, 3], [3]]
    assert rule["args"]["module"] == "Net.layers.0"
    assert {e["cat"] for e in events} == {"forward", "backward", "walk", "rule", "module"}
    assert all(e["ph"] == "X" and e["dur"] >= 0 and e["ts"] >= 0 for e in events)


def test_nothing_is_left_on_and_errors_pass():
    with pytest.raises(RuntimeError, match="do not broadcast"), at.profile() as p:
        at.ones(2) + at.ones(3)
    assert sys.getprofile() is None
    assert [span.name for span in p.spans] == ["add"]
    with pytest.raises(RuntimeError, match="measures one block"), p:
        pass
    with at.profile(), pytest.raises(RuntimeError, match="another profiler"), at.profile():
        pass
    assert sys.getprofile() is None


def test_with_detect_anomaly():
    x = at.zeros(2, requires_grad=True)
    with at.profile() as p, at.detect_anomaly():
        F.binary_cross_entropy(x, at.zeros(2)).backward()  # log(0) on the way
    names = [s.name for s in p.spans if s.within is None]
    assert names == [
        "binary_cross_entropy",
        "(walk of the graph)",
    ]
    assert sys.getprofile() is None


def test_an_empty_profile_has_a_table():
    with at.profile() as p:
        pass
    assert str(p).splitlines()[0].startswith("operation")
