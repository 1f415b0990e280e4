"""docs/sample.md: the sample's truth against one analysis, as a page to read."""

from collections.abc import Iterable, Mapping, Sequence

from training.sample_check import (
    QUOTED_CHARACTERS,
    Confusion,
    Detection,
    EpisodeCheck,
    Mistake,
    Run,
    Sample,
    Share,
    compare_episodes,
    compare_placement,
    compare_questions,
    compare_signals,
    wrong_spaces,
)
from training.sample_structure import (
    MIN_MEMBER_POSTS,
    MIN_SUBJECT_POSTS,
    MIN_WINDOW_POSTS,
    DriftCheck,
    LineCheck,
    PlantedChange,
    SplitCheck,
    SubjectCheck,
    TopicCheck,
    TopicsCheck,
    compare_drift,
    compare_split,
    compare_topics,
)

PLANTED = (
    PlantedChange("coupons", rises=True, description="app version 5.0 loses coupons, from 27 July on"),
    PlantedChange("hamper", rises=False, description="the Christmas hamper for points is gone after 8 January"),
    PlantedChange("stamps", rises=False, description="the stamps for pans end in the first days of June"),
)
NICHE = "sourdough"
TOGETHER = ("points", "app", "coupons", "card", "scanner")
"""Subjects that the same people write about, so that they should not be split."""

LANGUAGES = ("nl", "en")
N_SUBJECTS_SHOWN = 3


def write_page(sample: Sample, run: Run, *, made: str) -> str:
    """The whole page.

    Parameters
    ----------
    made : one line that says what the analysis was made with.
    """
    sections = (
        _opening(made),
        _signals_section(sample, run),
        _episodes_section(compare_episodes(sample, run)),
        _questions_section(compare_questions(sample, run)),
        _placement_section(sample, run),
        _topics_section(compare_topics(sample, run)),
        _split_section(compare_split(sample, run, subject=NICHE), run),
        _drift_section(compare_drift(sample, run, PLANTED), run),
    )
    return "\n\n".join(sections) + "\n"


def _opening(made: str) -> str:
    return f"""# The sample community: what was meant, and what the analysis makes of it

Written by `python -m benchmarks.sample.run`; every figure and every mistake below comes from one run, none is typed.
The sample (`examples/sample`) was written with its truth before any program read it, and no head was trained on it. It
is not unseen: the number of topics of a small community and some words that name no topic were chosen with it in view.
It shows what the program does; it is too small, and too tidy, to measure how well it does it. The truth is one
reader's, with the conversation in view; a head sees one post at a time.

{made}

*Missed*: meant, not found. *Wrong*: found, not meant. Intervals are 95 %: Wilson for shares, Hanley–McNeil for AUC.
Quotations are the first {QUOTED_CHARACTERS} characters of title and text."""


# Signals


def _signals_section(sample: Sample, run: Run) -> str:
    detections = compare_signals(sample, run)
    by_language = [
        detection
        for pair in zip(*(compare_signals(sample, run, language=code) for code in LANGUAGES), strict=True)
        for detection in pair
    ]
    return "\n\n".join(
        (
            "## 1. Signals",
            f"All {len(run.posts):,} posts that were analysed, those of staff and bots and deleted ones too. A post "
            "counts as found from the threshold of its language on. Precision depends on how much there is to find, "
            "which is another share in every community.",
            _detections_table(detections),
            "By language, as the analysis detected it:",
            _detections_table(by_language),
            *(_mistakes_of(detection) for detection in detections),
        )
    )


def _detections_table(detections: Iterable[Detection]) -> str:
    return _table(
        ("signal", "posts", "true", "found", "right", "missed", "wrong", "precision", "recall", "AUC"),
        [
            (
                f"`{each.name}`" + (f", {each.language}" if each.language else ""),
                f"{each.n_posts:,}",
                f"{each.n_true:,}",
                f"{each.n_found:,}",
                f"{each.n_right:,}",
                f"{each.n_missed:,}",
                f"{each.n_found - each.n_right:,}",
                _share(each.precision),
                _share(each.recall),
                _auc(each),
            )
            for each in detections
        ],
    )


