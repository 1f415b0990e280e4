"""Small heads for replies and returns, with weights drawn once."""

import numpy as np

from models.shared_layer import SharedLayer, in_weight_steps
from models.talk import N_TALK, OUTCOMES, REPLY_KINDS, Softmax, TalkFigure, TalkHeads

N_LAYERS, DIM, N_UNITS = 3, 16, 20


def planted_heads() -> TalkHeads:
    rng = np.random.default_rng(7)
    layer = SharedLayer(
        means=rng.normal(size=N_LAYERS * DIM),
        scales=rng.uniform(0.5, 2, size=N_LAYERS * DIM),
        weights=in_weight_steps(rng.normal(size=(N_LAYERS * DIM, N_UNITS)) / 5),
        bias=rng.integers(-(2**18), 2**18, size=N_UNITS).astype(np.int32),
    )
    return TalkHeads(
        encoder_version="tiny-1",
        hidden_layers=(1, 2, 3),
        layer=layer,
        weights=in_weight_steps(rng.normal(size=(N_UNITS, N_TALK))),
        bias=rng.normal(size=N_TALK),
        of_reply=Softmax(rng.normal(size=(len(REPLY_KINDS) + 2, len(REPLY_KINDS))), rng.normal(size=len(REPLY_KINDS))),
        of_return=Softmax(rng.normal(size=(len(OUTCOMES), len(OUTCOMES))), rng.normal(size=len(OUTCOMES))),
        answer_threshold=0.5,
        recovered_threshold=0.6,
        calibration_error={"answer": 0.03, "recovered": 0.05},
        figures=(TalkFigure("reply", "*", "answer", 100, 40, 38, 35, 0.95),),
    )
