import pytest
from episode_corpus import TRY_THIS, row, small_corpus, unhappy

from moderation.replies import judge_replies

ANSWERS = {
    "nl": [
        "Je kunt de code opnieuw aanvragen via het menu Instellingen.",
        "Onze excuses voor het ongemak. Je account is inmiddels gedeblokkeerd.",
        "Stuur ons een privébericht met je klantnummer. Of zet de app uit en weer aan, dan werkt het weer.",
        "Sorry, je moet eerst de oude pas laten blokkeren voordat de nieuwe werkt.",
    ],
    "en": [
        "Restart the router.",
        "Sorry about that, but you have to enable it under privacy first.",
        "Same problem with mine, I solved it by reinstalling the driver from their site.",
        "DM us if it keeps happening. The outage in your area was fixed an hour ago, so please try again.",
        "Thanks for the report. Version 2.4 fixes the crash on startup.",
    ],
    "de": ["Du musst im Kundenkonto zuerst die Adresse bestätigen, danach geht es."],
    "fr": ["Nous sommes désolés. Votre carte a été envoyée lundi et arrivera demain."],
}
DEFLECTED = {
    "nl": [
        "Stuur ons even een privébericht met je klantnummer, dan kijken we ernaar!",
        "Vervelend om te horen. Neem contact op met onze klantenservice.",
        "Bel onze klantenservice op werkdagen tussen 9 en 17 uur.",
    ],
    "en": [
        "Sorry to hear that! Please send us a DM with your booking reference, email address and phone number.",
        "We'd love to help. DM us and we'll take a look. ^KL",
        "I have contacted you by e-mail, Anna.",
    ],
    "de": ["Das tut uns leid. Bitte schreib uns eine PN mit deiner Kundennummer."],
    "fr": ["Bonjour, contactez notre service client par téléphone. Bien à vous, Marie"],
}
ACKNOWLEDGED = {
    "nl": [
        "Wat vervelend voor je!",
        "Onze excuses voor het ongemak. Met vriendelijke groet, Team Webcare",
        "Bedankt voor je bericht, we geven het door aan onze collega's.",
        "We vinden het jammer om te lezen dat je niet tevreden bent. We nemen je feedback mee.",
    ],
    "en": [
        "We're so sorry about this experience.",
        "Thank you for letting us know, we'll pass this on to the team.",
        "We understand your frustration and are working hard to improve our service.",
    ],
    "de": ["Wir entschuldigen uns für die Unannehmlichkeiten und leiten das an die Kollegen weiter."],
    "fr": ["Nous regrettons votre expérience. Nous transmettons votre remarque à nos équipes."],
}
THANKS = {
    "nl": ["Dankjewel!", "Top, bedankt voor de hulp"],
    "en": ["Thanks!", "Thank you so much 🙏"],
    "fr": ["Merci !"],
}
SAME_HERE = {
    "nl": ["Hier hetzelfde.", "Ik ook!", "Bij mij ook"],
    "en": ["Same here", "+1", "Me too :(", "I have the same problem."],
    "fr": ["Pareil pour moi."],
    "de": ["Geht mir genauso."],
}
REACTIONS = {"en": ["👍👍", "lol", "> The app loses my points.", "wow", "..."]}


def judged(reply, *, role="staff", opening=None, **fields):
    corpus = small_corpus([opening or unhappy("q", 0, "anna"), row("r", 5, "bo", reply, role=role, **fields)])
    return judge_replies(corpus, [(0, 1)])[0]


def cases(texts):
    return [
        pytest.param(language, text, id=f"{language}-{text[:30]}") for language in texts for text in texts[language]
    ]


@pytest.mark.parametrize(("language", "text"), cases(ANSWERS))
@pytest.mark.parametrize("role", ["staff", "member"])
def test_a_solution_is_an_answer(language, text, role):
    assert judged(text, language=language, role=role).kind == "answer"


@pytest.mark.parametrize(("language", "text"), cases(DEFLECTED))
def test_only_a_request_to_get_in_touch_is_deflected(language, text):
    judgement = judged(text, language=language)
    assert judgement.kind == "deflected"
    assert judgement.evidence.words


@pytest.mark.parametrize(("language", "text"), cases(ACKNOWLEDGED))
def test_only_an_apology_or_a_promise_is_acknowledged(language, text):
    assert judged(text, language=language).kind == "acknowledged"


@pytest.mark.parametrize(("kind", "texts"), [("thanks", THANKS), ("same_here", SAME_HERE), ("reaction", REACTIONS)])
def test_small_replies_of_members(kind, texts):
    for language, text in [case.values for case in cases(texts)]:
        assert judged(text, language=language, role="member").kind == kind, text


def test_the_language_of_customer_service_is_content_from_a_member():
    text = "I was working hard on it last week and found that the cache gets full."
    assert judged(text, role="member").kind == "answer"


def test_a_negative_reply_piles_on_unless_staff_wrote_it():
    signals = {"negative_wom": 0.8}
    text = "They never answer anybody and the refund took three months."
    assert judged(text, role="member", signals=signals).kind == "pile_on"
    assert judged(text, role="staff", signals=signals).kind == "answer"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("https://example.org/manual", "link"),
        ("```\nset notify off\n```", "code"),
    ],
)
def test_a_link_or_code_alone_answers(text, rule):
    judgement = judged(text, role="member")
    assert (judgement.kind, judgement.evidence.rule) == ("answer", rule)


def test_a_post_marked_as_the_solution_answers_whatever_it_says():
    assert judged("Yes", role="member", accepted=True).evidence.rule == "accepted"


def busy_community():
    """Forty complaints in threads of their own, all but the first of them about parking."""
    abouts = ["billing", *["parking"] * 39]
    return [unhappy(f"c{i}", i, f"a{i}", thread=f"t{i}", about=about) for i, about in enumerate(abouts)]


@pytest.mark.parametrize(("about", "kind"), [("billing", "answer"), ("parking", "off_thread")])
def test_a_reply_must_resemble_its_own_complaint_more_than_others(about, kind):
    rows = [*busy_community(), row("r", 100, "bo", thread="t0", about=about)]
    corpus = small_corpus(rows)
    pairs = [(corpus.row_of[f"c{i}"], corpus.row_of["r"]) for i in range(40)]
    judgement = judge_replies(corpus, pairs)[0]
    assert judgement.kind == kind
    assert judgement.evidence.cosine is not None
    assert judgement.evidence.rank is not None


def test_likeness_is_not_judged_without_others_to_compare_with():
    judgement = judged(TRY_THIS, about="parking")
    assert judgement.kind == "answer"
    assert judgement.evidence.rank is None


def test_a_reply_without_a_vector_is_judged_by_its_words():
    judgement = judged(TRY_THIS, about=None)
    assert (judgement.kind, judgement.evidence.cosine) == ("answer", None)