def _mistakes_of(detection: Detection) -> str:
    return f"### `{detection.name}`: {_count(detection.mistakes)}\n\n{_mistakes(detection.mistakes)}"


# Episodes and questions


def _episodes_section(check: EpisodeCheck) -> str:
    n_missed, n_wrong = check.n_true - check.n_both, check.n_found - check.n_both
    return "\n\n".join(
        (
            "## 2. Episodes",
            "An episode is known by its first post.",
            _table(
                ("true", "found", "both", "missed", "wrong", "precision", "recall"),
                [
                    (
                        *map(str, (check.n_true, check.n_found, check.n_both, n_missed, n_wrong)),
                        _share(check.precision),
                        _share(check.recall),
                    )
                ],
            ),
            _mistakes(check.mistakes),
            f"### What became of the {check.n_both} that both know",
            "Rows: what was meant; columns: what was found. `answered by` is whose answer was first.",
            *(_confusion(each) for each in check.confusions),
            f"Where both say that there was an answer, it is the same post in {_share(check.same_answer)}. "
            f"Of all answers that were found, {_share(check.joined_as_answer)} are posts that only join in.",
            "### Amplification",
            f"Others who join an episode, in the same episode as meant: {_share(check.amplifying)}; "
            f"{check.n_amplifying_wrong} counted that do not belong there. An episode that was not found has none.",
            _mistakes(check.amplifying_mistakes),
        )
    )


def _questions_section(check: Confusion) -> str:
    waiting = [(meant, found, n) for (meant, found), n in check.counts.items()]
    n_right = sum(n for meant, found, n in waiting if meant == found == "waiting")
    n_listed = sum(n for _, found, n in waiting if found == "waiting")
    n_meant = sum(n for meant, _, n in waiting if meant == "waiting")
    return "\n\n".join(
        (
            "## 3. Questions",
            "What the analysis lists are the questions that wait; one that it sees and does not list is answered, "
            f"solved, locked or deleted. Of those listed, {_share(Share(n_right, n_listed))} wait; of those that wait, "
            f"{_share(Share(n_right, n_meant))} are listed. "
            "The mistakes below are those of the list; what is no question is under 1.",
            _confusion(check),
        )
    )


def _confusion(check: Confusion) -> str:
    names = sorted({name for pair in check.counts for name in pair})
    rows = [(f"meant: {meant}", *(str(check.counts.get((meant, found), 0)) for found in names)) for meant in names]
    table = _table((f"**{check.name}**", *(f"found: {name}" for name in names)), rows)
    return f"{table}\n\nThe same in {_share(check.right)}.\n\n{_mistakes(check.mistakes)}"


# Placement


def _placement_section(sample: Sample, run: Run) -> str:
    detections = compare_placement(sample, run)
    elsewhere = wrong_spaces(sample, run)
    return "\n\n".join(
        (
            "## 4. Off purpose, off thread, in the wrong space",
            "A post counts as found from the threshold of the placement queue on.",
            _detections_table(detections),
            " ".join(
                f"`{each.name}` is not given for {each.n_not_scored:,} posts, with a reason for each; "
                "one that was meant counts as missed."
                for each in detections
            ),
            *(_mistakes_of(detection) for detection in detections),
            f"### In the wrong space: {_count(elsewhere)}",
            "Only the first post of a thread is told that it fits another space better; replies move with it.",
            _mistakes(elsewhere),
        )
    )


# Topics


def _topics_section(check: TopicsCheck) -> str:
    missing = [each for each in check.subjects if not each.is_found]
    without = f"Subjects without a topic of their own: {_listed(each.subject for each in missing)}."
    agreement = check.agreement
    return "\n\n".join(
        (
            "## 5. Topics",
            f"Subjects with at least {MIN_SUBJECT_POSTS} posts. *In it*: of the subject's posts, those in the topic "
            "that holds most of them. *Pure*: of that topic's posts, those about the subject. A topic is a subject's "
            "*own* where no other subject has more posts in it.",
            _table(
                ("subject", "posts", "topic with most", "in it", "pure", "own topics", "in own topics"),
                [_subject_row(each) for each in check.subjects],
            ),
            without,
            f"Agreement over these {agreement.n_posts:,} posts, unsorted as one more topic: AMI {agreement.ami:.3f}, "
            f"ARI {agreement.ari:.3f}; {len(check.subjects)} subjects, {agreement.n_topics} topics, "
            f"{agreement.unsorted_share:.1%} unsorted.",
            "### The topics by name, and what they are about",
            _table(("topic", "name", "language", "posts", "about"), [_topic_row(each) for each in check.topics]),
        )
    )


