"""What the report page says, in words and in order, before any HTML."""

from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True)
class Quote:
    """A post as the page shows it: its first words, who wrote it and when.

    Attributes
    ----------
    note : why it stands here ("has been waiting for 3 days"); None = nothing to add.
    language : ISO 639-1 code of the words; None = not known.
    where : the thread and space it stands in; None = not told.
    answers : who and what it answers; None = it answers nothing, or that is not told.
    """

    post_id: str
    title: str | None
    words: str
    author: str
    written: str
    note: str | None
    language: str | None
    where: str | None = None
    answers: str | None = None


@dataclass(frozen=True)
class QuoteGroup:
    """Posts of one kind, to be unfolded under their heading."""

    heading: str
    quotes: tuple[Quote, ...]


@dataclass(frozen=True)
class Action:
    """One thing to do first: what, why, the posts it is about by kind, and where the rest stands.

    Attributes
    ----------
    anchor : where on the page; None = in a file.
    """

    headline: str
    why: str
    groups: tuple[QuoteGroup, ...]
    anchor: str | None
    anchor_words: str


@dataclass(frozen=True)
class KeyFigure:
    """A figure for the top of the page, and what it counts."""

    figure: str
    meaning: str


@dataclass(frozen=True)
class IntervalBar:
    """A share with its 95 % interval, all in [0, 1], to be drawn."""

    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Chart:
    """A chart in two widths, with the text that says the same."""

    title: str
    said: str
    wide: Markup
    narrow: Markup


@dataclass(frozen=True)
class Table:
    """A table of words; the first cell of a row names it."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class TopicCard:
    """One topic. `negative` says how many of its posts are unhappy, `bar` draws it (None = not known).

    Attributes
    ----------
    space : where most of its posts stand; None = the export has no spaces.
    """

    anchor: str
    name: str
    size: str
    space: str | None
    terms: str | None
    negative: str
    bar: IntervalBar | None
    quotes: tuple[Quote, ...]


@dataclass(frozen=True)
class TopicLine:
    """One of the smaller topics on a line of its own."""

    anchor: str
    name: str
    facts: str


@dataclass(frozen=True)
class TopicGroup:
    """The smaller topics of one space; `heading` None = the export has no spaces."""

    heading: str | None
    lines: tuple[TopicLine, ...]


@dataclass(frozen=True)
class LedgerLine:
    """What became of one topic."""

    topic_id: int
    words: str


@dataclass(frozen=True)
class LedgerEntry:
    """What changed at one moment; `note` counts the topics that stayed as they were (None = none did)."""

    heading: str
    lines: tuple[LedgerLine, ...]
    note: str | None


@dataclass(frozen=True)
class TopicSection:
    """What the community talks about.

    Attributes
    ----------
    smaller_heading, smaller : the topics that have no card, by space; None and empty where all have one.
    more : how many topics are left out of a very long list; None = none.
    ledger : what became of topics, the newest first; empty where there was no earlier look at them.
    """

    lead: str
    cards: tuple[TopicCard, ...]
    smaller_heading: str | None
    smaller: tuple[TopicGroup, ...]
    more: str | None
    unsorted: tuple[str, ...]
    chart: Chart | None
    ledger: tuple[LedgerEntry, ...]


@dataclass(frozen=True)
class Change:
    """One line of the drift report."""

    headline: str
    details: tuple[str, ...]
    quotes: tuple[Quote, ...]


@dataclass(frozen=True)
class DriftSection:
    """What changed; without changes the lead says so and `notes` why."""

    lead: str
    changes: tuple[Change, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Gathered:
    """Posts of several people that say the same: what, by how many, and the posts."""

    headline: str
    details: tuple[str, ...]
    groups: tuple[QuoteGroup, ...]


@dataclass(frozen=True)
class EmergenceSection:
    """What comes up: groups that grow into a topic, and wording that spread within a day; with the posts of each."""

    lead: str
    groups: tuple[Gathered, ...]
    bursts_lead: str
    bursts: tuple[Gathered, ...]


@dataclass(frozen=True)
class RootCauseSection:
    """What stays wrong although it is answered, with its episodes."""

    lead: str
    causes: tuple[Gathered, ...]


@dataclass(frozen=True)
class WaitGroup:
    """Posts that wait, in the order to take them up; `more` counts those that are not shown (None = all are)."""

    heading: str
    quotes: tuple[Quote, ...]
    more: str | None


@dataclass(frozen=True)
class WaitingSection:
    """How long unhappy members wait, who answers them, and whether it was put right.

    Attributes
    ----------
    trend, changes : how that went over time, and since when it is different.
    expected, expected_table : how soon who asks or complains now may expect an answer.
    """

    lead: str
    sentences: tuple[str, ...]
    chart: Chart | None
    table: Table | None
    trend: Chart | None
    changes: tuple[str, ...]
    expected: tuple[str, ...]
    expected_table: Table | None
    corrected: tuple[str, ...]
    outside: tuple[str, ...]
    outside_table: Table | None
    open_groups: tuple[WaitGroup, ...]
    question_groups: tuple[WaitGroup, ...]


@dataclass(frozen=True)
class SplitPart:
    """One part of a proposal."""

    heading: str
    details: tuple[str, ...]


@dataclass(frozen=True)
class SplitCard:
    """A proposal to a person, with its proof in words and, for who wants them, the figures of it by name."""

    headline: str
    parts: tuple[SplitPart, ...]
    proof: tuple[str, ...]
    figures: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SplitSection:
    """Proposals, or why there is none."""

    lead: str
    proposals: tuple[SplitCard, ...]
    refusals: tuple[str, ...]
    niches_lead: str | None = None
    niches: tuple[Gathered, ...] = ()
    tidied: tuple[Gathered, ...] = ()


@dataclass(frozen=True)
class MemberSection:
    """Who carries the community."""

    lead: str
    table: Table | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class AskedSection:
    """The questions that return and the ideas that several people are behind."""

    lead: str
    questions: tuple[Gathered, ...]
    ideas_lead: str
    ideas: tuple[Gathered, ...]


@dataclass(frozen=True)
class CoverageSection:
    """What the page rests on, how often the signals were right when they were checked, and what is not known."""

    sentences: tuple[str, ...]
    accuracy: Table | None
    limits: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Page:
    """Everything that the page says."""

    title: str
    subtitle: str
    key_figures: tuple[KeyFigure, ...]
    actions: tuple[Action, ...]
    actions_lead: str
    topics: TopicSection
    drift: DriftSection
    emergence: EmergenceSection
    root_causes: RootCauseSection
    waiting: WaitingSection
    splits: SplitSection
    members: MemberSection
    asked: AskedSection
    coverage: CoverageSection
