"""The measuring data as scored corpora; encodings are made once and kept in a folder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.encoder import Encoder
from models.heads import HeadSet
from moderation.corpus import Corpus, Talk
from moderation.exports import read_exports
from moderation.scoring import read_posts, thresholds_of

FILES = {
    "keytrade": ("keytrade.jsonl.gz", ("nl", "fr", "en")),
    "twcs": ("twcs.jsonl.gz", ("en",)),
    "urho3d": ("urho3d-discourse-topics.tar.gz", ("en",)),
}


def scored_corpus(name: str, data: Path, kept: Path, encoder: Encoder, heads: HeadSet) -> Corpus:
    """One of `FILES` as the program reads it; texts that have no kept encoding are encoded and kept."""
    file, languages = FILES[name]
    export = read_exports([data / "threads" / file])
    read = read_posts(export.posts, languages=languages)
    words = [reading.words for reading in read.readings]
    vectors, hidden = _encodings(kept / f"{name}.npz", [post.id for post in read.posts], words, encoder)
    has_words = np.array([bool(text) for text in words])
    vectors[~has_words] = np.nan
    signals = heads.probabilities(hidden, list(read.languages))
    signals[~has_words] = np.nan
    talk = None
    if heads.talk is not None:
        log_odds = heads.talk.log_odds(hidden)
        log_odds[~has_words] = np.nan
        talk = Talk(log_odds, heads.talk)
    thresholds = thresholds_of(heads, read.languages)
    return Corpus(read.posts, read.readings, read.languages, vectors, signals, thresholds, talk)


def _encodings(
    path: Path, ids: Sequence[str], words: Sequence[str], encoder: Encoder
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    if not path.exists():
        made = list(encoder.encode([text or "." for text in words]))
        vectors = np.concatenate([encoding.vectors for encoding in made])
        hidden = np.concatenate([encoding.hidden for encoding in made]).astype(np.float16)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, ids=np.array(ids), vectors=vectors, hidden=hidden)
    kept = np.load(path)
    place = {id_: row for row, id_ in enumerate(kept["ids"].tolist())}
    rows = [place[id_] for id_ in ids]
    return kept["vectors"][rows], kept["hidden"][rows].astype(np.float32)
