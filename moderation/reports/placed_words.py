"""Who should answer somebody who waits, and what worked before, as notes beside a quoted post."""

from collections.abc import Mapping
from typing import Any

from moderation.reports.quotes import Quoter, shortened

N_CHARACTERS = 90


def placed_words(times: Mapping[str, Any], post_id: str, quoter: Quoter) -> list[str]:
    """What the worklist of response_times.json knows of one post; nothing of a post that is not in it."""
    item = next((item for item in times["worklist"] if item["post_id"] == post_id), None)
    if item is None:
        return []
    said, wording = [], quoter.wording
    placed = item["best_placed"]
    if placed is not None and placed["who"] == "peer":
        names = [quoter.author(member["author_id"]) for member in placed["members"]]
        said.append(wording.say("wait.best_placed", names=wording.listed(names)))
    for earlier in item["earlier_answers"][:1]:
        answer = quoter.quote(earlier["answer_post_id"])
        words = shortened(answer.words, N_CHARACTERS)
        said.append(wording.say("wait.earlier_answer", author=answer.author, words=words))
    return said
