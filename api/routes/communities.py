"""Settings of a community."""

from fastapi import APIRouter
from starlette.responses import Response

from api.auth import COMMUNITY, MayAdminister, MayRead
from api.deps import Transaction
from api.idempotency import Writing
from api.schemas.communities import CommunitySettings
from api.schemas.problem import WRITES, problems
from moderation.communities import save_community
from moderation.job_queue import defer_refit

router = APIRouter(prefix=COMMUNITY, tags=["Community"])


@router.get("", summary="Read the settings", responses=problems())
def read_settings(caller: MayRead) -> CommunitySettings:
    """The settings as they were given, with what holds for those that were not."""
    return CommunitySettings.model_validate(caller.community.settings)


@router.put("", summary="Replace the settings", response_model=CommunitySettings, responses=problems(*WRITES))
def replace_settings(
    caller: MayAdminister, settings: CommunitySettings, session: Transaction, write: Writing
) -> Response:
    """Replaces all of them: a field that is left out gets its default.

    Topics, relevance and response times are then worked out anew. The community itself is made with
    `klankbord keys create` or `klankbord import`.
    """

    def replace() -> CommunitySettings:
        if settings.model_dump(mode="json") != caller.community.settings:
            save_community(session, caller.community.slug, settings)
            defer_refit(session, caller.community.id)
        return settings

    return write.once(caller.community, replace)
