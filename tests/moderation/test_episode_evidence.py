from episode_corpus import at, row, small_corpus, unhappy

from moderation.config import Community
from moderation.response_times import measure_response_times

COMMUNITY = Community(name="Proef")


def evidence(rows, *, end=10_000):
    corpus = small_corpus(rows)
    found = measure_response_times(
        corpus, topic_of=[None] * len(corpus), community=COMMUNITY, end_at=at(end), outside=None
    )
    (episode,) = found["episodes"]
    return episode["evidence"]


def test_each_step_names_its_post_and_why_it_counts():
    rows = [
        unhappy("q", 0, "anna"),
        row("sorry", 5, "webcare", "We are so sorry about this.", role="staff", parent_id="q"),
        row("a", 9, "bo", parent_id="q", likes=7),
        row("back", 20, "anna", "Thanks, that was it!", parent_id="a", signals={"negative": 0.1, "negative_wom": 0.2}),
    ]
    found = evidence(rows)
    assert [found[step] and found[step]["post_id"] for step in ("touch", "acknowledged", "answer", "staff_answer")] == [
        "sorry", "sorry", "a", None,
    ]  # fmt: skip
    answer = found["answer"]
    assert (answer["kind"], answer["rule"], answer["unsure"], answer["n_likes"]) == ("answer", "model", False, 7)
    assert answer["p"] == answer["p_answer"] > answer["p_next"]
    correction = found["correction"]
    assert (correction["post_id"], correction["sign"]) == ("back", "return")
    assert correction["p_outcomes"]["recovered"] >= 0.5
    assert (correction["change_negative_wom"], correction["change_negative"]) == (-0.7, -0.8)


def test_an_accepted_post_and_a_turn_of_tone_are_named():
    accepted = [unhappy("q", 0, "anna"), row("a", 9, "bo", parent_id="q", accepted=True)]
    assert evidence(accepted)["correction"] == {"post_id": "a", "sign": "accepted"}
    calm = [row(f"c{i}", 20 + i, f"m{i}", parent_id="q") for i in range(2)]
    turned = evidence([unhappy("q", 0, "anna"), row("a", 9, "bo", parent_id="q"), *calm])["correction"]
    assert turned == {"post_id": "c1", "sign": "tone", "calm_post_ids": ["c0", "c1"], "n_negative": 0}


def test_steps_that_were_not_taken_are_none():
    assert set(evidence([unhappy("q", 0, "anna")]).values()) == {None}
