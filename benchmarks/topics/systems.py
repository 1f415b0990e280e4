"""One way of sorting posts, timed in a process of its own, started by `peers` and `refit_pairs` beside this file.

Runs under the interpreter of the project for its own ways and under the peers' one for theirs, so nothing but numpy
is imported before the way is known.
"""

import argparse
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np

# UMAP takes another way from 4,096 rows on, whose functions would else be compiled within the time.
WARM_UP_ROWS = 4_500
#: A way that has used so many seconds is not repeated.
SECONDS_FOR_REPETITIONS = 60.0

SMALLEST_SHARE = 0.01
N_MICRO = 500
MICRO_TOPICS = range(5, 41)
N_BOOTSTRAPS = 10
STABLE_ENOUGH = 0.95


#: What `ours_refit` goes on from.
LAST_TOPICS: dict[str, Any] = {}


@dataclass(frozen=True)
class Posts:
    """What every way gets; `vectors` are the posts' own, `mixed` are drawn towards their threads."""

    vectors: np.ndarray
    mixed: np.ndarray
    texts: list[str]
    n_labels: int
    corpus: Any

    def first(self, n_posts: int) -> "Posts":
        return Posts(self.vectors[:n_posts], self.mixed[:n_posts], self.texts[:n_posts], self.n_labels, None)


def ours_as_shipped(posts: Posts) -> np.ndarray:
    """Topics, themes, names and examples, as a refit works them out."""
    from moderation.assignments import assign_topics, read_sorted_by

    rows = read_sorted_by(posts.corpus).rows
    return assign_topics(posts.corpus).topic_of[rows] - 1


def ours_refit(posts: Posts) -> np.ndarray:
    """As shipped, carried on from the last call; the first call of a process begins from nothing."""
    from moderation.assignments import assign_topics, read_sorted_by
    from moderation.topic_ids import EarlierTopics

    known = LAST_TOPICS.get("topics")
    earlier = None
    if known is not None:
        names = {topic.id: topic.name for topic in known.topics}
        earlier = EarlierTopics(known.topic_of, highest_id=int(known.topic_of.max()), names=names)
    LAST_TOPICS["topics"] = assign_topics(posts.corpus, earlier)
    return LAST_TOPICS["topics"].topic_of[read_sorted_by(posts.corpus).rows] - 1


def ours_with_threads(posts: Posts) -> np.ndarray:
    """Topics only, from the posts drawn towards their threads."""
    from topics.clustering import find_topics

    return find_topics(posts.mixed).labels


def ours_vectors_alone(posts: Posts) -> np.ndarray:
    from topics.clustering import find_topics

    return find_topics(posts.vectors).labels


def bertopic(posts: Posts) -> np.ndarray:
    return _bertopic(posts.texts, posts.vectors)


def bertopic_with_threads(posts: Posts) -> np.ndarray:
    return _bertopic(posts.texts, posts.mixed)


def bertopic_one_percent(posts: Posts) -> np.ndarray:
    return _bertopic(posts.texts, posts.vectors, min_topic_size=_one_percent(posts))


def bertopic_one_percent_with_threads(posts: Posts) -> np.ndarray:
    return _bertopic(posts.texts, posts.mixed, min_topic_size=_one_percent(posts))


def bertopic_auto(posts: Posts) -> np.ndarray:
    return _bertopic(posts.texts, posts.vectors, nr_topics="auto")


def _bertopic(texts: list[str], vectors: np.ndarray, **settings: Any) -> np.ndarray:
    from bertopic import BERTopic

    return np.array(BERTopic(**settings).fit_transform(texts, vectors)[0])


def top2vec(posts: Posts) -> np.ndarray:
    """On the same vectors. Its words, which only name the topics, get random directions."""
    from top2vec import Top2Vec

    vector_of = dict(zip(posts.texts, posts.vectors, strict=True))
    generator = np.random.default_rng(0)

    def embed(texts: list[str]) -> np.ndarray:
        return np.array([vector_of.get(text, generator.normal(size=posts.vectors.shape[1])) for text in texts])

    fitted = Top2Vec(posts.texts, embedding_model=embed, workers=2, verbose=False)
    return np.array(fitted.doc_top)


def evoc(posts: Posts) -> np.ndarray:
    from evoc import EVoC

    return np.asarray(EVoC().fit_predict(posts.vectors))


def evoc_with_threads(posts: Posts) -> np.ndarray:
    from evoc import EVoC

    return np.asarray(EVoC().fit_predict(posts.mixed))


def evoc_one_percent(posts: Posts) -> np.ndarray:
    from evoc import EVoC

    return np.asarray(EVoC(base_min_cluster_size=_one_percent(posts)).fit_predict(posts.vectors))


def hdbscan_on_umap(posts: Posts) -> np.ndarray:
    from sklearn.cluster import HDBSCAN
    from umap import UMAP

    low = UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine").fit_transform(posts.vectors)
    return HDBSCAN(min_cluster_size=_one_percent(posts), copy=True).fit_predict(low)


def hdbscan_on_vectors(posts: Posts) -> np.ndarray:
    from sklearn.cluster import HDBSCAN

    return HDBSCAN(min_cluster_size=10, copy=True).fit_predict(posts.vectors)


