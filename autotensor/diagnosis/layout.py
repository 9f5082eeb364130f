"""A layered drawing of a graph without cycles (Sugiyama, Tagawa and Toda 1981), in small.

Every node gets a layer, below all its inputs. Edges over several layers lead through points of
their own there, shared by the edges of one node, so that they pass between boxes. Layers are put in
the order of the averages of their neighbours, a few times up and down, and moved towards them.
"""

import itertools

_SWEEPS = 8
_GAP, _DROP, _MARGIN = 14.0, 34.0, 12.0  # pixels: between boxes, between layers, around all


def arrange(sizes, inputs):
    """Where the boxes of a graph go, and the lines between them.

    ``sizes`` are pairs (width, height); ``inputs`` lists of the numbers of the boxes that lead to
    each, which are greater than its own. Returns boxes (x, y, width, height); lines, pairs of
    points (x, y) and whether they end at a box; and the width and height of it all.
    """
    layers, links = _layered(inputs)
    count = len(sizes)
    points = sum(map(len, layers)) - count
    widths = [width for width, _ in sizes] + [0.0] * points
    centres = _centres(layers, links, widths)
    tops, bottoms, end = _heights(layers, sizes)
    left = min(c - w / 2 for c, w in zip(centres, widths, strict=True)) - _MARGIN
    centres = [c - left for c in centres]
    right = max(c + w / 2 for c, w in zip(centres, widths, strict=True)) + _MARGIN

    boxes = [(centres[n] - widths[n] / 2, tops[n], *sizes[n]) for n in range(count)]
    lines = []
    for a, b in links:
        line = [(centres[a], bottoms[a]), (centres[b], tops[b])]
        if b >= count:
            line.append((centres[b], bottoms[b]))  # past the boxes of this layer
        lines.append((line, b < count))
    return boxes, lines, (right, end)


def _layered(inputs):
    """Lists of the numbers in each layer, from above; and pairs of those that are linked.

    Numbers beyond the boxes are points that edges lead through.
    """
    depths = [0] * len(inputs)  # how many layers above the lowest
    for user, sources in enumerate(inputs):
        for source in sources:
            depths[source] = max(depths[source], depths[user] + 1)
    layers = [[] for _ in range(max(depths) + 1)]
    for number in reversed(range(len(inputs))):  # first made, furthest to the left
        layers[depths[number]].append(number)

    points = {}  # by source and depth
    links = {}  # in order, and without repetition
    number = len(inputs)
    for user, sources in enumerate(inputs):
        for source in sources:
            lower = user
            for depth in range(depths[user] + 1, depths[source]):
                known = (source, depth) in points
                if not known:
                    points[source, depth] = number
                    layers[depth].append(number)
                    number += 1
                links[points[source, depth], lower] = None
                if known:  # and so is its way up
                    break
                lower = points[source, depth]
            else:
                links[source, lower] = None
    return layers[::-1], list(links)


def _centres(layers, links, widths):
    """The x of the middle of everything."""
    above, below = [[] for _ in widths], [[] for _ in widths]
    for a, b in links:
        below[a].append(b)
        above[b].append(a)
    centres = [0.0] * len(widths)
    for layer in layers:
        _place(layer, [float(i) for i in range(len(layer))], widths, centres)
    for sweep in range(_SWEEPS):
        down = sweep % 2
        for layer in layers if down else reversed(layers):
            wanted = []
            for n in layer:
                near = (above if down else below)[n] or [n]
                wanted.append(sum(centres[m] for m in near) / len(near))
            _place(layer, wanted, widths, centres)
    return centres


def _place(layer, wanted, widths, centres):
    """Put a layer in the order of the ``wanted`` centres, and as near to them as there is room.

    Pushed to the right where it is tight, or to the left: both leave room, and so does their mean.
    """
    order = sorted(range(len(layer)), key=wanted.__getitem__)
    layer[:] = [layer[i] for i in order]
    wanted = [wanted[i] for i in order]
    steps = [(widths[a] + widths[b]) / 2 + _GAP for a, b in itertools.pairwise(layer)]
    rightmost, leftmost = wanted[:], wanted[:]
    for i, step in enumerate(steps):
        rightmost[i + 1] = max(wanted[i + 1], rightmost[i] + step)
    for i, step in reversed(list(enumerate(steps))):
        leftmost[i] = min(wanted[i], leftmost[i + 1] - step)
    for n, low, high in zip(layer, leftmost, rightmost, strict=True):
        centres[n] = (low + high) / 2


def _heights(layers, sizes):
    """Top and bottom of everything, and of the whole; boxes are in the middle of their layer."""
    tops, bottoms, y = {}, {}, _MARGIN
    for layer in layers:
        heights = {n: sizes[n][1] for n in layer if n < len(sizes)}
        most = max(heights.values())
        for n in layer:
            own = heights.get(n, most)
            tops[n], bottoms[n] = y + (most - own) / 2, y + (most + own) / 2
        y += most + _DROP
    return tops, bottoms, y - _DROP + _MARGIN
