"""The graph as text and as a picture that can be read: nothing overlaps, lines end at boxes."""

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autotensor as at
from autotensor import nn
from autotensor.autograd import Function
from autotensor.diagnosis.layout import arrange
from autotensor.nn import functional as F


def small_cnn():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Linear(18, 3))  # fmt: skip


def test_text_of_a_perceptron():
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
    loss = F.mse_loss(net(at.ones(4, 3)), at.ones(4, 2))
    assert str(at.graph(loss, params=net)).splitlines() == [
        "0  mse_loss  ()  <- 1",
        "1  linear    (4, 2)  <- 2, 5, 4",
        "2  tanh      (4, 5)  <- 3",
        "3  linear    (4, 5)  <- 7, 6",
        "4  2.bias    (2,)",
        "5  2.weight  (2, 5)",
        "6  0.bias    (5,)",
        "7  0.weight  (5, 3)",
    ]


def test_text_of_a_convolutional_network():
    net = small_cnn()
    text = str(at.graph(net(at.ones(2, 1, 8, 8)), params=dict(net.named_parameters())))
    names = [line.split()[1] for line in text.splitlines()]
    assert names[:5] == ["linear", "reshape", "max_pool2d", "batch_norm+relu", "conv2d"]
    assert set(names[5:]) == {name for name, _ in net.named_parameters()}


def test_shared_nodes_are_shown_once():
    x = at.ones(2, requires_grad=True)
    y = x * 2
    assert str(at.graph(y + y, {"x": x})).splitlines() == [
        "0  add  (2,)  <- 1, 1",
        "1  mul  (2,)  <- 2",
        "2  x    (2,)",
    ]


def test_several_outputs_and_functions_of_several_results():
    class Both(Function):
        @staticmethod
        def forward(ctx, x):
            return x + 1, x * 2

        @staticmethod
        def backward(ctx, a, b):
            return a + b * 2

    x = at.ones(2, requires_grad=True)
    graph = at.graph(Both.apply(x))
    assert str(graph).splitlines() == [
        "0  Both  (2,)  <- 2",
        "1  Both  (2,)  <- 2",
        "2  Both    <- 3",
        "3  leaf  (2,)",
    ]


def test_what_has_no_graph():
    with pytest.raises(RuntimeError, match="no graph"):
        at.graph(at.ones(2))
    y = at.ones(1, requires_grad=True).exp()
    y.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        at.graph(y)


def test_long_chains():
    x = y = at.ones(1, requires_grad=True)
    for _ in range(200_000):
        y = y + 1
    lines = str(at.graph(y, {"x": x})).splitlines()
    assert len(lines) == 200_001 and lines[-1].split() == ["200000", "x", "(1,)"]
    z = x
    for _ in range(1000):  # each uses x, which is far above the last
        z = z * x
    assert at.graph(z, {"x": x}).svg().count("<rect") == 1002


def test_dot():
    x = at.ones(2, requires_grad=True)
    text = at.graph(x.exp(), {'"x"': x}).dot()
    assert text.startswith("digraph {") and text.endswith("}")
    assert '0 [label="exp\\n(2,)"' in text and r'1 [label="\"x\"\n(2,)"' in text
    assert "1 -> 0" in text


def test_saving(tmp_path):
    x = at.ones(2, requires_grad=True)
    graph = at.graph(x.exp(), {"a<b & c": x})
    for suffix, text in ((".svg", graph.svg()), (".dot", graph.dot()), (".txt", str(graph))):
        graph.save(tmp_path / f"graph{suffix}")
        assert (tmp_path / f"graph{suffix}").read_text() == text
    texts = [element.text for element in ElementTree.fromstring(graph.svg()).iter() if element.text]
    assert "a<b & c" in texts and "exp" in texts
    with pytest.raises(ValueError, match=r"\*.svg, \*.dot, \*.txt"):
        graph.save(tmp_path / "graph.png")


def check(sizes, inputs):
    """Boxes do not overlap, lines begin and end at boxes and cross none, and all is inside."""
    boxes, lines, (width, height) = arrange(sizes, inputs)
    for number, (x, y, w, h) in enumerate(boxes):
        assert (w, h) == sizes[number]
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height
        for other in inputs[number]:
            assert boxes[other][1] + boxes[other][3] < y, "an input is above what uses it"
        for a, b, c, d in boxes[:number]:
            assert x + w <= a or a + c <= x or y + h <= b or b + d <= y, "boxes overlap"
    bottoms = {(x + w / 2, y + h): n for n, (x, y, w, h) in enumerate(boxes)}
    tops = {(x + w / 2, y): n for n, (x, y, w, h) in enumerate(boxes)}
    leads = {}  # where a point of a line comes from: numbers of boxes
    found = set()
    for points, ends in sorted(lines, key=lambda line: line[0][0][1]):
        first = points[0]
        source = bottoms.get(first, leads.get(first))
        assert source is not None, "a line begins nowhere"
        if ends:
            found.add((tops[points[-1]], source))
        else:
            leads[points[-1]] = source
            (x, top), (_, bottom) = points[1:]
            for a, b, c, d in boxes:
                assert not (a < x < a + c and top < b + d and b < bottom), "a line through a box"
    assert found == {(user, source) for user, sources in enumerate(inputs) for source in sources}


@given(st.data())
def test_pictures_can_be_read(data):
    count = data.draw(st.integers(1, 14))
    inputs = [
        data.draw(st.lists(st.integers(n + 1, count - 1), max_size=3)) if n + 1 < count else []
        for n in range(count)
    ]
    sides = st.tuples(st.integers(5, 80), st.integers(5, 40))
    check(data.draw(st.lists(sides, min_size=count, max_size=count)), inputs)


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (small_cnn(), (2, 1, 8, 8)),
        (nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)), (3, 4)),
    ],
)
def test_pictures_of_networks(net, shape):
    graph = at.graph(net(at.ones(*shape)), params=net)
    picture = ElementTree.fromstring(graph.svg())
    rects = [e for e in picture.iter() if e.tag.endswith("rect") and e.get("x")]
    texts = [e for e in picture.iter() if e.tag.endswith("text")]
    assert len(rects) == len(graph) and len(texts) == 2 * len(graph)
    letter = 0.602 * 11.5  # of usual monospaced fonts
    boxes = [[float(r.get(side)) for side in ("x", "y", "width", "height")] for r in rects]
    for text in texts:  # in the middle of a box that is wide enough
        x, y = float(text.get("x")), float(text.get("y"))
        half = len(text.text) * letter / 2
        around = [
            (left, top)
            for left, top, width, height in boxes
            if left <= x - half and x + half <= left + width and top < y < top + height
        ]
        assert len(around) == 1, text.text
