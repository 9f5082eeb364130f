"""The graph of a tensor, as text, for Graphviz, or as a picture."""

from autotensor.diagnosis.layout import arrange
from autotensor.tensor import Tensor, history

_FILLS = {"operation": "#eef2f7", "leaf": "#e3f1e3"}
_LETTER, _LINE, _PADDING = 7.0, 15.0, 8.0  # pixels: a letter's width, a line's height, a border


def graph(output, params=None):
    """The graph that ``output``, a tensor or a sequence of tensors, was made by, as a `Graph`.

    ``params`` names leaves: a module, or a dict of names and tensors. RuntimeError where nothing
    is recorded.
    """
    outputs = (output,) if isinstance(output, Tensor) else tuple(output)
    roots = [history(x) for x in outputs]
    if not roots or None in roots:
        raise RuntimeError(
            "graph: this tensor has no graph: nothing it was made from requires gradients (or it "
            "was made under no_grad)"
        )
    if any(root.edges is None for root in roots):
        raise RuntimeError(
            "graph: backward() has freed this graph: draw it before, or backward(retain_graph=True)"
        )
    named = {} if params is None else params
    pairs = named.items() if isinstance(named, dict) else named.named_parameters()
    return Graph(roots, {history(x): name for name, x in pairs})


class Graph:
    """Nodes, the last made first, and their inputs: ``print`` it, or `save` a picture of it.

    ``labels`` are pairs of an operation or a leaf's name, and a shape; ``inputs`` lists of the
    numbers of nodes.
    """

    def __init__(self, roots, names):
        nodes = _reached(roots)
        number = {node: place for place, node in enumerate(nodes)}
        self.labels = [(_name(node, names), _shape(node)) for node in nodes]
        self.inputs = [[number[n] for n, _ in node.next_functions] for node in nodes]
        self.leaves = [node.edges == () for node in nodes]

    def __len__(self):
        return len(self.labels)

    def __str__(self):
        digits = len(str(len(self) - 1))
        width = max(len(name) for name, _ in self.labels) if len(self) < 1000 else 0
        lines = []
        for place, ((name, shape), inputs) in enumerate(zip(self.labels, self.inputs, strict=True)):
            origin = f"  <- {', '.join(map(str, inputs))}" if inputs else ""
            lines.append(f"{place:>{digits}}  {name:<{width}}  {shape}{origin}".rstrip())
        return "\n".join(lines)

    def dot(self):
        """The graph in the language of Graphviz."""
        lines = ["digraph {", "  node [shape=box, style=filled]"]
        for place, (name, shape) in enumerate(self.labels):
            text = f"{name}\n{shape}".replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            lines.append(f'  {place} [label="{text}", fillcolor="{self._fill(place)}"]')
        lines += [f"  {i} -> {place}" for place, inputs in enumerate(self.inputs) for i in inputs]
        return "\n".join([*lines, "}"])

    def svg(self):
        """The graph as a picture: from leaves, above, to results, below."""
        sizes = [self._size(place) for place in range(len(self))]
        boxes, paths, (width, height) = arrange(sizes, self.inputs)
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
            f'width="{width:g}" height="{height:g}" font-family="monospace" font-size="11.5">',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#556"/></marker></defs>',
            f'<rect width="{width:g}" height="{height:g}" fill="white"/>',
        ]
        for points, ends in paths:
            tip = ' marker-end="url(#tip)"' if ends else ""
            lines.append(f'<path d="{_curve(points)}" fill="none" stroke="#556"{tip}/>')
        for place, box in enumerate(boxes):
            lines += self._drawn(place, *box)
        return "\n".join([*lines, "</svg>"])

    def save(self, path):
        """Write the graph to a file: a picture for ".svg", Graphviz's for ".dot", text for ".txt".

        ValueError for another suffix.
        """
        formats = {".svg": self.svg, ".dot": self.dot, ".txt": self.__str__}
        written = [write for suffix, write in formats.items() if str(path).endswith(suffix)]
        if not written:
            raise ValueError(f"graph: save to one of *{', *'.join(formats)}, not to {path}")
        with open(path, "w", encoding="utf-8") as file:
            file.write(written[0]())

    def _fill(self, place):
        return _FILLS["leaf" if self.leaves[place] else "operation"]

    def _size(self, place):
        """Width and height of the box of a node."""
        lines = [line for line in self.labels[place] if line]
        return max(map(len, lines)) * _LETTER + 2 * _PADDING, len(lines) * _LINE + 2 * _PADDING

    def _drawn(self, place, x, y, width, height):
        """The box of a node, by its top left corner, with the lines of its label."""
        yield (
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4" '
            f'fill="{self._fill(place)}" stroke="#556"/>'
        )
        for line, text in enumerate(filter(None, self.labels[place])):
            base = y + _PADDING + (line + 0.75) * _LINE
            text = text.replace("&", "&amp;").replace("<", "&lt;")
            yield f'<text x="{x + width / 2:g}" y="{base:g}" text-anchor="middle">{text}</text>'


def _reached(roots):
    """All nodes that lead to ``roots``, the last made first."""
    seen, stack = set(roots), list(roots)
    while stack:
        for node, _ in stack.pop().next_functions:
            if node not in seen:
                seen.add(node)
                stack.append(node)
    return sorted(seen, key=lambda node: -node.order)


def _name(node, names):
    return names.get(node, node.name) if node.edges == () else node.name


def _shape(node):
    """A node's shape; nothing for an operation of several results, which have nodes themselves."""
    return "" if node.dtype is None else str(tuple(node.shape))


def _curve(points):
    """A path from the first point to the second, vertical at both, and straight on to others."""
    (x, y), (to_x, to_y), *rest = points
    middle = (y + to_y) / 2
    curve = f"M{x:g} {y:g}C{x:g} {middle:g} {to_x:g} {middle:g} {to_x:g} {to_y:g}"
    return curve + "".join(f"L{x:g} {y:g}" for x, y in rest)
