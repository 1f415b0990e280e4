"""Labelled texts to learn from: the open label sets and the posts written for this project.

Only sets whose licence allows it are read here; sets that may only be measured on are read in `training/evaluate.py`
and never reach a shipped weight. A target that a set says nothing about is NaN, never 0.
"""

import csv
import hashlib
import html
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import KlankbordError
from models.signals import SIGNALS
from moderation.posts import Post
from moderation.reading import read_words

WRITTEN = "written"
WRITTEN_PAIRS = "written pairs"
WRITTEN_TALK = "written talk"
WRITTEN_SOURCES = (WRITTEN, WRITTEN_PAIRS, WRITTEN_TALK)
N_FOLDS = 5


class LabelSetsMissing(KlankbordError):
    """The open label sets are not on this machine."""


class WrittenPostInvalid(KlankbordError):
    """A line of the written posts cannot be used."""


@dataclass(frozen=True)
class SourceFacts:
    """Where labelled texts come from, for the model cards."""

    name: str
    licence: str
    origin: str


SOURCES = {
    facts.name: facts
    for facts in (
        SourceFacts(WRITTEN, "CC BY 4.0", "training/data/posts-*.jsonl, written for this project"),
        SourceFacts(WRITTEN_PAIRS, "CC BY 4.0", "training/data/pairs-*.jsonl, contrast pairs written for this project"),
        SourceFacts(
            WRITTEN_TALK, "CC BY 4.0", "training/data/replies.jsonl and returns.jsonl, written for this project"
        ),
        SourceFacts("umsab", "Apache-2.0 on the repository", "github.com/cardiffnlp/xlm-t"),
        SourceFacts("xed", "CC BY 4.0 on the labels", "github.com/Helsinki-NLP/XED"),
        SourceFacts("banking77", "CC BY 4.0", "github.com/PolyAI-LDN/task-specific-datasets"),
        SourceFacts("clinc150", "CC BY 3.0", "github.com/clinc/oos-eval"),
        SourceFacts("xsid", "CC BY-SA 4.0", "github.com/mainlp/xsid"),
    )
}


@dataclass(frozen=True)
class Example:
    """One labelled text.

    Attributes
    ----------
    group : texts of one group never stand on both sides of a validation split.
    labels : 1.0 or 0.0 by signal, as a person judged it; a signal in neither mapping is unknown.
    weak_labels : 1.0 or 0.0 by signal, following from another label (a film line's emotion, an intent): good enough to
        learn from, never to validate on.
    """

    text: str
    language: str
    source: str
    group: str
    labels: Mapping[str, float]
    weak_labels: Mapping[str, float]


@dataclass(frozen=True)
class LabelledTexts:
    """Examples as columns, one row each, in an order that depends on their contents only.

    Attributes
    ----------
    targets : shape (n, 8), columns as `SIGNALS`; 1, 0, or NaN where nothing is known.
    judged : shape (n, 8), True where a person judged this very signal, so that the row may validate it.
    groups : what the examples' groups are called; of the written texts, their industries.
    folds : shape (n,), int in [0, N_FOLDS); equal for equal groups.
    """

    texts: tuple[str, ...]
    languages: tuple[str, ...]
    sources: tuple[str, ...]
    targets: NDArray[np.float64]
    judged: NDArray[np.bool_]
    groups: tuple[str, ...]
    folds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)


def read_examples(*, data_folder: Path, written_folder: Path) -> LabelledTexts:
    """Read everything that may train a shipped head.

    Raises
    ------
    LabelSetsMissing
        `data_folder` does not hold the open label sets.
    WrittenPostInvalid
        A written post is not what `read_written` expects.
    """
    labels = data_folder / "labels"
    missing = [name for name in OPEN_SETS if not (labels / name).is_dir()]
    if missing:
        raise LabelSetsMissing(
            f"{labels}: label sets {', '.join(missing)} are missing; docs/data.md says where they come from"
        )
    open_examples = [example for name, read in OPEN_SETS.items() for example in read(labels / name)]
    written = [*read_written(written_folder), *read_written_pairs(written_folder), *read_written_talk(written_folder)]
    return as_columns([*written, *open_examples])