def _subject_row(check: SubjectCheck) -> tuple[str, ...]:
    return (
        check.subject if check.is_found else f"**{check.subject}** (none of its own)",
        str(check.found.n),
        f"{check.topic_id}: {_cell(check.topic_name)}" if check.topic_id is not None else "–",
        _percent(check.found),
        _percent(check.pure),
        str(check.n_own_topics),
        _percent(check.in_own_topics),
    )


def _topic_row(check: TopicCheck) -> tuple[str, ...]:
    return (
        str(check.topic_id),
        _cell(check.name),
        check.language,
        str(check.n_posts),
        _subjects(check.subjects, check.n_posts),
    )


def _subjects(subjects: Sequence[tuple[str, int]], n_posts: int) -> str:
    return ", ".join(f"{subject} {n / n_posts:.0%}" for subject, n in subjects[:N_SUBJECTS_SHOWN])


# Splits


def _split_section(check: SplitCheck, run: Run) -> str:
    window = run.splits["looked_at"]["window"]
    opening = (
        f"Bakers: the {check.n_members} members with at least {MIN_MEMBER_POSTS} posts about {NICHE} between "
        f"{window['start'][:10]} and {window['end'][:10]}."
    )
    return "\n\n".join(("## 6. Split", opening, *(_no_split(run) if check.part is None else _split(check, run))))


def _no_split(run: Run) -> Iterable[str]:
    yield "**No split is proposed**; refused for:"
    yield (
        "\n".join(f"- {refusal['reason']}: {refusal['figures']}" for refusal in run.splits["refused"]) or "- no reason"
    )


def _split(check: SplitCheck, run: Run) -> Iterable[str]:
    assert check.part is not None
    row, place = check.part
    proposal = run.splits["proposals"][row]
    part = proposal["parts"][place]
    yield (
        f"Proposed: {proposal['action']}, {len(proposal['parts'])} parts; the bakers' part is part {place + 1} with "
        f"{part['n_authors']} members and {part['n_posts']} posts (stability {proposal['stability']:.2f}, modularity "
        f"{proposal['modularity']:.2f} against {proposal['null_modularity_p99']:.2f} by chance, conductance "
        f"{proposal['conductance']:.2f}). {len(run.splits['proposals'])} proposal in all."
    )
    yield f"- Members of the part who are bakers: {_share(check.precision)}; not: {_listed(check.wrong)}."
    yield f"- Bakers who are in the part: {_share(check.recall)}; not: {_listed(check.missed)}."
    yield "Posts of the same window by the members of each part; who is in no part makes up the rest:"
    parts = [f"part {number + 1}" for number in range(len(proposal["parts"]))]
    rows = [
        (subject, str(shares[0].n), *(_percent(share) for share in shares)) for subject, shares in check.shares.items()
    ]
    yield _table(("subject", "posts", *parts), rows)
    yield _kept_together(check.shares)


def _kept_together(shares: Mapping[str, Sequence[Share]]) -> str:
    """Whether the subjects that share their writers lie mostly in one part."""
    places = {subject: _largest(shares[subject]) for subject in TOGETHER if subject in shares}
    left_out = [subject for subject in TOGETHER if subject not in places]
    note = f" Fewer than {MIN_WINDOW_POSTS} posts in the window: {_listed(left_out)}." if left_out else ""
    if len(set(places.values())) == 1:
        return f"{_listed(places)} are **not split**: most of each is in the same part.{note}"
    return f"{_listed(places)} are **split** over parts {_listed(str(place + 1) for place in places.values())}.{note}"