def k_means_true_number(posts: Posts) -> np.ndarray:
    from sklearn.cluster import KMeans

    return KMeans(posts.n_labels, n_init=10, random_state=0).fit_predict(posts.vectors)


def k_means_with_threads(posts: Posts) -> np.ndarray:
    from sklearn.cluster import KMeans

    return KMeans(posts.n_labels, n_init=10, random_state=0).fit_predict(posts.mixed)


def micro_clusters(posts: Posts) -> np.ndarray:
    return _micro_clusters(posts.vectors)


def micro_clusters_with_threads(posts: Posts) -> np.ndarray:
    return _micro_clusters(posts.mixed)


def _micro_clusters(vectors: np.ndarray) -> np.ndarray:
    """Many small clusters, joined by average linkage to as many topics as posts drawn again agree on."""
    from sklearn.cluster import MiniBatchKMeans

    points = vectors - vectors.mean(axis=0)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    n_micro = min(N_MICRO, len(points) // 10)
    micro_of = MiniBatchKMeans(n_micro, random_state=0, n_init=3, batch_size=4096).fit_predict(points)
    joined = _joined(points, micro_of, n_micro)
    generator = np.random.default_rng(0)
    drawn = (generator.integers(len(points), size=len(points)) for _ in range(N_BOOTSTRAPS))
    stability = np.mean(
        [_agreements(joined, _joined(points[rows], micro_of[rows], n_micro), micro_of) for rows in drawn], 0
    )
    enough = np.flatnonzero(stability >= STABLE_ENOUGH * stability.max())
    return joined[enough[-1]][micro_of]


def _joined(points: np.ndarray, micro_of: np.ndarray, n_micro: int) -> list[np.ndarray]:
    """The topic of each small cluster, for each number of topics."""
    from scipy.cluster.hierarchy import fcluster, linkage

    sums = np.zeros((n_micro, points.shape[1]))
    np.add.at(sums, micro_of, points)
    sums[~sums.any(axis=1)] = points.sum(axis=0)
    tree = linkage(sums, method="average", metric="cosine")
    return [fcluster(tree, n_topics, criterion="maxclust") - 1 for n_topics in MICRO_TOPICS]


def _agreements(one: list[np.ndarray], other: list[np.ndarray], micro_of: np.ndarray) -> list[float]:
    from sklearn.metrics import adjusted_mutual_info_score

    return [adjusted_mutual_info_score(a[micro_of], b[micro_of]) for a, b in zip(one, other, strict=True)]


def _one_percent(posts: Posts) -> int:
    return max(10, round(SMALLEST_SHARE * len(posts.texts)))


#: By the interpreter that they need.
OWN_WAYS: dict[str, Callable[[Posts], np.ndarray]] = {
    way.__name__: way
    for way in (
        ours_as_shipped,
        ours_refit,
        ours_with_threads,
        ours_vectors_alone,
        micro_clusters,
        micro_clusters_with_threads,
        k_means_true_number,
        k_means_with_threads,
        hdbscan_on_vectors,
    )
}
WITH_CORPUS = ("ours_as_shipped", "ours_refit")
PEERS: dict[str, Callable[[Posts], np.ndarray]] = {
    way.__name__: way
    for way in (
        bertopic,
        bertopic_one_percent,
        bertopic_auto,
        bertopic_with_threads,
        bertopic_one_percent_with_threads,
        top2vec,
        evoc,
        evoc_one_percent,
        evoc_with_threads,
        hdbscan_on_umap,
    )
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=[*OWN_WAYS, *PEERS])
    parser.add_argument("folder", type=Path, help="What benchmarks.topics.peers wrote there.")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--cold", action="store_true", help="Time the first call of the process too.")
    parser.add_argument("--always-repeat", action="store_true", help="However many seconds that takes.")
    asked = parser.parse_args()
    way, posts = (OWN_WAYS | PEERS)[asked.way], read_posts(asked.folder, with_corpus=asked.way in WITH_CORPUS)
    if not asked.cold and posts.corpus is None:
        way(posts.first(WARM_UP_ROWS))
    loaded = peak_mib()
    found, seconds, processor_seconds = [], [], []
    limit = float("inf") if asked.always_repeat else SECONDS_FOR_REPETITIONS
    while len(found) < asked.repeat and sum(seconds) < limit:
        start, processor_start = perf_counter(), process_time()
        found.append(way(posts))
        seconds.append(perf_counter() - start)
        processor_seconds.append(process_time() - processor_start)
    np.save(asked.folder / "found.npy", np.array(found, dtype=np.int64))
    told = {
        "seconds": median(seconds),
        "processor_seconds": median(processor_seconds),
        "all_seconds": seconds,
        "all_processor_seconds": processor_seconds,
        "loaded_mib": loaded,
        "peak_mib": peak_mib(),
    }
    print(json.dumps(told), flush=True)


def read_posts(folder: Path, *, with_corpus: bool) -> Posts:
    corpus = pickle.loads((folder / "corpus.pickle").read_bytes()) if with_corpus else None
    told = json.loads((folder / "texts.json").read_text("utf-8"))
    return Posts(
        np.load(folder / "vectors.npy"), np.load(folder / "mixed.npy"), told["texts"], told["n_labels"], corpus
    )


def peak_mib() -> float:
    """Of this program: what `getrusage` tells begins with the size of the process that started it."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


if __name__ == "__main__":
    main()
