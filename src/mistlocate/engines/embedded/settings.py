"""What a settings file of the engine holds: its shape, and what an engine gets from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from mistlocate.driver.base import Driver
from mistlocate.driver.command import Level
from mistlocate.engines.embedded.access import ApiKey, is_hash
from mistlocate.engines.embedded.drivers import DRIVERS
from mistlocate.engines.embedded.proxies import Network, network
from mistlocate.engines.embedded.tls import CertificateFiles

#: What the names of variables begin with.
ENVIRONMENT_PREFIX = "MISTLOCATE_"

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class Strict(BaseModel):
    """Unknown keys are errors: most of them are misspelt."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ZoneConfig(Strict):
    """A place: a building, a level, a campus …"""

    id: Id = Field(description="What mappings and callers call it.")
    name: str = Field(description="What people call it.")
    parent: Id | None = Field(None, description="The zone it lies in.")


class KeyConfig(Strict):
    """An API key. Only its hash is here; `mistlocate key` makes both."""

    name: str = Field(description="Whose key it is; shown wherever a call is attributed.")
    level: Literal["user", "support", "administrator", "metrics"] = "user"
    hash: str = Field(description="sha256:… as `mistlocate key` prints it.")

    @field_validator("hash")
    @classmethod
    def _hash(cls, text: str) -> str:
        if not is_hash(text):
            raise ValueError("expected sha256: and 64 hex digits; make a key with `mistlocate key`")
        return text


class ModuleConfig(Strict):
    """A driver in a system. Its name there is the driver's, with an index: `MistWebsocket_1`."""

    driver: str = Field(description="One of: " + ", ".join(DRIVERS))
    id: Id | None = Field(
        None,
        description="What is kept belongs to this id: objections, owners, saved settings, records. "
        "Default: made of system, name and index, so another after a change of these.",
    )
    uri: str | None = Field(None, description="Where the driver's device or cloud is; its settings outrank it.")
    settings: dict[str, Any] = Field({}, description="The driver's settings.", repr=False)

    @field_validator("uri")
    @classmethod
    def _uri(cls, text: str | None) -> str | None:
        if text is not None and not is_address(text):
            raise ValueError("expected an address such as wss://HOST:PORT/PATH")
        return text


class SystemConfig(Strict):
    """Modules that know each other."""

    id: Id
    name: str = ""
    zones: list[Id] = Field([], description="The zones this system serves.")
    modules: list[ModuleConfig] = []


class Environment(BaseSettings):
    """What the environment may say, as MISTLOCATE_<NAME>; it outranks the file. Checked together with the file."""

    model_config = SettingsConfigDict(env_prefix=ENVIRONMENT_PREFIX, env_ignore_empty=True, extra="ignore")

    listen: str | None = None
    store: str | None = None
    log_level: str | None = None
    log_format: str | None = None


class EngineConfig(Strict):
    """Everything in a settings file."""

    listen: str = Field("127.0.0.1:8680", description="Address and port of the API; loopback unless there are keys.")
    allowed_hosts: list[str] = Field([], description="Further names under which the API may be called.")
    trusted_proxies: list[str] = Field(
        [], description="Addresses or networks of proxies in front, whose X-Forwarded-For and -Proto are believed."
    )
    tls_certificate: Path | None = Field(None, description="PEM file of the certificate; the API then speaks HTTPS.")
    tls_key: Path | None = Field(None, description="PEM file of its private key.")
    rate_limit: Annotated[int, Field(ge=0, le=100_000)] = Field(
        200, description="Requests a second for each caller, of which ten seconds' worth may come at once; 0: no limit."
    )
    store: Path = Field(Path("mistlocate.db"), description="What is kept over restarts: owners, saved settings.")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    zones: list[ZoneConfig] = []
    systems: list[SystemConfig] = []
    api_keys: list[KeyConfig] = []

    @field_validator("listen", mode="before")
    @classmethod
    def _address(cls, given: Any) -> Any:
        if isinstance(given, str) or type(given) is int:  # YAML reads a port alone as a number
            split_address(str(given))
            return str(given)
        return given

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, texts: list[str]) -> list[str]:
        for text in texts:
            network(text)
        return texts


@dataclass(frozen=True, slots=True)
class ModuleSpec:
    """A module as the engine starts it."""

    id: str
    system_id: str
    name: str
    index: int
    driver: type[Driver[Any]]
    uri: str | None
    settings: Mapping[str, Any] = field(repr=False)  # secrets are among them
    place: str = field(default="", compare=False)
    """Where in the file its settings are."""

    @property
    def slug(self) -> str:
        """Its name in the system, with the index."""
        return f"{self.name}_{self.index}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A settings file that can be used. `base` is the folder that relative paths start from."""

    config: EngineConfig
    modules: tuple[ModuleSpec, ...]
    base: Path
    path: Path | None = None
    """The file itself, if it was one."""

    @property
    def keys(self) -> list[ApiKey]:
        """The configured API keys."""
        return [ApiKey(each.name, Level.named(each.level), each.hash) for each in self.config.api_keys]

    @property
    def proxies(self) -> list[Network]:
        """The proxies whose word is believed."""
        return [network(text) for text in self.config.trusted_proxies]

    @property
    def tls(self) -> CertificateFiles | None:
        """Certificate and key of the API, if it speaks HTTPS."""
        certificate, key = self.config.tls_certificate, self.config.tls_key
        return (
            None if certificate is None or key is None else CertificateFiles(self.base / certificate, self.base / key)
        )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        return split_address(self.config.listen)

    @property
    def store(self) -> Path:
        """The file of the store."""
        return self.base / self.config.store


def split_address(text: str) -> tuple[str, int]:
    """Host and port of `host:port`, `[v6]:port` or a port alone. Raises `ValueError`."""
    host, _, port = text.strip().rpartition(":")
    host = host.strip("[]")
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= 65535 and _is_host(host)):
        raise ValueError("expected HOST:PORT, for example 127.0.0.1:8680")
    return host or "127.0.0.1", int(port)


def is_address(text: str) -> bool:
    """Whether a text is `host`, `host:port` or a URL with a host, and nothing that makes no connection."""
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        return bool(parts.hostname) and _is_host(parts.hostname or "") and parts.port != 0
    except ValueError:
        return False


def _is_host(text: str) -> bool:
    """Whether a text can be asked of the resolver, which raises `UnicodeError` for what cannot."""
    try:
        text.encode("idna")
    except UnicodeError:
        return False
    return not any(character.isspace() for character in text)