def _largest(shares: Sequence[Share]) -> int:
    n_posts = [share.n_hits for share in shares]
    return n_posts.index(max(n_posts))


# Drift


def _drift_section(check: DriftCheck, run: Run) -> str:
    periods = [period["first_day"] for period in run.drift["periods"]]
    return "\n\n".join(
        (
            "## 7. Drift",
            "What was planted, and how many posts there are about it in each period:",
            _table(
                ("planted", "subject", *(day[:7] for day in periods), "told by a line"),
                [_planted_row(change, check, periods) for change in PLANTED],
            ),
            "A line of kind topic share compares the latest period with all those before it together; one of kind "
            "topic turn tells since which week of the last year a topic has had another share.",
            "The lines of the report, each beside the true share of the subject that most of its topic is about:",
            _table(
                ("line", "topic", "about", "from", "to", "truly from", "truly to", "planted"),
                [_line_row(line) for line in check.lines],
            )
            if check.lines
            else f"None: {run.drift['reason']}.",
        )
    )


def _planted_row(change: PlantedChange, check: DriftCheck, periods: Sequence[str]) -> tuple[str, ...]:
    counts = (str(check.n_posts.get((change.subject, day), 0)) for day in periods)
    return change.description, change.subject, *counts, "**no**" if change in check.not_told else "yes"


def _line_row(check: LineCheck) -> tuple[str, ...]:
    line = check.line
    return (
        str(line["kind"]).replace("_", " ") + (f" “{_cell(line['word'])}”" if line["word"] else ""),
        f"{line['topic_id']}: {_cell(check.topic_name)}" if line["topic_id"] is not None else "all",
        _subjects(check.about, sum(n for _, n in check.about)),
        f"{line['from']:.1%}",
        f"{line['to']:.1%}",
        _percent(check.truly_before) if check.about else "–",
        _percent(check.truly_now) if check.about else "–",
        check.planted.description if check.planted else "no",
    )


# Words and cells


def _mistakes(mistakes: Sequence[Mistake]) -> str:
    if not mistakes:
        return "No mistakes."
    with_p = any(each.probability is not None for each in mistakes)
    with_note = any(each.note for each in mistakes)
    header = ("", "post", "language", *(("probability",) if with_p else ()), *(("note",) if with_note else ()), "text")
    rows = []
    for outcome in ("missed", "wrong"):
        of_outcome = [each for each in mistakes if each.outcome == outcome]
        for each in sorted(of_outcome, key=_surest_first if with_p else lambda each: each.post_id):
            p = ("–" if each.probability is None else f"{each.probability:.3f}",) if with_p else ()
            note = (_cell(each.note),) if with_note else ()
            rows.append((outcome, f"`{each.post_id}`", each.language, *p, *note, _cell(each.text)))
    return _table(header, rows)


def _surest_first(mistake: Mistake) -> tuple[float, str]:
    """The worst mistakes first: what was missed with the lowest probability, what is wrong with the highest."""
    p = -1.0 if mistake.probability is None else mistake.probability
    return (p if mistake.outcome == "missed" else -p), mistake.post_id


def _count(mistakes: Sequence[Mistake]) -> str:
    n_missed = sum(each.outcome == "missed" for each in mistakes)
    return f"{n_missed} missed, {len(mistakes) - n_missed} wrong"


def _share(share: Share) -> str:
    if share.figure is None or share.interval is None:
        return "–"
    low, high = share.interval
    return f"{share.figure:.2f} ({low:.2f}–{high:.2f}), {share.n_hits}/{share.n}"


def _percent(share: Share) -> str:
    return "–" if share.figure is None else f"{share.figure:.0%}"


def _auc(detection: Detection) -> str:
    if detection.auc is None or detection.auc_interval is None:
        return "–"
    low, high = detection.auc_interval
    return f"{detection.auc:.3f} ({low:.3f}–{high:.3f})"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _cell(text: str) -> str:
    """Text that is a cell and nothing else in Markdown."""
    for sign in ("\\", "|", "*", "_", "`", "<", "[", "~"):
        text = text.replace(sign, f"\\{sign}")
    return text


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows))
