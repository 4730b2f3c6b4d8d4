"""The settings of MistWebsocket."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from mistlocate.driver.base import FIXED
from mistlocate.driver.named import NamedSettings
from mistlocate.errors import Problem, SettingsError
from mistlocate.mist.budget import CALLS_PER_HOUR
from mistlocate.mist.clouds import (
    Endpoints,
    choose_endpoints,
    endpoints_of_uri,
    is_id,
    looks_like_url,
    read_cloud,
    read_portal,
)
from mistlocate.transport.options import TransportOptions, check_proxy

#: What stands in a new module's settings until somebody fills them in.
PLACEHOLDERS = {"api_token": "token", "site_id": "site_id"}


_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class ObjectionSetting(BaseModel):
    """One objection, as keyed hashes; see `location.objections.Objection`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    who: list[_Hash] = Field(min_length=1)
    name: _Hash | None = None
    macs: list[_Hash] = []
    pins: list[_Hash] = []


class ObjectionsSetting(BaseModel):
    """What `opt_out` and `erase_user` keep; not for writing by hand."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: str = Field(pattern=r"^[0-9a-f]{64}$")
    revision: int = Field(ge=0)
    opted_out: list[ObjectionSetting] = []
    not_learned: list[ObjectionSetting] = []


class MistWebsocketSettings(NamedSettings):
    """How to reach one site in the Mist cloud, and what to make of its clients."""

    api_token: SecretStr | None = Field(
        None, description="API token, best an organisation's own with the role read. Or name a file: api_token_file."
    )
    api_token_file: Annotated[Path | None, FIXED] = Field(
        None, description="File that holds the API token; read again when it changes."
    )
    site_id: str = Field(description="Id of the site, or the address of one of its pages in the Mist portal.")
    cloud: Annotated[str | None, FIXED] = Field(
        None, description='Cloud instance: its name ("EMEA 01") or the address of the portal. Default: Global 01.'
    )
    rest_host: Annotated[str | None, FIXED] = Field(
        None, description="REST host, where `cloud` cannot name it; a scheme is allowed."
    )
    stream_host: Annotated[str | None, FIXED] = Field(
        None, description="Host of the stream, where it does not follow from rest_host."
    )
    ignore_usernames: list[str] = Field(
        ["host/"], description="Prefixes of names that are never given as owners; the devices stay visible."
    )
    domain_aliases: dict[str, str] = Field(
        {}, description="Domains that mean the same people, for example EXAMPLE: example.com."
    )
    client_fields: Literal["needed", "all"] = Field(
        "needed", description="Keep only what locating needs of a client's record, or all that the cloud sends."
    )
    owner_retention: Annotated[float, Field(gt=0, le=3650)] = Field(
        30.0, description="Days after which it is forgotten who owns a device that is not seen any more."
    )
    opted_out: Literal["hidden", "anonymous"] = Field(
        "hidden",
        description="Devices of people who opted out: hidden, or anonymous (counted under a MAC that changes daily).",
    )
    occupancy_only: bool = Field(
        False, description="Count devices and never keep a name: all devices are anonymous, and nobody can be found."
    )
    objections: ObjectionsSetting | None = Field(
        None, description="Who objected, as keyed hashes: kept by opt_out, opt_in and erase_user, not by hand."
    )
    named_searches: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        1_200, description="How often one caller may ask for people by name or MAC, per minute; 0: without limit."
    )
    publish_interval: Annotated[float, Field(ge=0.1, le=60)] = Field(
        3.0, description="Seconds between two statuses of the same map; removals do not wait."
    )
    forget_after: Annotated[float, Field(ge=1, le=1440)] = Field(
        30.0, description="Minutes after which a client that was not heard of is forgotten."
    )
    silence_limit: Annotated[float, Field(ge=30, le=3600)] = Field(
        90.0, description="Seconds of silence on the stream after which REST is asked whether it is real."
    )
    maps_interval: Annotated[float, Field(ge=1, le=1440)] = Field(
        5.0, description="Minutes between two looks for new, changed and deleted maps."
    )
    rest_budget: Annotated[int, Field(ge=100, le=1_000_000)] = Field(
        CALLS_PER_HOUR, description="REST calls an hour that this token may use; the cloud's own limit is 5,000."
    )
    proxy: Annotated[str | None, FIXED] = Field(
        None, description="Proxy for REST and stream as a URL; empty for none. Default: HTTPS_PROXY of the environment."
    )
    verify_tls: Annotated[bool, FIXED] = Field(
        True, description="Check certificates. Turn off only to find out what is wrong."
    )
    ca_file: Annotated[Path | None, FIXED] = Field(
        None, description="PEM file of the authorities to trust instead of the system's."
    )
    ca_certificates: Annotated[str | None, FIXED] = Field(
        None, description="The same as PEM text, where no file can be named."
    )
    connect_timeout: Annotated[float, Field(ge=1, le=120)] = Field(10.0, description="Seconds.")
    read_timeout: Annotated[float, Field(ge=1, le=300)] = Field(
        30.0, description="Seconds until the next part of an answer; a whole one may take four times as long."
    )

    @field_validator("api_token")
    @classmethod
    def _one_word(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and not is_token(token.get_secret_value()):
            raise ValueError("not a token: expected one word of printable characters, without 'Token '")
        return token

    @field_validator("site_id")
    @classmethod
    def _site(cls, text: str) -> str:
        if looks_like_url(text):
            if read_portal(text).site_id is None:
                raise ValueError("the address names no site: open the site in the portal and copy the address again")
        elif not is_id(text):
            raise ValueError("expected the id of a site (a UUID) or the address of one of its pages in the portal")
        return text

    @field_validator("cloud")
    @classmethod
    def _cloud(cls, text: str | None) -> str | None:
        if text is not None:
            read_cloud(text)
        return text

    @field_validator("rest_host", "stream_host")
    @classmethod
    def _host(cls, text: str | None) -> str | None:
        if text is not None:
            endpoints_of_uri(text)
        return text

    @field_validator("proxy")
    @classmethod
    def _proxy(cls, text: str | None) -> str | None:
        return None if text is None else check_proxy(text)

    @model_validator(mode="after")
    def _together(self) -> Self:
        if (self.api_token is None) == (self.api_token_file is None):
            raise ValueError("give the token once: either api_token or api_token_file")
        self.endpoints(None)
        return self

    @property
    def site(self) -> str:
        """The id of the site alone."""
        return (read_portal(self.site_id).site_id or "") if looks_like_url(self.site_id) else self.site_id

    @property
    def lasting_about(self) -> str:
        """Objections are those of the people at a site."""
        return self.site.lower()

    @classmethod
    def count_lasting(cls, value: Any) -> int:
        """How many objections there are."""
        try:
            found = ObjectionsSetting.model_validate(value)
        except ValidationError:
            return 1
        return len(found.opted_out) + len(found.not_learned)

    def endpoints(self, uri: str | None) -> Endpoints:
        """Where REST and stream are; `uri` is the module's own. Raises `ValueError` if two clouds are named."""
        clouds = {read_cloud(text) for text in (self.cloud, self._portal_address()) if text}
        if len(clouds) > 1:
            raise ValueError(f"the settings name two clouds: {' and '.join(sorted(clouds))}; keep one of them")
        return choose_endpoints(
            rest_host=self.rest_host,
            stream_host=self.stream_host,
            cloud=clouds.pop() if clouds else None,
            uri=uri or URI_BASE,
        )

    def _portal_address(self) -> str | None:
        return self.site_id if looks_like_url(self.site_id) else None

    def read_token(self) -> str:
        """The token, from wherever it is kept. Raises `SettingsError`."""
        if self.api_token is not None:
            return self.api_token.get_secret_value()
        path = self.api_token_file or Path()
        try:
            token = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
            raise SettingsError([Problem("api_token_file", f"cannot be read: {reason}")]) from None
        if not is_token(token):
            raise SettingsError([Problem("api_token_file", "holds no token: expected one word in the file")])
        return token

    def transport(self) -> TransportOptions:
        """How to connect."""
        return TransportOptions(
            proxy=self.proxy,
            verify=self.verify_tls,
            ca_file=None if self.ca_file is None else str(self.ca_file),
            ca_certificates=self.ca_certificates,
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
        )


#: Where the stream of a module is that nothing else says anything about.
URI_BASE = "wss://api-ws.mist.com/api-ws/v1/stream"


def is_token(text: str) -> bool:
    """Whether a text can be a token: it has to fit into an HTTP header."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text
