"""The keys that every section over a Twilio account has, whether it calls or writes."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from alertd.channel import ChannelSettings

Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]


class TwilioSettings(ChannelSettings):
    """Times are in seconds. `auth_token` and `signing_secret` are given as `…_file`."""

    account_sid: str = Field(pattern=r"^AC[0-9a-f]{32}$")
    auth_token: SecretStr
    #: of callbacks that are signed by a shared key (HMAC-SHA256) instead of the token
    signing_secret: SecretStr | None = None
    #: of a compatible server; None = Twilio
    api_url: Url | None = None
    #: of Twilio; calls within Japan need the edge `tokyo`, else their caller id may be lost
    edge: str | None = None
    region: str | None = None
    #: HTTP proxy on the way out
    proxy: Url | None = None
    #: for a reply of the far end
    timeout: float = Field(default=30.0, gt=0)
    #: calling codes of the countries whose telephones may be reached
    countries: tuple[int, ...] = (81,)

    @model_validator(mode="after")
    def _one_way_to_the_far_end(self) -> Self:
        if self.api_url and (self.edge or self.region):
            raise ValueError("has both api_url and edge or region; these belong to Twilio itself: drop one")
        return self
