"""Written replies and returns in, the heads that judge replies and returns out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from models.calibration import expected_calibration_error
from models.encoder import Encoder
from models.heads import POOLED, HeadSet
from models.signals import SIGNALS
from models.talk import (
    N_TALK,
    OPENING_SIGNALS,
    OUTCOMES,
    REPLY_KINDS,
    TALK_FILE,
    Softmax,
    TalkFigure,
    TalkHeads,
    call_classes,
    reply_features,
    return_features,
)
from moderation.posts import Post
from moderation.reading import read_words
from training.dataset import read_written
from training.fit import NotEnoughLabels, Readout, fit_readout, standardise
from training.network import Recipe
from training.talk_card import write_talk_card
from training.written_posts import read_lines

RECIPE = Recipe(n_units=128, n_passes=120)
SIGNALS_WEIGHT = 0.3
"""Of a written post beside a reply: the eight signals are learned along, so that units know tone and questions from
more texts than the pairs (docs/decisions/0010-replies.md)."""
N_FOLDS = 6
MIN_ROWS = 10
"""Of every kind and outcome; with fewer nothing can be validated."""
STRENGTH = 0.1
"""Inverse L2 penalty of the last step, for features of unit variance."""
THRESHOLD = 0.5

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TalkTexts:
    """Texts that the units are learned from: the replies first, then the returns, then written posts.

    Attributes
    ----------
    openings : of each reply, the post that it replies to.
    reply_kinds : shape (n_replies,), columns of `REPLY_KINDS`.
    outcomes : shape (n_returns,), columns of `OUTCOMES`.
    signals : shape (n_posts, 8), 1, 0 or NaN.
    folds : shape (n,), in [0, `N_FOLDS`); equal for texts of one industry.
    languages : of the replies, then of the returns.
    """

    texts: tuple[str, ...]
    openings: tuple[str, ...]
    reply_kinds: NDArray[np.int64]
    outcomes: NDArray[np.int64]
    signals: Array
    folds: NDArray[np.int64]
    languages: tuple[str, ...]

    @property
    def of_replies(self) -> slice:
        """Rows of the replies."""
        return slice(0, len(self.reply_kinds))

    @property
    def of_returns(self) -> slice:
        """Rows of the returns."""
        return slice(len(self.reply_kinds), len(self.reply_kinds) + len(self.outcomes))


@dataclass(frozen=True)
class Judged:
    """A last step with the probabilities of rows whose industries it was not fitted on, shape (n, n_classes)."""

    softmax: Softmax
    held_out: Array


def train_talk_heads(
    *, written_folder: Path, encoder: Encoder, heads: HeadSet, out_folder: Path, report: Callable[[str], None]
) -> TalkHeads:
    """Fit the heads that judge replies and returns; write `talk.safetensors` and `talk.md`.

    Equal inputs give equal bytes: fixed order, fixed seed, one thread.

    Parameters
    ----------
    written_folder : holds `replies.jsonl`, `returns.jsonl` and `posts-*.jsonl`.
    heads : the signal heads of the same encoder, which say what an opening is.
    report : takes one line about what is going on.

    Raises
    ------
    NotEnoughLabels
        A kind of reply or an outcome occurs less than `MIN_ROWS` times.
    """
    texts = read_talk(written_folder)
    report(f"encoding {len(texts.texts):,} written replies, returns and posts")
    hidden, of_openings = _encode(encoder, texts.texts), _encode(encoder, texts.openings)
    languages = texts.languages[: len(texts.openings)]
    columns = [SIGNALS.index(signal) for signal in OPENING_SIGNALS]
    opening_signals = heads.probabilities(of_openings, languages)[:, columns]
    talk_heads = fit_talk_heads(
        texts, hidden, opening_signals, encoder_version=encoder.version, hidden_layers=encoder.hidden_layers
    )
    out_folder.mkdir(parents=True, exist_ok=True)
    (out_folder / TALK_FILE).write_bytes(talk_heads.to_bytes())
    (out_folder / "talk.md").write_text(write_talk_card(talk_heads), encoding="utf-8")
    report(f"replies and returns {talk_heads.version}: {_summary(talk_heads)}")
    return talk_heads


def read_talk(written_folder: Path) -> TalkTexts:
    """Read the written texts as the product reads posts; a text without words is left out.

    Raises
    ------
    NotEnoughLabels
        A kind of reply or an outcome occurs less than `MIN_ROWS` times.
    """
    replies = [row for row in read_lines(written_folder / "replies.jsonl") if _words(row["reply"])]
    returns = [row for row in read_lines(written_folder / "returns.jsonl") if _words(row["return"])]
    posts = [post for post in read_written(written_folder) if post.text]
    _check_counts([row["kind"] for row in replies], REPLY_KINDS)
    _check_counts([row["outcome"] for row in returns], OUTCOMES)
    groups = [*(row["industry"] for row in (*replies, *returns)), *(post.group for post in posts)]
    return TalkTexts(
        texts=(
            *(_words(row["reply"]) for row in replies),
            *(_words(row["return"]) for row in returns),
            *(post.text for post in posts),
        ),
        openings=tuple(_words(row["post"]) for row in replies),
        reply_kinds=np.array([REPLY_KINDS.index(row["kind"]) for row in replies], dtype=np.int64),
        outcomes=np.array([OUTCOMES.index(row["outcome"]) for row in returns], dtype=np.int64),
        signals=np.array([[post.labels.get(signal, np.nan) for signal in SIGNALS] for post in posts]),
        folds=_folds(groups),
        languages=tuple(row["language"] for row in (*replies, *returns)),
    )


def fit_talk_heads(
    texts: TalkTexts,
    hidden: NDArray[np.float32],
    opening_signals: Array,
    *,
    encoder_version: str,
    hidden_layers: Sequence[int],
) -> TalkHeads:
    """Fit units on all texts, and the last steps on log odds of industries that the units had not seen; on one thread.

    Parameters
    ----------
    hidden : shape (n, n_layers, dim), the rows of `texts.texts`.
    opening_signals : shape (n_replies, 2), probabilities of `OPENING_SIGNALS`.
    """
    everything = np.ones(len(texts.texts), dtype=bool)
    replies, returns = texts.of_replies, texts.of_returns
    with threadpool_limits(1):
        talk = _held_out_talk(texts, hidden)
        readout = _fit_units(texts, hidden, rows=everything)
        of_reply = _judge(reply_features(talk[replies], opening_signals), texts.reply_kinds, texts.folds[replies])
        of_return = _judge(return_features(talk[returns]), texts.outcomes, texts.folds[returns])
    return TalkHeads(
        encoder_version=encoder_version,
        hidden_layers=tuple(hidden_layers),
        layer=readout.shared,
        weights=np.ascontiguousarray(readout.weights[:, :N_TALK]),
        bias=np.ascontiguousarray(readout.bias[:N_TALK]),
        of_reply=of_reply.softmax,
        of_return=of_return.softmax,
        answer_threshold=THRESHOLD,
        recovered_threshold=THRESHOLD,
        calibration_error={
            "answer": _calibration_error(of_reply, texts.reply_kinds),
            "recovered": _calibration_error(of_return, texts.outcomes),
        },
        figures=(
            *_figures("reply", REPLY_KINDS, of_reply.held_out, texts.reply_kinds, texts.languages[replies]),
            *_figures("return", OUTCOMES, of_return.held_out, texts.outcomes, texts.languages[returns]),
        ),
    )


def _words(text: str) -> str:
    return read_words(Post("", "", created_at=datetime(2026, 1, 1, tzinfo=UTC), text=text)).words


def _check_counts(found: Sequence[str], names: Sequence[str]) -> None:
    for name in names:
        if found.count(name) < MIN_ROWS:
            raise NotEnoughLabels(f"fewer than {MIN_ROWS} written replies or returns are {name}; write more of them")


def _folds(groups: Sequence[str]) -> NDArray[np.int64]:
    names = sorted({group.strip().lower() for group in groups})
    return np.array([names.index(group.strip().lower()) % N_FOLDS for group in groups], dtype=np.int64)


def _encode(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    distinct = {text: row for row, text in enumerate(dict.fromkeys(texts))}
    hidden = np.concatenate([encoding.hidden for encoding in encoder.encode(list(distinct))])
    return hidden[[distinct[text] for text in texts]]


def _held_out_talk(texts: TalkTexts, hidden: NDArray[np.float32]) -> Array:
    talk = np.empty((len(texts.texts), N_TALK))
    for fold in np.unique(texts.folds):
        left_out = texts.folds == fold
        talk[left_out] = _fit_units(texts, hidden, rows=~left_out).logits(hidden[left_out])[:, :N_TALK]
    return np.round(talk, 6)


def _fit_units(texts: TalkTexts, hidden: NDArray[np.float32], *, rows: NDArray[np.bool_]) -> Readout:
    """One network for kinds, outcomes and signals; each text is learned for what is known about it."""
    n, n_kinds = len(texts.texts), len(REPLY_KINDS)
    labels, weights = np.full((n, N_TALK + len(SIGNALS)), np.nan), np.zeros((n, N_TALK + len(SIGNALS)))
    posts = slice(texts.of_returns.stop, n)
    labels[texts.of_replies, :n_kinds] = np.eye(n_kinds)[texts.reply_kinds]
    weights[texts.of_replies, :n_kinds] = 1
    labels[texts.of_returns, n_kinds:N_TALK] = np.eye(len(OUTCOMES))[texts.outcomes]
    weights[texts.of_returns, n_kinds:N_TALK] = 1
    labels[posts, N_TALK:] = texts.signals
    weights[posts, N_TALK:] = np.where(np.isnan(texts.signals), 0, SIGNALS_WEIGHT)
    return fit_readout(standardise(hidden), labels, weights * rows[:, None], recipe=RECIPE)


def _judge(features: Array, classes: NDArray[np.int64], folds: NDArray[np.int64]) -> Judged:
    held_out = np.empty((len(features), int(classes.max()) + 1))
    for fold in np.unique(folds):
        rows = folds == fold
        held_out[rows] = _fit_softmax(features[~rows], classes[~rows]).probabilities(features[rows])
    return Judged(_fit_softmax(features, classes), held_out)


def _fit_softmax(features: Array, classes: NDArray[np.int64]) -> Softmax:
    scaler = StandardScaler().fit(features)
    fitted = LogisticRegression(C=STRENGTH, max_iter=1_000).fit(scaler.transform(features), classes)
    weights = fitted.coef_.T / scaler.scale_[:, None]
    return Softmax(np.round(weights, 6), np.round(fitted.intercept_ - scaler.mean_ @ weights, 6))


def _calibration_error(judged: Judged, classes: NDArray[np.int64]) -> float:
    return round(expected_calibration_error(judged.held_out[:, 0], (classes == 0).astype(np.float64)), 4)


def _figures(
    group: str, names: Sequence[str], p: Array, classes: NDArray[np.int64], languages: Sequence[str]
) -> tuple[TalkFigure, ...]:
    called, spoken = call_classes(p, threshold=THRESHOLD), np.array(languages)
    found = []
    for language in (POOLED, *sorted(set(languages))):
        rows = np.ones(len(p), dtype=bool) if language == POOLED else spoken == language
        for column, name in enumerate(names):
            is_class, is_called = classes[rows] == column, called[rows] == column
            two_sided = 0 < is_class.sum() < len(is_class)
            found.append(
                TalkFigure(
                    group,
                    language,
                    name,
                    n=int(rows.sum()),
                    n_class=int(is_class.sum()),
                    n_called=int(is_called.sum()),
                    n_hit=int((is_class & is_called).sum()),
                    auc=round(float(roc_auc_score(is_class, p[rows, column])), 4) if two_sided else None,
                )
            )
    return tuple(found)


def _summary(heads: TalkHeads) -> str:
    figures: dict[str, Any] = {figure.name: figure for figure in heads.figures if figure.language == POOLED}
    said = []
    for name in ("answer", "recovered"):
        row = figures[name]
        said.append(f"{name} precision {row.n_hit / max(row.n_called, 1):.2f}, recall {row.n_hit / row.n_class:.2f}")
    return ", ".join(said) + " in industries it never saw"
