"""What the service reads from its environment, once, at start."""

from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where the service keeps its data and which models it uses; every name is prefixed with `KLANKBORD_`.

    Attributes
    ----------
    home : folder of the bundled database; for root a folder of the system, because the server runs as another user,
        who cannot pass through root's own.
    database_url : a PostgreSQL server with pgvector; None = the bundled one, with its data in `home`.
    encoder : "bundled", a sentence-transformers name or a folder.
    heads : folder with heads fitted for that encoder; None = those that ship with Klankbord.
    webhooks_to_private_addresses : whether webhooks may lead to addresses inside your own network, and use http.
    smtp_url : the mail server for digests, such as smtps://user:password@mail.example.org; None = no mail is sent.
    mail_from : who digests come from.
    public_url : where people open the pages, for links in digests; None = no links.
    """

    model_config = SettingsConfigDict(env_prefix="KLANKBORD_", frozen=True)

    home: Path = Field(default_factory=lambda: user_data_path("klankbord", use_site_for_root=True))
    database_url: str | None = None
    encoder: str = "bundled"
    heads: Path | None = None
    webhooks_to_private_addresses: bool = False
    smtp_url: SecretStr | None = None
    mail_from: str = "klankbord@localhost"
    public_url: str | None = None
