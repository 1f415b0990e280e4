"""Errors of the service's domain, each with the remedy in its message."""

from models.errors import KlankbordError


class ExportUnreadable(KlankbordError):
    """An export file is missing, empty of posts or of no known kind."""


class CommunityFileInvalid(KlankbordError):
    """The community settings hold something that cannot be used."""


class OutputUnwritable(KlankbordError):
    """A result file cannot be written where it was asked for."""


class RecordRefused(KlankbordError):
    """One record of an export cannot be read; the import goes on without it.

    Attributes
    ----------
    field : the field at fault, None when it is the line as a whole.
    reason : what is wrong, without anything of the post's text.
    """

    def __init__(self, field: str | None, reason: str) -> None:
        super().__init__(f"{field} {reason}" if field else f"the line {reason}")
        self.field = field
        self.reason = reason