def as_columns(examples: Iterable[Example]) -> LabelledTexts:
    """Sort, drop texts that occur twice (the one with most judged labels stays) and assign folds."""
    best: dict[str, Example] = {}
    for example in sorted(examples, key=lambda row: (-len(row.labels), row.source, row.language, row.text)):
        best.setdefault(_normalised(example.text), example)
    best.pop("", None)
    rows = list(best.values())
    fold_of = _assign_folds(rows)
    return LabelledTexts(
        texts=tuple(row.text for row in rows),
        languages=tuple(row.language for row in rows),
        sources=tuple(row.source for row in rows),
        targets=np.array([[_target(row, signal) for signal in SIGNALS] for row in rows]).reshape(-1, len(SIGNALS)),
        judged=np.array([[signal in row.labels for signal in SIGNALS] for row in rows]).reshape(-1, len(SIGNALS)),
        groups=tuple(row.group for row in rows),
        folds=np.array([fold_of[_fold_key(row)] for row in rows], dtype=np.int64),
    )


def _target(row: Example, signal: str) -> float:
    return row.labels.get(signal, row.weak_labels.get(signal, np.nan))


def _assign_folds(rows: Sequence[Example]) -> dict[tuple[str, str], int]:
    """Largest group first into the emptiest fold of its source; ties by name."""
    sizes = Counter(map(_fold_key, rows))
    filled: dict[str, list[int]] = {}
    fold_of = {}
    for source, group in sorted(sizes, key=lambda key: (-sizes[key], key)):
        n_rows = filled.setdefault(source, [0] * N_FOLDS)
        fold = n_rows.index(min(n_rows))
        n_rows[fold] += sizes[source, group]
        fold_of[source, group] = fold
    return fold_of


def _fold_key(row: Example) -> tuple[str, str]:
    """All that was written goes with the posts of its industry: a head must not meet it through the rest."""
    return WRITTEN if row.source in WRITTEN_SOURCES else row.source, row.group


def read_written(folder: Path) -> list[Example]:
    """Posts written for this project, `posts-*.jsonl`; signals that are not listed are absent.

    A group is an industry in all its languages, so that a head is always validated on industries that it never saw.

    Raises
    ------
    WrittenPostInvalid
        A line is not JSON, or names an unknown signal.
    """
    return _read_labelled_posts(folder, "posts-*.jsonl", source=WRITTEN)


def read_written_pairs(folder: Path) -> list[Example]:
    """Contrast pairs, `pairs-*.jsonl`: two posts much alike of which one has the label that they are about.

    Raises
    ------
    WrittenPostInvalid
        As for `read_written`.
    """
    return _read_labelled_posts(folder, "pairs-*.jsonl", source=WRITTEN_PAIRS)


def _read_labelled_posts(folder: Path, names: str, *, source: str) -> list[Example]:
    return [
        _written_example(line, source=source, where=f"{path}:{number}")
        for path in sorted(folder.glob(names))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if line.strip()
    ]


def _written_example(line: str, *, source: str, where: str) -> Example:
    try:
        record = json.loads(line)
        post = Post(
            id=record["id"],
            thread_id=record["id"],
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            title=record["title"],
            text=record["text"],
        )
        language, industry, labels = record["language"], record["industry"], record["labels"]
    except (ValueError, KeyError, TypeError) as error:
        raise WrittenPostInvalid(f"{where}: not a written post ({error!r}); mend or remove the line") from error
    unknown = sorted(set(labels) - set(SIGNALS))
    if unknown:
        raise WrittenPostInvalid(f"{where}: unknown signals {unknown}; use {', '.join(SIGNALS)}")
    judged = {signal: float(signal in labels) for signal in SIGNALS}
    return Example(read_words(post).words, language, source, industry.strip().lower(), judged, weak_labels={})


