"""PyTorch's first way to say what becomes of losses: ``size_average`` and ``reduce``."""

import functools
import warnings
from inspect import Parameter, Signature, signature

_ANY = Parameter.POSITIONAL_OR_KEYWORD


def legacy_reduction(function=None, *, size_average_before="reduce"):
    """``function``, a loss, with PyTorch's signature: ``size_average`` and ``reduce`` as well.

    They stand where PyTorch has them, ``reduce`` before ``reduction``; given, they decide the
    reduction, with a warning.
    """
    if function is None:
        return functools.partial(legacy_reduction, size_average_before=size_average_before)
    own = list(signature(function).parameters.values())
    parameters = [p.replace(kind=_ANY) for p in own]
    for name, before in (("reduce", "reduction"), ("size_average", size_average_before)):
        place = [p.name for p in parameters].index(before)
        parameters.insert(place, Parameter(name, _ANY, default=None))
    theirs = Signature(parameters)
    plain = [p.name for p in parameters].index("size_average")
    plain = min(plain, sum(p.kind is _ANY for p in own))

    known = frozenset(p.name for p in own)

    @functools.wraps(function)
    def call(*args, **options):
        if len(args) <= plain and known.issuperset(options):  # the usual call costs no more
            return function(*args, **options)
        given = theirs.bind(*args, **options).arguments
        average, reduce = given.pop("size_average", None), given.pop("reduce", None)
        if average is not None or reduce is not None:
            given["reduction"] = _reduction(average, reduce)
        return function(**given)

    call.__signature__ = theirs
    return call


def _reduction(size_average, reduce):
    """The reduction that the two flags mean, with PyTorch's warning."""
    kind = "none" if reduce is False else "sum" if size_average is False else "mean"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{kind}' instead.",
        UserWarning,
        stacklevel=3,
    )
    return kind
