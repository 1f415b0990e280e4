"""A corpus in a few lines: posts with the signals and the subject that a test needs."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from models.heads import Threshold
from models.shared_layer import SharedLayer
from models.signals import SIGNALS
from models.talk import N_TALK, OPENING_SIGNALS, OUTCOMES, REPLY_KINDS, Softmax, TalkHeads
from moderation.corpus import Corpus, Talk
from moderation.posts import Post
from moderation.reading import read_words

START = datetime(2025, 3, 3, 9, 0, tzinfo=UTC)
SUBJECTS = ("billing", "app", "delivery", "points", "parking")
TRY_THIS = "You can switch it off in the settings under notifications."


@dataclass(frozen=True)
class Row:
    post: Post
    signals: dict
    about: str | None
    kind: str


def at(minutes):
    return START + timedelta(minutes=minutes)


KINDS = {
    "Same here!": "same_here",
    "Same here": "same_here",
    "We are so sorry about this.": "acknowledged",
    "We are sorry to hear that.": "acknowledged",
    "Please send us a DM with your email address.": "deflected",
}
"""What these are as replies; every other post would be an answer."""
RECOVERED = (
    "Thanks, that was it!",
    "Thanks, solved!",
    "Thank you, that solved it for me.",
    "Right, it shows the balance again now.",
)
"""What somebody says who comes back less unhappy; nobody else does."""


def row(id_, minutes, author, text=TRY_THIS, *, thread="t", about="billing", signals=None, kind=None, **fields):
    post = Post(id=id_, thread_id=thread, created_at=at(minutes), text=text, author_id=author, **fields)
    return Row(post, signals or {}, about, kind or KINDS.get(text, "answer"))


def unhappy(id_, minutes, author, text="The app loses my points every week.", **fields):
    return row(id_, minutes, author, text, signals={"negative_wom": 0.9, "negative": 0.9}, kind="pile_on", **fields)


def small_corpus(rows, *, threshold=0.5):
    """Signals not named are 0.05; `about` sets the vector, None leaves the post without one."""
    rows = sorted(rows, key=lambda r: (r.post.created_at, r.post.id))
    posts = tuple(r.post for r in rows)
    vectors = np.stack([_vector(r.about) for r in rows])
    languages = tuple(post.language or "en" for post in posts)
    thresholds = {
        (signal, language): Threshold(threshold, "validated", 0.9, 0.6, 400)
        for signal in SIGNALS
        for language in set(languages)
    }
    return Corpus(
        posts=posts,
        readings=tuple(read_words(post) for post in posts),
        languages=languages,
        vectors=vectors,
        signals=np.array([[r.signals.get(signal, 0.05) for signal in SIGNALS] for r in rows]),
        thresholds=thresholds,
        talk=planted_talk([r.kind for r in rows], [r.post.text in RECOVERED for r in rows]),
    )


def planted_talk(kinds, recovered):
    """Posts that are sure to be replies of these kinds, and returns of somebody who recovered or not."""
    outcomes = ["recovered" if well else "not" for well in recovered]
    names = (*REPLY_KINDS, *OUTCOMES)
    said = [[4.0 * (name in of_row) for name in names] for of_row in zip(kinds, outcomes, strict=True)]
    return Talk(np.array(said), planted_talk_heads())


def planted_talk_heads():
    """Heads whose last steps take the planted log odds as they are."""
    n_kinds, n_outcomes = len(REPLY_KINDS), len(OUTCOMES)
    return TalkHeads(
        encoder_version="planted",
        hidden_layers=(1, 2),
        layer=SharedLayer(np.zeros(2), np.ones(2), np.zeros((2, 1), dtype=np.int16), np.zeros(1, dtype=np.int32)),
        weights=np.zeros((1, N_TALK), dtype=np.int16),
        bias=np.zeros(N_TALK),
        of_reply=Softmax(np.eye(n_kinds + len(OPENING_SIGNALS))[:, :n_kinds], np.zeros(n_kinds)),
        of_return=Softmax(np.eye(n_outcomes), np.zeros(n_outcomes)),
        answer_threshold=0.5,
        recovered_threshold=0.5,
        calibration_error={},
        figures=(),
    )


def _vector(about):
    if about is None:
        return np.full(len(SUBJECTS) + 1, np.nan, dtype=np.float32)
    vector = np.full(len(SUBJECTS) + 1, 0.2, dtype=np.float32)
    vector[SUBJECTS.index(about)] += 1
    return vector / np.linalg.norm(vector)
