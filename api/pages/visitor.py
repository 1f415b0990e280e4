"""Who is looking: the moderator that a cookie belongs to, and whether a form came from a page of ours."""

import secrets
from dataclasses import dataclass
from typing import Annotated

from fastapi import Cookie, Depends, Form, HTTPException, Request

from api.deps import Now, Transaction
from api.pages.texts import LANGUAGE_COOKIE, Texts, texts_for
from moderation.accounts import moderator_of_cookie
from moderation.alarms import n_open_alarms
from moderation.communities import community_of
from moderation.config import Community
from moderation.errors import CommunityUnknown
from moderation.tables import CommunityRow, ModeratorRow

SESSION_COOKIE = "klankbord_session"


@dataclass(frozen=True)
class Visitor:
    """A moderator who is signed in, and the community that is looked at.

    Attributes
    ----------
    csrf_token : that every form of this browser has to carry.
    n_alarms : how many alarms are open, for the top of every page.
    base : where the community's pages begin.
    """

    moderator: ModeratorRow
    community_row: CommunityRow
    community: Community
    csrf_token: str
    texts: Texts
    n_alarms: int

    @property
    def base(self) -> str:
        """Where the community's pages begin."""
        return f"/c/{self.community_row.slug}"

    @property
    def community_name(self) -> str:
        """What the community is called; its slug where it has no name."""
        return self.community.name or self.community_row.slug

    @property
    def moderator_name(self) -> str:
        """What other moderators see."""
        return self.moderator.name


def get_visitor(
    slug: str,
    session: Transaction,
    now: Now,
    token: Annotated[str | None, Cookie(alias=SESSION_COOKIE)] = None,
    language: Annotated[str | None, Cookie(alias=LANGUAGE_COOKIE)] = None,
) -> Visitor:
    """Let a moderator in to a page of the own community.

    Raises
    ------
    HTTPException
        401: nobody is signed in.
    CommunityUnknown
        The page is another community's; whether that exists is none of the visitor's business.
    """
    signed_in = moderator_of_cookie(session, token, now=now) if token else None
    if signed_in is None:
        raise HTTPException(401)
    row = session.get_one(CommunityRow, signed_in.moderator.community_id)
    if row.slug != slug:
        raise CommunityUnknown("there is no such community")
    community = community_of(row)
    texts = texts_for(language, community.languages, community.timezone)
    n_alarms = n_open_alarms(session, row.id)
    return Visitor(signed_in.moderator, row, community, signed_in.csrf_token, texts, n_alarms)


SignedIn = Annotated[Visitor, Depends(get_visitor)]


def get_form_visitor(request: Request, visitor: SignedIn, csrf: Annotated[str, Form()] = "") -> Visitor:
    """Let a moderator in who sends a form of ours.

    Raises
    ------
    HTTPException
        403: the form does not carry the token of this browser, or another site sent it.
    """
    if not is_same(csrf, visitor.csrf_token) or is_from_elsewhere(request):
        raise HTTPException(403)
    return visitor


SendsForm = Annotated[Visitor, Depends(get_form_visitor)]


def is_same(given: str, expected: str) -> bool:
    """Compare secrets without telling by the time it takes where they differ."""
    return secrets.compare_digest(given.encode(errors="surrogatepass"), expected.encode())


def is_from_elsewhere(request: Request) -> bool:
    """Whether the browser says that another site sent this request."""
    return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
