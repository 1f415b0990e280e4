"""Measures how alike two questions must be to be the same: `python -m benchmarks.repeats.measure LABELS_FOLDER`.

banking77 and clinc150 hold questions of customers with their intent; two questions of one intent count as the same. A
scene is made as a community is: 25 intents come back three to eight times, every other one is asked once. The cosine
is chosen on half of the intents and then measured once on the other half, with texts of another part of the data.
"""

import csv
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np

import topics.repeats
from models.registry import load_encoder
from topics.clustering import centre_rows, group_means

COSINES = [0.35, 0.40, 0.45, 0.50, 0.55, 0.60, 0.65, 0.70]
N_RETURNING, N_SCENES = 25, 20
MIN_SIZE = 3
PRECISION = 0.75


def read_questions(folder, *, half):
    """(text, intent) of half of the intents: 0 from the training parts, 1 from the test parts."""
    with (folder / "banking77_en" / ("train.csv", "test.csv")[half]).open(newline="", encoding="utf-8") as file:
        banking = [(row["text"], f"banking {row['category']}") for row in csv.DictReader(file)]
    clinc = json.loads((folder / "clinc150_oos_en" / "data_full.json").read_text(encoding="utf-8"))
    known = banking + [(text, f"clinc {intent}") for text, intent in clinc[("val", "test")[half]]]
    intents = sorted({intent for _, intent in known})[half::2]
    return [(text, intent) for text, intent in known if intent in set(intents)]


def make_scene(intents, seed):
    """Rows of one scene, rising."""
    random = np.random.default_rng(seed)
    names = np.unique(intents)
    returning = set(random.choice(names, N_RETURNING, replace=False).tolist())
    rows = []
    for name in names:
        of_intent = np.flatnonzero(intents == name)
        n_asked = min(len(of_intent), int(random.integers(3, 9))) if name in returning else 1
        rows += random.choice(of_intent, n_asked, replace=False).tolist()
    return sorted(rows), returning


def measure(vectors, intents, cosine):
    """(share of pairs within groups of one intent, share of returning intents found, groups per scene)."""
    topics.repeats.SAME_COSINE = cosine
    n_same = n_pairs = n_found = n_groups = 0
    for seed in range(N_SCENES):
        rows, returning = make_scene(intents, seed)
        scene, zeros = vectors[rows], np.zeros(len(rows), dtype=np.int64)
        points = centre_rows(scene, group_means(scene, zeros, n_groups=1)[zeros])
        found = set()
        for repeat in topics.repeats.find_repeats(points):
            if len(repeat.rows) < MIN_SIZE:
                continue
            counts = Counter(intents[rows[row]] for row in repeat.rows)
            n_groups += 1
            n_pairs += len(repeat.rows) * (len(repeat.rows) - 1) // 2
            n_same += sum(n * (n - 1) // 2 for n in counts.values())
            found |= {intent for intent, n in counts.items() if n >= MIN_SIZE}
        n_found += len(found & returning)
    return n_same / max(n_pairs, 1), n_found / (N_SCENES * N_RETURNING), n_groups / N_SCENES


def main():
    folder, encoder = Path(sys.argv[1]), load_encoder()
    halves = []
    for half in (0, 1):
        questions = read_questions(folder, half=half)
        vectors = np.concatenate([one.vectors for one in encoder.encode([text for text, _ in questions])])
        halves.append((vectors, np.array([intent for _, intent in questions])))
    print("| cosine | pairs of one intent | returning intents found | groups in a scene |")
    print("|---|---|---|---|")
    chosen = None
    for cosine in COSINES:
        precision, recall, n_groups = measure(*halves[0], cosine)
        print(f"| {cosine:.2f} | {precision:.3f} | {recall:.3f} | {n_groups:.1f} |", flush=True)
        if chosen is None and precision >= PRECISION:
            chosen = cosine
    precision, recall, n_groups = measure(*halves[1], chosen)
    print(f"\nchosen {chosen:.2f}; the other half: {precision:.3f} | {recall:.3f} | {n_groups:.1f}")


if __name__ == "__main__":
    main()
