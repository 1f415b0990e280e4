"""Communities made to measure: members in groups who answer their own group with a given probability."""

import numpy as np

from topics.members import Activity

HOUR = 3600


def planted_activity(
    *,
    n_groups: int = 4,
    group_size: int = 60,
    inside: float = 0.9,
    threads_per_member: float = 8.0,
    n_days: int = 60,
    topic_per_group: bool = True,
    seed: int = 0,
) -> tuple[Activity, np.ndarray]:
    """Threads of a question and one answer; the answer comes from the asker's group with probability `inside`.

    Posts are about the asker's group: its topic, and a vector around its centre. Returns the activity and the group
    of each member.
    """
    rng = np.random.default_rng(seed)
    n_members = n_groups * group_size
    group = np.arange(n_members) % n_groups
    n_threads = int(n_members * threads_per_member)
    asker = rng.integers(n_members, size=n_threads)
    stays = rng.random(n_threads) < inside
    other = (group[asker] + rng.integers(1, n_groups, size=n_threads)) % n_groups
    answerer_group = np.where(stays, group[asker], other)
    answerer = rng.integers(group_size, size=n_threads) * n_groups + answerer_group
    asked_at = np.sort(rng.integers(0, n_days * 24 * HOUR, size=n_threads))
    author = np.stack([asker, answerer], axis=1).ravel()
    about = np.repeat(group[asker], 2) if topic_per_group else np.repeat(rng.integers(n_groups, size=n_threads), 2)
    centres = rng.normal(size=(n_groups, 16))
    vectors = centres[about] + rng.normal(size=(2 * n_threads, 16))
    return (
        Activity(
            author=author,
            thread=np.repeat(np.arange(n_threads), 2),
            parent=np.where(np.arange(2 * n_threads) % 2 == 1, np.arange(2 * n_threads) - 1, -1),
            posted_at=np.stack([asked_at, asked_at + HOUR], axis=1).ravel().astype(np.int64),
            topic=about.astype(np.int64),
            language=np.zeros(2 * n_threads, dtype=np.int64),
            vectors=(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32),
            n_members=n_members,
        ),
        group,
    )
