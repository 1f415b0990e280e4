import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from moderation.errors import ExportUnreadable
from moderation.exports import Export, read_exports
from moderation.posts import Post

NOW = datetime(2024, 6, 1, tzinfo=UTC)


def post(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": 100 + number,
        "post_number": number,
        "user_id": number,
        "username": f"member{number}",
        "post_type": 1,
        "created_at": f"2024-05-01T09:0{number}:00.000Z",
        "updated_at": f"2024-05-01T09:0{number}:00.000Z",
        "cooked": f"<p>Post {number}</p>",
        **fields,
    }


def topic(*posts: Any, **fields: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "title": "Punten",
        "archetype": "regular",
        "category_id": 3,
        "post_stream": {"posts": list(posts)},
    } | fields


def read(folder: Path, *topics: Any, **options: Any) -> Export:
    for number, content in enumerate(topics):
        (folder / f"{number}.json").write_text(json.dumps(content))
    return read_exports([folder], now=NOW, **options)


def only(export: Export) -> Post:
    (found,) = export.posts
    return found


def test_a_topic_becomes_posts(tmp_path: Path) -> None:
    likes = [{"id": 3, "count": 9}, {"id": 2, "count": 4}]
    export = read(
        tmp_path,
        topic(
            post(1, actions_summary=likes),
            post(2, reply_to_post_number=None),
            post(3, reply_to_post_number=2, staff=True),
        ),
    )
    first, second, third = export.posts
    assert (first.id, first.thread_id, first.title, first.space, first.likes) == ("101", "7", "Punten", "category-3", 4)
    assert (first.author_id, first.author_name, first.role) == ("1", "member1", "member")
    assert (first.text, first.is_html, first.created_at) == (
        "<p>Post 1</p>",
        True,
        datetime(2024, 5, 1, 9, 1, tzinfo=UTC),
    )
    assert (second.parent_id, second.title) == (None, None)
    assert (third.parent_id, third.role) == ("102", "staff")


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("as_lines", [True, False])
def test_topics_are_known_in_every_layout(tmp_path: Path, indent: int | None, as_lines: bool) -> None:
    path = tmp_path / "topics"
    contents = [topic(post(1)), topic(post(2), id=8)]
    if as_lines:
        path.write_text("\n".join(map(json.dumps, contents)))
        assert [found.thread_id for found in read_exports([path], now=NOW).posts] == ["7", "8"]
    else:
        path.write_text(json.dumps({"actions": "x", **contents[0]}, indent=indent))
        assert [found.thread_id for found in read_exports([path], now=NOW).posts] == ["7"]


def test_a_reply_finds_its_parent_on_another_page_of_the_topic(tmp_path: Path) -> None:
    export = read(tmp_path, topic(post(3, reply_to_post_number=2)), topic(post(1), post(2)))
    assert export.posts[2].parent_id == "102"


def test_a_reply_to_a_post_that_is_not_there_is_repaired(tmp_path: Path) -> None:
    export = read(tmp_path, topic(post(1), post(3, reply_to_post_number=2)))
    assert export.posts[1].parent_id is None
    assert export.counts.repairs == {"parent_missing": 1}


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"post_type": 1}, "post"),
        ({"post_type": 2}, "post"),
        ({"post_type": 3, "action_code": "closed.enabled"}, "system"),
        ({"post_type": 4}, "whisper"),
        ({"post_type": 99}, "system"),
        ({"post_type": ["odd"]}, "system"),
    ],
)
def test_post_types(tmp_path: Path, fields: dict[str, Any], kind: str) -> None:
    assert only(read(tmp_path, topic(post(1, **fields)))).kind == kind


def test_private_messages_are_never_read(tmp_path: Path) -> None:
    private = topic(post(2), post(3), id=8, archetype="private_message")
    export = read(tmp_path, topic(post(1)), private, topic(post(4, topic_archetype="private_message"), id=9))
    assert [found.id for found in export.posts] == ["101"]
    assert [reject.field for reject in export.rejects] == ["kind"] * 3
    with pytest.raises(ExportUnreadable, match="private posts are never read"):
        read_exports([tmp_path / "1.json"], now=NOW)


@pytest.mark.parametrize(
    ("fields", "staff", "role"),
    [
        ({}, (), "member"),
        ({"moderator": True}, (), "staff"),
        ({"admin": True}, (), "staff"),
        ({}, ("1",), "staff"),
        ({}, ("member1",), "staff"),
        ({"user_id": -1}, (), "bot"),
    ],
)
def test_roles(tmp_path: Path, fields: dict[str, Any], staff: tuple[str, ...], role: str) -> None:
    assert only(read(tmp_path, topic(post(1, **fields)), staff=staff)).role == role


def test_the_writers_markdown_is_preferred(tmp_path: Path) -> None:
    found = only(read(tmp_path, topic(post(1, raw="> ja\n\n*nee*"))))
    assert (found.text, found.is_html) == ("> ja\n\n*nee*", False)


def test_an_accepted_answer_is_marked_on_the_post_or_on_the_topic(tmp_path: Path) -> None:
    marked = topic(post(1), post(2, accepted_answer=True), post(3), accepted_answer={"post_number": 3})
    assert [found.accepted for found in read(tmp_path, marked).posts] == [False, True, True]


def test_a_post_that_its_author_took_away_is_deleted(tmp_path: Path) -> None:
    gone = post(2, user_deleted=True, updated_at="2024-05-05T00:00:00Z")
    removed = post(3, deleted_at="2024-05-06T00:00:00Z")
    deleted = [found.deleted_at for found in read(tmp_path, topic(post(1), gone, removed)).posts]
    assert deleted == [None, datetime(2024, 5, 5, tzinfo=UTC), datetime(2024, 5, 6, tzinfo=UTC)]


def test_a_topic_is_locked_when_it_was_closed_for_good(tmp_path: Path) -> None:
    actions = ("closed.enabled", "closed.disabled", "autoclosed.enabled", "archived.enabled")
    small = [post(number, post_type=3, action_code=action) for number, action in enumerate(actions, start=2)]
    closed = read(tmp_path, topic(post(1), *small, closed=True))
    assert {found.locked_at for found in closed.posts} == {datetime(2024, 5, 1, 9, 4, tzinfo=UTC)}
    assert {found.locked_at for found in read(tmp_path, topic(post(1), *small, closed=False)).posts} == {None}


def test_a_category_has_its_name_where_the_topic_tells_it(tmp_path: Path) -> None:
    assert only(read(tmp_path, topic(post(1), category_name="Sparen"))).space == "Sparen"
    assert only(read(tmp_path, topic(post(1), category_id=None))).space is None


def test_odd_topics_are_rejected_or_repaired(tmp_path: Path) -> None:
    odd = topic(
        None,
        17,
        post(1, id=None),
        post(2, created_at=None),
        post(3, cooked=None),
        post(4, actions_summary=[None, {"id": 2, "count": "x"}], username=["odd"], action_code={}),
        post(5, reply_to_post_number={"odd": 1}),
        closed=True,
    )
    export = read(tmp_path, odd, {"post_stream": {"posts": "none"}}, {"post_stream": {"posts": []}})
    assert [found.id for found in export.posts] == ["104", "105"]
    assert [reject.field for reject in export.rejects] == [None, None, "id", "created_at", "text", None]
    assert export.counts.repairs == {"field_ignored": 1, "parent_missing": 1}
