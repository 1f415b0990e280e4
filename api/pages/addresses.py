"""Where the pages of single things are; an id that members' software made up may hold any character."""

from urllib.parse import quote


def post_address(base: str, post_id: str) -> str:
    """The page of a post."""
    return f"{base}/posts/{quote(post_id, safe='')}"


def episode_address(base: str, episode_id: str) -> str:
    """The page of a complaint."""
    return f"{base}/episodes/{quote(episode_id, safe='')}"


def question_address(base: str, question_id: str) -> str:
    """The page of a question."""
    return f"{base}/questions/{quote(question_id, safe='')}"
