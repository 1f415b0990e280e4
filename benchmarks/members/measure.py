"""Measures signs of leaving and thanking rings on a real forum: `python -m benchmarks.members.measure DATA_FOLDER`.

Leaving: at every 90th day of the Urho3D forum from the first year on, with what was known by then, whom a sign named,
and who then wrote nothing for 90 days. No threshold was fitted on it beyond the choice of model and the round limits in
`moderation/leaving.py`; the two halves of the time are shown apart.

Rings: members of the same forum are made to exchange thanks in threads of their own, in its last three years, and the
share of such planted rings that is found is counted; so is what is found without any.
"""

import sys
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from models.heads import Threshold
from models.signals import SIGNALS
from moderation.contributions import find_contributions
from moderation.corpus import Corpus
from moderation.exports import read_exports
from moderation.leaving import check_on_the_past, days_written
from moderation.posts import Post
from moderation.reading import read_words
from moderation.thanking_rings import find_rings

EXPORT = Path("threads") / "urho3d-discourse-topics.tar.gz"
N_PLANTED = 40
SIZES = (2, 3, 4)
EXCHANGES = (3, 6, 12)
"""Of each member with each other one, each way."""
NEVER = Threshold(None, "unreachable", None, None, 0)


def corpus_of(posts):
    """A corpus in which nothing is known but who wrote what when."""
    posts = tuple(sorted(posts, key=lambda post: (post.created_at, post.id)))
    return Corpus(
        posts=posts,
        readings=tuple(read_words(post) for post in posts),
        languages=("en",) * len(posts),
        vectors=np.full((len(posts), 1), np.nan, dtype=np.float32),
        signals=np.full((len(posts), len(SIGNALS)), np.nan),
        thresholds={(signal, "en"): NEVER for signal in SIGNALS},
    )


def members_of(corpus):
    staff = {post.author_id for post in corpus.posts if post.role == "staff"}
    return sorted({post.author_id for post in corpus.posts if post.author_id and post.role == "member"} - staff)


def print_leaving(corpus, members):
    days_of = days_written(corpus, members)
    first, last = min(days[0] for days in days_of.values()), max(days[-1] for days in days_of.values())
    n_looks = (last - first - 365) // 90
    for name, today, looks in (
        ("all", last, n_looks),
        ("first half", last - n_looks // 2 * 90, n_looks - n_looks // 2),
        ("second half", last, n_looks // 2),
    ):
        known = {author_id: [day for day in days if day <= today] for author_id, days in days_of.items()}
        check = check_on_the_past({name: days for name, days in known.items() if days}, today=today, n_looks=looks)
        found = check["n_silent"] / (check["base_share"] * check["n_checked"])
        print(
            f"| {name} | {check['n_looks']} | {check['n_checked']} | {check['base_share']:.3f} | {check['n_signs']} | "
            f"{check['precision']:.3f} ({check['precision_ci'][0]:.3f} to {check['precision_ci'][1]:.3f}) | "
            f"{check['n_rarely'] / check['n_signs']:.3f} | {found:.3f} |",
            flush=True,
        )


def planted(corpus, group, n_exchanges, random):
    """Posts with which each member of a group thanks each other one so often, in threads of their own."""
    end = corpus.posts[-1].created_at
    posts = []
    for number in range(n_exchanges):
        for asker in group:
            at = end - timedelta(days=float(random.uniform(1, 300)))
            thread = f"ring-{asker}-{number}"
            posts.append(Post(f"{thread}-0", thread, at, "Look what I made today.", author_id=asker))
            for other in group:
                if other != asker:
                    at += timedelta(minutes=float(random.uniform(1, 300)))
                    posts.append(Post(f"{thread}-{other}", thread, at, "Thanks a lot!", author_id=other))
    return posts


def print_rings(corpus, members):
    found = find_rings(corpus, find_contributions(corpus, []), members)
    print(f"\nWithout any planted: {len(found)} found among {len(members)} members.\n")
    print("| members | exchanges each way | found | only these members | mean weight |\n|---|---|---|---|---|")
    written = Counter(post.author_id for post in corpus.posts)
    regular = [author_id for author_id in members if 5 <= written[author_id] <= 60]
    for size in SIZES:
        for n_exchanges in EXCHANGES:
            random = np.random.default_rng(size * 100 + n_exchanges)
            hits, exact, weights = 0, 0, []
            for _ in range(N_PLANTED // len(EXCHANGES)):
                group = sorted(random.choice(regular, size=size, replace=False).tolist())
                mixed = corpus_of([*corpus.posts, *planted(corpus, group, n_exchanges, random)])
                rings = find_rings(mixed, find_contributions(mixed, []), members)
                of_group = [ring for ring in rings if set(ring.author_ids) & set(group)]
                hits += bool(of_group)
                exact += any(set(ring.author_ids) == set(group) for ring in of_group)
                weights += [ring.weight for ring in of_group]
            n = N_PLANTED // len(EXCHANGES)
            weight = f"{np.mean(weights):.2f}" if weights else "–"
            print(f"| {size} | {n_exchanges} | {hits} of {n} | {exact} of {n} | {weight} |", flush=True)


def main():
    export = read_exports([Path(sys.argv[1]) / EXPORT])
    posts = [replace(post, title=None) for post in export.posts if post.kind == "post"]
    corpus = corpus_of(posts)
    members = members_of(corpus)
    print("| time | looks | looked at | silent | signs | silent after a sign | silent or rare | of the silent found |")
    print("|---|---|---|---|---|---|---|---|")
    print_leaving(corpus, members)
    since = corpus.posts[-1].created_at - timedelta(days=1100)
    print_rings(corpus_of([post for post in posts if post.created_at > since]), members)


if __name__ == "__main__":
    main()
