"""The card of the heads that judge replies and returns, all from the heads themselves."""

from collections.abc import Iterable, Sequence

from models.heads import POOLED
from models.talk import OPENING_SIGNALS, OUTCOMES, REPLY_KINDS, TalkFigure, TalkHeads

MIN_CLASS_ROWS = 10
"""A figure on fewer rows of its class is left out."""


def write_talk_card(heads: TalkHeads) -> str:
    """Write the model card as Markdown."""
    errors = ", ".join(f"{name} {error:.3f}" for name, error in heads.calibration_error.items())
    layers = ", ".join(map(str, heads.hidden_layers[:-1]))
    blocks = (
        "# Replies and returns",
        f"What a reply is to its opening ({', '.join(REPLY_KINDS)}), and whether somebody who complained comes back "
        f"less unhappy ({', '.join(OUTCOMES)}). `training/data/LABELLING.md` defines the classes.",
        f"Version `{heads.version}`, for encoder `{heads.encoder_version}`. {heads.layer.n_units} units of its own "
        f"read the mean-pooled hidden layers {layers}; {len(REPLY_KINDS) + len(OUTCOMES)} outputs give log odds of a "
        f"text alone. For a reply, a last step adds what its opening is (the signals {' and '.join(OPENING_SIGNALS)}). "
        "Made by `klankbord train`; this card is written by that command.",
        "## What it learned from",
        "`training/data/replies.jsonl` and `returns.jsonl`, written for this project (CC BY 4.0), and nothing else "
        "about replies; the units learn the eight signals of `posts-*.jsonl` along with them. No role, no length, no "
        "post of a real community.",
        "## How it did on industries that were left out",
        _table(
            ("class", "language", "n", "of the class", "precision", "recall", "AUC"),
            (_cells(figure) for figure in heads.figures if figure.n_class >= MIN_CLASS_ROWS),
        ),
        f"Industries were left out two at a time, in every language. Expected calibration error: {errors}. A reply is "
        f"an answer from a probability of {heads.answer_threshold}, a return recovered from "
        f"{heads.recovered_threshold}; below that the likeliest other class is given.",
        "## Known weaknesses",
        "- The pairs were written to order: pile-ons are angrier and off-thread replies further off than in life. On "
        "real replies the figures are lower (docs/decisions/0010-replies.md).\n"
        "- The recipe was chosen on the rows that the figures above come from, which flatters them slightly.\n"
        "- German and French pairs are few; other languages rest on the encoder alone.",
    )
    return "\n\n".join(blocks) + "\n"


def _cells(figure: TalkFigure) -> tuple[str, ...]:
    precision = f"{figure.n_hit / figure.n_called:.2f}" if figure.n_called else ""
    language = "all" if figure.language == POOLED else figure.language
    auc = "" if figure.auc is None else f"{figure.auc:.3f}"
    recall = f"{figure.n_hit / figure.n_class:.2f}"
    return figure.name, language, f"{figure.n:,}", f"{figure.n_class:,}", precision, recall, auc


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (header, ["---"] * len(header), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
