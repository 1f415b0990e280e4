"""Who is calling, and whether the key may do this: every endpoint names its scope by one of the types below."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Path, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from api.deps import Now, ServiceParts, Transaction
from moderation.accounts import SCOPES_THAT_MAY, Scope, find_key, may, moderator_named
from moderation.errors import CommunityUnknown, KeyRefused, ScopeTooSmall
from moderation.tables import CommunityRow, ModeratorRow

SCHEME = "ApiKey"
COMMUNITY = "/v1/communities/{slug}"

_bearer = HTTPBearer(
    scheme_name=SCHEME,
    bearerFormat="kb_...",
    description="A key of the community: `klankbord keys create --community SLUG --scope read`.",
    auto_error=False,
)
Slug = Annotated[str, Path(description="The community.", examples=["loyaal"])]


@dataclass(frozen=True)
class Caller:
    """The community that a request is about, and the key that it came with."""

    community: CommunityRow
    key_name: str


def authorise(
    request: Request,
    scopes: SecurityScopes,
    slug: Slug,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    service: ServiceParts,
    now: Now,
) -> Caller:
    """Let a request in.

    In a transaction of its own: some endpoints run a model afterwards, which no transaction may wait for.

    Raises
    ------
    KeyRefused
        No key, or one that does not work.
    CommunityUnknown
        The key is of another community; whether this one exists is none of its business.
    ScopeTooSmall
    """
    if credentials is None:
        raise KeyRefused("send a key of the community as Authorization: Bearer kb_...")
    with service.database.transaction() as session:
        key = find_key(session, credentials.credentials, now=now)
        community = session.get_one(CommunityRow, key.community_id)
    if community.slug != slug:
        raise CommunityUnknown("there is no such community")
    request.state.community_id = community.id
    needed = _scope_of(scopes)
    if not may(key.scope, needed):
        raise ScopeTooSmall(key.scope, sorted(SCOPES_THAT_MAY[needed]))
    return Caller(community, key.name)


MayIngest = Annotated[Caller, Security(authorise, scopes=["ingest"])]
MayRead = Annotated[Caller, Security(authorise, scopes=["read"])]
MayModerate = Annotated[Caller, Security(authorise, scopes=["moderate"])]
MayAdminister = Annotated[Caller, Security(authorise, scopes=["admin"])]


def acting_moderator(
    caller: MayModerate,
    session: Transaction,
    name: Annotated[
        str | None,
        Header(
            alias="Klankbord-Moderator",
            description="Who acts, as other moderators see it; left out: the name of the key.",
            examples=["Noor"],
        ),
    ] = None,
) -> ModeratorRow:
    """The person that a request acts for.

    Raises
    ------
    NameInvalid, ModeratorDisabled
    """
    return moderator_named(session, caller.community.id, caller.key_name if name is None else _as_utf8(name))


ActingModerator = Annotated[ModeratorRow, Depends(acting_moderator)]


def _scope_of(scopes: SecurityScopes) -> Scope:
    (needed,) = scopes.scopes
    return next(scope for scope in SCOPES_THAT_MAY if scope == needed)


def _as_utf8(name: str) -> str:
    """Read a header the way it was meant: they arrive as Latin-1, and are mostly written in UTF-8."""
    try:
        return name.encode("latin-1").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return name