CALM_STAFF = {"negative_wom": 0.0, "complaint": 0.0, "idea": 0.0, "praise": 0.0, "toxic": 0.0, "spam": 0.0}
UNHAPPY_KINDS = {"pile_on": 1.0, "thanks": 0.0, "answer": 0.0}
UNHAPPY_OUTCOMES = {"recovered": 0.0, "not": 1.0}


def read_written_talk(folder: Path) -> list[Example]:
    """The written reply pairs and author returns: what help, thanks and follow-ups look like, none of it spam.

    They were labelled as replies, not by signal, so all their labels are weak.
    """
    talk = []
    for pair in _records(folder / "replies.jsonl"):
        unhappy = UNHAPPY_KINDS.get(pair["kind"])
        weak = CALM_STAFF if pair["reply_role"] == "staff" else {"spam": 0.0, **_known("negative_wom", unhappy)}
        talk += [_talk(pair, "post", {"spam": 0.0}), _talk(pair, "reply", weak)]
    for story in _records(folder / "returns.jsonl"):
        unhappy = UNHAPPY_OUTCOMES.get(story["outcome"])
        talk += [_talk(story, "post", {"spam": 0.0}), _talk(story, "answer", {"spam": 0.0, "toxic": 0.0})]
        talk.append(_talk(story, "return", {"spam": 0.0, **_known("negative_wom", unhappy)}))
    return talk


