"""Losses with every reduction, weights, ignored classes, smoothing; and what they refuse."""

from parity.harness import table


def _reductions(*calls):
    """Each call with every reduction."""
    forms = ("'mean'", "'sum'", "'none'", "'average'")
    return "\n".join(f"{call[:-1]}, reduction={form})" for call in calls for form in forms)


test_reductions = table(
    _reductions(
        "F.mse_loss(a, b)",
        "F.l1_loss(a, b)",
        "F.smooth_l1_loss(a, b, beta=0.5)",
        "F.huber_loss(a, b, delta=0.7)",
        "F.binary_cross_entropy(unit, mask.to(a.dtype))",
        "F.binary_cross_entropy(unit, unit.detach(), weight=positive.detach())",
        "F.binary_cross_entropy_with_logits(a, unit)",
        "F.binary_cross_entropy_with_logits(a, unit, pos_weight=channel.detach())",
        "F.binary_cross_entropy_with_logits(a, unit, positive.data, pos_weight=channel.data)",
        "F.cross_entropy(a, classes)",
        "F.cross_entropy(a, classes, weight=channel.detach())",
        "F.cross_entropy(a, classes, ignore_index=3)",
        "F.cross_entropy(a, classes, label_smoothing=0.1)",
        "F.cross_entropy(a, classes, channel.detach(), ignore_index=0, label_smoothing=0.2)",
        "F.cross_entropy(a, unit)",
        "F.cross_entropy(a, unit, weight=channel.detach())",
        "F.cross_entropy(a, unit, weight=channel.detach(), label_smoothing=0.3)",
        "F.cross_entropy(image, i[:2, :1].abs()[:, :, None].expand(2, 6, 7) % 4)",
        "F.nll_loss(a, classes)",
        "F.nll_loss(a, classes, weight=channel.detach(), ignore_index=1)",
        "F.kl_div(a, unit)",
        "F.kl_div(a, b, log_target=True)",
        "F.hinge_embedding_loss(a[:, 0], signs)",
        "F.margin_ranking_loss(a[:, 0], b[:, 0], signs, margin=0.1)",
        "F.cosine_embedding_loss(a, b, signs, margin=0.2)",
        "F.gaussian_nll_loss(a, b, positive)",
        "F.gaussian_nll_loss(a, b, positive, full=True, eps=1e-3)",
    )
)

test_details = table("""
F.cross_entropy(input=a, target=classes)
F.cross_entropy(a[0], classes[0])
F.cross_entropy(a, classes + 3)
F.cross_entropy(a, classes[:2])
F.cross_entropy(a, classes.to(a.dtype))
F.cross_entropy(a, classes, ignore_index=-100)
F.cross_entropy(a, t.tensor([-100, -100, -100]))
F.cross_entropy(a, t.tensor([-100, 1, 2]))
F.cross_entropy(a, classes, label_smoothing=1.5)
F.cross_entropy(a, classes, weight=v.detach())
F.cross_entropy(a[:0], classes[:0])
F.cross_entropy(a[:0], classes[:0], reduction="sum")
F.cross_entropy(a, classes.int())
F.cross_entropy(a * 100, classes)
F.nll_loss(F.log_softmax(a, 1), classes)
F.nll_loss(a[0], classes[0])
F.nll_loss(image, i[:2, :1].abs()[:, :, None].expand(2, 6, 7) % 4)
F.nll_loss(a, classes + 9)
F.nll_loss(input=a, target=classes)
F.mse_loss(a, i)
F.mse_loss(a, c)
F.mse_loss(i, i)
F.mse_loss(a[:0], b[:0])
F.mse_loss(input=a, target=b)
F.mse_loss(a, b, weight=positive)
F.mse_loss(a, b, weight=c)
F.l1_loss(a, b, weight=positive.detach(), reduction="sum")
F.huber_loss(a, b, weight=positive.detach())
F.binary_cross_entropy_with_logits(a, unit, pos_weight=channel)
F.l1_loss(a, a.detach())
F.smooth_l1_loss(a, b)
F.smooth_l1_loss(a, b, beta=0)
F.smooth_l1_loss(a, b, beta=-1)
F.huber_loss(a, b, delta=0)
F.huber_loss(a * 3, b)
F.binary_cross_entropy(a, unit)
F.binary_cross_entropy(unit, mask)
F.binary_cross_entropy(unit, unit[:, :2])
F.binary_cross_entropy(t.tensor([0.0, 1.0]), t.tensor([0.0, 1.0]))
F.binary_cross_entropy(t.tensor([0.0, 1.0]), t.tensor([1.0, 0.0]))
F.binary_cross_entropy_with_logits(a * 100, unit)
F.binary_cross_entropy_with_logits(a, c)
F.kl_div(a, unit, reduction="batchmean")
F.kl_div(a, mask.to(a.dtype))
F.hinge_embedding_loss(a, signs[:, None].expand(3, 4), margin=0.5)
F.cosine_embedding_loss(a[0], b[0], signs[0])
F.cosine_embedding_loss(a, b, signs[:2])
F.gaussian_nll_loss(a, b, column.abs())
F.gaussian_nll_loss(a, b, -positive)
F.margin_ranking_loss(input1=a, input2=b, target=b.sign().detach())
nn.MSELoss()(a, b)
nn.MSELoss(reduction="sum")(a, b)
nn.L1Loss()(a, b)
nn.SmoothL1Loss(beta=0.5)(a, b)
nn.HuberLoss(delta=0.5)(a, b)
nn.CrossEntropyLoss(label_smoothing=0.1)(a, classes)
nn.CrossEntropyLoss(weight=channel.detach(), ignore_index=3)(a, classes)
nn.NLLLoss()(a, classes)
nn.BCELoss()(unit, unit.detach())
nn.BCEWithLogitsLoss(pos_weight=channel.detach())(a, unit)
nn.KLDivLoss(reduction="batchmean")(a, unit)
nn.KLDivLoss(log_target=True)(a, b)
nn.HingeEmbeddingLoss(margin=0.5)(a[:, 0], signs)
nn.MarginRankingLoss(0.3)(a[:, 0], b[:, 0], signs)
nn.CosineEmbeddingLoss(0.1)(a, b, signs)
nn.GaussianNLLLoss(full=True)(a, b, positive)
nn.MSELoss(reduction="avg")(a, b)
nn.CrossEntropyLoss()(a, b[:, :2])
""")
