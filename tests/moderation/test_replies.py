import numpy as np
import pytest
from episode_corpus import TRY_THIS, row, small_corpus, unhappy

from models.talk import REPLY_KINDS
from moderation.posts import Post
from moderation.replies import judge_replies
from moderation.scoring import read_posts, score_posts

COMPLAINT = "Since the update I cannot log in any more and nobody answers my mails."
BY_KIND = {
    "answer": [
        ("nl", "Je kunt de code opnieuw aanvragen via het menu Instellingen, dan krijg je een nieuwe per sms."),
        ("en", "Same problem with mine, I solved it by reinstalling the driver from their site."),
        ("de", "Du musst im Kundenkonto zuerst die Adresse bestätigen, danach geht es."),
    ],
    "deflected": [
        ("nl", "Stuur ons even een privébericht met je klantnummer, dan kijken we ernaar!"),
        ("en", "Sorry to hear that! Please send us a DM with your booking reference and phone number."),
        ("de", "Das tut uns leid. Bitte schreib uns eine PN mit deiner Kundennummer."),
        ("fr", "Bonjour, contactez notre service client par téléphone. Bien à vous, Marie"),
    ],
    "acknowledged": [
        ("nl", "We vinden het jammer om te lezen dat je niet tevreden bent. We nemen je feedback mee."),
        ("en", "We understand your frustration and are working hard to improve our service."),
        ("de", "Wir entschuldigen uns für die Unannehmlichkeiten und leiten das an die Kollegen weiter."),
        ("fr", "Nous regrettons votre expérience. Nous transmettons votre remarque à nos équipes."),
    ],
    "same_here": [
        ("nl", "Hier precies hetzelfde, al sinds vrijdag."),
        ("en", "Me too, I have had the same problem since Monday."),
        ("fr", "Pareil pour moi."),
    ],
    "thanks": [("nl", "Top, bedankt voor de hulp"), ("en", "Thank you so much, that was it!")],
}
CASES = [(kind, language, text) for kind, cases in BY_KIND.items() for language, text in cases]


def judged(reply="Fine.", *, role="staff", **fields):
    corpus = small_corpus([unhappy("q", 0, "anna"), row("r", 5, "bo", reply, role=role, **fields)])
    return judge_replies(corpus, [(0, 1)])[0]


@pytest.fixture(scope="module")
def by_text(models):
    """The shipped heads' judgement of each text below one complaint."""
    opening = unhappy("q", 0, "anna", COMPLAINT).post
    replies = [row(f"r{i:02}", 5, "bo", text, parent_id="q").post for i, (_, _, text) in enumerate(CASES)]
    read = read_posts([opening, *replies], languages=("nl", "en", "de", "fr"))
    corpus = score_posts(read, models.encoder, models.heads, advance=lambda _: None).corpus
    judgements = judge_replies(corpus, [(0, 1 + i) for i in range(len(replies))])
    return {post.text: judgement for post, judgement in zip(replies, judgements, strict=True)}


@pytest.mark.parametrize(("kind", "language", "text"), CASES)
def test_the_shipped_heads_know_plain_replies(by_text, kind, language, text):
    assert by_text[text].kind == kind, by_text[text].evidence


@pytest.mark.parametrize("kind", REPLY_KINDS)
def test_the_likeliest_kind_is_given_with_its_probability_and_the_next(kind):
    judgement = judged(kind=kind)
    assert judgement.kind == kind
    assert judgement.evidence.rule == "model"
    assert judgement.evidence.p > 0.7
    assert not judgement.evidence.is_unsure
    assert judgement.evidence.next_kind not in (None, kind)
    assert judgement.evidence.p_next < judgement.evidence.p


def with_log_odds(**log_odds):
    """A reply whose log odds are given by kind, the others 0."""
    corpus = small_corpus([unhappy("q", 0, "anna"), row("r", 5, "bo")])
    corpus.talk.log_odds[1] = [log_odds.get(kind, 0.0) for kind in REPLY_KINDS] + [0.0] * 3
    return judge_replies(corpus, [(0, 1)])[0]


def test_an_answer_below_the_threshold_is_what_else_it_could_be():
    judgement = with_log_odds(answer=2.0, other=1.9)
    assert judgement.kind == "other"
    assert judgement.evidence.next_kind == "answer"
    assert 0.3 < judgement.evidence.p < judgement.evidence.p_answer < 0.5
    assert judgement.evidence.is_unsure


@pytest.mark.parametrize(
    ("text", "kind", "rule"),
    [
        ("https://example.org/manual", "answer", "only a link"),
        ("```\nset notify off\n```", "answer", "only code"),
        ("> The app loses my points.", "other", "only a quotation"),
        ("👍👍", "other", "no words"),
        ("...", "other", "no words"),
    ],
)
def test_what_needs_no_judgement_is_settled_by_a_rule(text, kind, rule):
    judgement = judged(text, kind="pile_on")
    assert (judgement.kind, judgement.evidence.rule, judgement.evidence.p) == (kind, rule, None)


def test_a_post_marked_as_the_solution_answers_whatever_it_says():
    assert judged("Yes", role="member", accepted=True, kind="other").evidence.rule == "accepted"


def test_a_reply_that_was_not_read_is_no_answer():
    corpus = small_corpus([unhappy("q", 0, "anna"), row("r", 5, "bo")])
    corpus.talk.log_odds[1] = np.nan
    judgement = judge_replies(corpus, [(0, 1)])[0]
    assert (judgement.kind, judgement.evidence.rule) == ("other", "not read")


def busy_community():
    """Forty complaints in threads of their own, all but the first of them about parking."""
    abouts = ["billing", *["parking"] * 39]
    return [unhappy(f"c{i}", i, f"a{i}", thread=f"t{i}", about=about) for i, about in enumerate(abouts)]


@pytest.mark.parametrize(("about", "kind"), [("billing", "answer"), ("parking", "off_thread")])
def test_an_answer_must_resemble_its_own_complaint_more_than_others(about, kind):
    rows = [*busy_community(), row("r", 100, "bo", thread="t0", about=about)]
    corpus = small_corpus(rows)
    pairs = [(corpus.row_of[f"c{i}"], corpus.row_of["r"]) for i in range(40)]
    judgement = judge_replies(corpus, pairs)[0]
    assert judgement.kind == kind
    assert judgement.evidence.p_answer > 0.7
    assert judgement.evidence.cosine is not None
    assert judgement.evidence.rank is not None


def test_likeness_is_not_judged_without_others_to_compare_with():
    judgement = judged(TRY_THIS, about="parking")
    assert judgement.kind == "answer"
    assert judgement.evidence.rank is None


def test_a_judgement_does_not_depend_on_the_other_pairs(models):
    texts = [text for _, _, text in CASES]
    posts = [Post(f"p{i:02}", "t", created_at=row("x", i, "a").post.created_at, text=t) for i, t in enumerate(texts)]
    read = read_posts(posts, languages=("nl", "en"))
    corpus = score_posts(read, models.encoder, models.heads, advance=lambda _: None).corpus
    pairs = [(0, i) for i in range(1, len(posts))]
    together = judge_replies(corpus, pairs)
    assert [judge_replies(corpus, [pair])[0] for pair in pairs] == together