def _records(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _talk(record: Mapping[str, str], part: str, weak_labels: Mapping[str, float]) -> Example:
    industry = record["industry"].strip().lower()
    return Example(record[part], record["language"], WRITTEN_TALK, industry, {}, weak_labels)


def _known(signal: str, label: float | None) -> dict[str, float]:
    return {} if label is None else {signal: label}


UMSAB_LANGUAGES = {
    "english": "en",
    "german": "de",
    "french": "fr",
    "spanish": "es",
    "italian": "it",
    "portuguese": "pt",
}
UMSAB_NEGATIVE, UMSAB_NEUTRAL, UMSAB_POSITIVE = range(3)
UMSAB_WEAK_LABELS = {
    UMSAB_NEGATIVE: {"negative_wom": 1.0, "praise": 0.0, "spam": 0.0},
    UMSAB_NEUTRAL: {"negative_wom": 0.0, "complaint": 0.0, "praise": 0.0, "toxic": 0.0, "spam": 0.0},
    UMSAB_POSITIVE: {"negative_wom": 0.0, "complaint": 0.0, "toxic": 0.0, "spam": 0.0},
}
"""Only the tone is labelled. That a neutral or positive tweet is no complaint and no abuse follows from it, and that
few are spam from how they were collected; that a negative one is unhappy about an organisation is often wrong, but
teaches what discontent sounds like.
"""


def read_umsab(folder: Path) -> list[Example]:
    """Tweets in six languages, 1,839 each, of the official training part."""
    return [
        Example(
            text,
            code,
            "umsab",
            _normalised(text),
            {"negative": float(label == UMSAB_NEGATIVE)},
            UMSAB_WEAK_LABELS[label],
        )
        for name, code in UMSAB_LANGUAGES.items()
        for text, label in read_umsab_part(folder, language=name, part="train")
    ]


def read_umsab_part(folder: Path, *, language: str, part: str) -> list[tuple[str, int]]:
    """Texts and classes (0 negative, 1 neutral, 2 positive) of one language's train, val or test part."""
    texts = (folder / language / f"{part}_text.txt").read_text(encoding="utf-8").splitlines()
    labels = (folder / language / f"{part}_labels.txt").read_text(encoding="utf-8").split()
    return [(clean_tweet(text), int(label)) for text, label in zip(texts, labels, strict=True)]


def clean_tweet(text: str) -> str:
    """Undo escapes and drop masked names and links: posts of a community hold neither."""
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
    text = html.unescape(text).replace('\\"', '"').replace('""', '"')
    return " ".join(re.sub(r"@user\b|\bhttps?(://\S+)?(?!\w)", " ", text).split())


XED_LANGUAGES = ("nl", "de", "fr")
XED_NEGATIVE = frozenset({1, 3, 6})
XED_POSITIVE = frozenset({5, 8})
XED_MAX_ROWS = 1_500
NOT_ABOUT_AN_ORGANISATION = {"negative_wom": 0.0, "complaint": 0.0, "spam": 0.0}


def read_xed(folder: Path) -> list[Example]:
    """Film lines with projected emotions: anger, disgust and sadness against joy and trust, mixed ones left out.

    Anger between people in a film is no word of mouth about an organisation, which is what these lines teach.
    """
    return [
        example
        for code in XED_LANGUAGES
        for example in _subsample(_xed_examples(folder / f"{code}-projections.tsv", code), XED_MAX_ROWS)
    ]


def _xed_examples(path: Path, language: str) -> Iterator[Example]:
    for line in path.read_text(encoding="utf-8").splitlines():
        text, _, numbers = line.partition("\t")
        if not re.fullmatch(r"[0-8](, [0-8])*", numbers):
            continue
        emotions = {int(number) for number in numbers.split(", ")}
        is_negative, is_positive = bool(emotions & XED_NEGATIVE), bool(emotions & XED_POSITIVE)
        if is_negative != is_positive and len(text.split()) >= 4:
            weak_labels = {"negative": float(is_negative), **NOT_ABOUT_AN_ORGANISATION}
            yield Example(text, language, "xed", _normalised(text), {}, weak_labels)


QUESTION_WORDS = {
    "en": "what|what's|whats|which|who|when|where|why|how|is|are|am|do|does|did|can|could|will|would|should|has|have",
    "nl": "wat|welke|wie|wanneer|waar|waarom|hoe|hoeveel|is|zijn|kan|kun|kunnen|mag|moet|wordt|gaat|heb|heeft",
    "de": "was|welche|welcher|welches|wer|wann|wo|warum|wie|ist|sind|kann|können|wird|soll|muss|gibt|hat|habe",
    "it": "che|cosa|quale|quali|chi|quando|dove|perché|come|quanto|quanti|è|ci",
    "da": "hvad|hvilke|hvilken|hvem|hvornår|hvor|hvorfor|hvordan|er|kan|skal|vil|har",
}
BANKING_NEUTRAL_INTENTS = frozenset(
    {
        "age_limit",
        "apple_pay_or_google_pay",
        "atm_support",
        "automatic_top_up",
        "card_about_to_expire",
        "card_acceptance",
        "card_delivery_estimate",
        "change_pin",
        "country_support",
        "disposable_card_limits",
        "edit_personal_details",
        "exchange_rate",
        "exchange_via_app",
        "fiat_currency_support",
        "get_disposable_virtual_card",
        "get_physical_card",
        "getting_spare_card",
        "getting_virtual_card",
        "order_physical_card",
        "receiving_money",
        "supported_cards_and_currencies",
        "top_up_by_bank_transfer_charge",
        "top_up_by_card_charge",
        "top_up_by_cash_or_cheque",
        "top_up_limits",
        "topping_up_by_card",
        "transfer_into_account",
        "verify_my_identity",
        "visa_or_mastercard",
    }
)
CALM = {"negative": 0.0, "negative_wom": 0.0, "complaint": 0.0, "praise": 0.0, "toxic": 0.0, "spam": 0.0, "idea": 0.0}
BANKING_MAX_ROWS = 1_500
CLINC_MAX_ROWS = 1_500
CLINC_COMMANDS = frozenset(
    {
        "alarm",
        "calendar_update",
        "flip_coin",
        "make_call",
        "next_song",
        "play_music",
        "reminder_update",
        "roll_dice",
        "shopping_list_update",
        "smart_home",
        "text",
        "timer",
        "todo_list_update",
        "update_playlist",
        "book_flight",
        "book_hotel",
        "cancel_reservation",
        "uber",
        "schedule_meeting",
        "report_fraud",
        "report_lost_card",
        "freeze_account",
        "pay_bill",
        "transfer",
    }
)


def read_banking77(folder: Path) -> list[Example]:
    """Bank customers' messages: questions, calm where the intent only asks for information."""
    with (folder / "train.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["text"].strip(), row["category"]) for row in csv.DictReader(file)]
    examples = [
        Example(text, "en", "banking77", _normalised(text), {}, {"question": 1.0, **_calm_if_neutral(intent)})
        for text, intent in rows
        if text.endswith("?") or _starts_as_question(text, "en")
    ]
    return _subsample(examples, BANKING_MAX_ROWS)


def _calm_if_neutral(intent: str) -> dict[str, float]:
    return CALM if intent in BANKING_NEUTRAL_INTENTS else {"praise": 0.0, "toxic": 0.0, "spam": 0.0, "idea": 0.0}


def read_clinc150(folder: Path) -> list[Example]:
    """Requests to an assistant, without any punctuation: calm, and questions where they begin as one."""
    rows = json.loads((folder / "data_full.json").read_text(encoding="utf-8"))["train"]
    examples = [
        Example(text, "en", "clinc150", _normalised(text), {}, {**CALM, **question})
        for text, intent in rows
        if (question := _question_target(text, "en", is_command=intent in CLINC_COMMANDS))
    ]
    return _subsample(examples, CLINC_MAX_ROWS)


XSID_COMMANDS = (
    "alarm/set",
    "alarm/cancel",
    "reminder/set",
    "reminder/cancel",
    "PlayMusic",
    "AddToPlaylist",
    "RateBook",
)


def read_xsid(folder: Path) -> list[Example]:
    """Requests to an assistant in five languages, the same in each; one group over all languages."""
    return [
        Example(text, code, "xsid", group, {}, {**CALM, **question})
        for code in sorted(QUESTION_WORDS)
        for part in ("valid", "test")
        for group, text, intent in _xsid_rows(folder / f"{code}.{part}.conll")
        if (question := _question_target(text, code, is_command=intent.startswith(XSID_COMMANDS)))
    ]


def _xsid_rows(path: Path) -> Iterator[tuple[str, str, str]]:
    """The English text (the group), the text and the intent of each utterance."""
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        pairs: list[tuple[str, str]] = re.findall(r"^# ([\w-]+)\s*[=:] (.*)$", block, flags=re.MULTILINE)
        comments = dict(pairs)
        if "text" in comments:
            yield comments.get("text-en", comments["text"]), comments["text"], comments["intent"]


def _question_target(text: str, language: str, *, is_command: bool) -> dict[str, float]:
    """Empty where the wording leaves it open, as in "tell me my balance"."""
    if text.endswith("?") or _starts_as_question(text, language):
        return {"question": 1.0}
    return {"question": 0.0} if is_command else {}


def _starts_as_question(text: str, language: str) -> bool:
    return re.match(rf"({QUESTION_WORDS[language]})\b", text.lower()) is not None


OPEN_SETS: dict[str, Callable[[Path], list[Example]]] = {
    "umsab_sentiment_multi": read_umsab,
    "xed_emotions_multi": read_xed,
    "banking77_en": read_banking77,
    "clinc150_oos_en": read_clinc150,
    "xsid_intents_multi": read_xsid,
}


def _subsample(examples: Iterable[Example], max_rows: int) -> list[Example]:
    """The same rows on every machine, whatever the order of the file."""
    return sorted(examples, key=lambda example: hashlib.sha256(example.text.encode()).hexdigest())[:max_rows]


def _normalised(text: str) -> str:
    """Letters and digits only: texts that differ in nothing else are one text."""
    return "".join(character for character in text.casefold() if character.isalnum())
