"""Wire models: the fields of Mist's records that matter here. Unknown fields are allowed everywhere.

The cloud renames and adds fields without notice and leaves out what it does not know, so nearly everything is
optional, and `read` forgives: a field of a wrong type is dropped and the rest of the record stays. Only a record
that cannot be told from others (a client without a MAC, a map without an id) is rejected.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_NOT_HEX = re.compile(r"[^0-9a-f]")

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Mac = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
Text = Annotated[str, Field(max_length=1024)]


#: The largest integer that every reader of JSON takes for what it is.
_EXACT = 2**53

#: A count. Written as text it could have any number of digits, and what shows it could not be written as JSON then.
Count = Annotated[int, Field(ge=-_EXACT, le=_EXACT)]

#: A number as it came: what was an integer is shown as one.
Number = Annotated[int | float, Field(ge=-_EXACT, le=_EXACT)]


class WireModel(BaseModel):
    """What all records share: open to unknown fields, closed to NaN and infinities.

    Texts of one record are seldom those of the next, so looking each up among the last takes longer than making it.
    """

    model_config = ConfigDict(
        extra="ignore", allow_inf_nan=False, frozen=True, coerce_numbers_to_str=True, cache_strings="none"
    )


class LatLngRecord(WireModel):
    """Degrees; the documented type is a string, samples show numbers, both are read."""

    lat: Annotated[float, Field(ge=-90, le=90)]
    lng: Annotated[float, Field(ge=-180, le=180)]


class Map(WireModel):
    """A floor plan. Sizes in pixels of the image and in metres; `latlng_*` only on google maps.

    `url` and `thumbnail_url` are signed links: whoever has one can read the plan, so they never leave this process.
    """

    id: Id
    name: Text = ""
    type: str = "image"
    org_id: Id | None = None
    site_id: Id | None = None
    width: Number | None = None
    height: Number | None = None
    width_m: Number | None = None
    height_m: Number | None = None
    ppm: Number | None = None
    orientation: Number | None = None
    latlng_tl: LatLngRecord | None = None
    latlng_br: LatLngRecord | None = None
    group_name: Text | None = None
    group_idx: Count | None = None
    modified_time: Number | None = None
    url: str | None = Field(None, repr=False)
    thumbnail_url: str | None = Field(None, repr=False)


class Guest(WireModel):
    """What a guest told the portal. `access_code_email` is an address that a code was mailed to."""

    email: Text | None = None
    access_code_email: Text | None = None


class ClientStats(WireModel):
    """A wireless client's record: full (site channel, REST) or slim (map channel: little more than a position).

    x and y are pixels of the map's image, x_m and y_m metres, both from the top-left corner; absent when the client
    is not located. `last_seen` is unix time, `accuracy` metres.
    """

    mac: Mac
    map_id: Id | None = None
    x: float | None = None
    y: float | None = None
    x_m: float | None = None
    y_m: float | None = None
    num_locating_aps: Count | None = None
    accuracy: float | None = None
    last_seen: float | None = None
    username: Text | None = None
    psk_id: Id | None = None
    ip: str | None = None
    key_mgmt: str | None = None
    is_guest: bool | None = None
    guest: Guest | None = None
    manufacture: Text | None = None
    os: Text | None = None
    ssid: Text | None = None


class Psk(WireModel):
    """A pre-shared key, without its passphrase (which is dropped before anything else sees it)."""

    id: Id
    name: Text = ""
    email: Text | None = None
    usage: str = "multi"
    max_usage: Count = 0


class Site(WireModel):
    """A site of an organisation."""

    id: Id
    name: Text = ""
    org_id: Id | None = None
    timezone: str | None = None
    country_code: str | None = None


class Privilege(WireModel):
    """What a token may do, and where: `scope` is msp, org, orggroup, site or sitegroup."""

    scope: str = ""
    role: str = ""
    org_id: Id | None = None
    site_id: Id | None = None
    name: Text | None = None


class TokenInfo(WireModel):
    """Who a token is: an administrator (with `email`), or an organisation's own token (with `name` alone)."""

    email: Text | None = None
    name: Text | None = None
    privileges: list[Privilege] | None = None

    @property
    def kind(self) -> str:
        """`user` or `org`."""
        return "user" if self.email else "org"


class Usage(WireModel):
    """The REST calls of this hour, as the cloud counts them."""

    requests: Count = 0
    request_limit: Count = 5000
    seconds: float | None = None


Record = TypeVar("Record", bound=WireModel)


def read(model: type[Record], item: object) -> tuple[Record, tuple[str, ...]]:
    """An item of JSON as a record, and the names of fields that were dropped because their type was wrong.

    Raises `ValueError` (with a text that names fields, never values) if the item is no such record.
    """
    try:
        # The validator itself: the method around it takes a tenth as long again, for every record.
        record: Record = model.__pydantic_validator__.validate_python(item)
        return record, ()
    except ValidationError as error:
        if not isinstance(item, Mapping):
            raise ValueError(f"not an object but {type(item).__name__}") from None
        return _read_leniently(model, item, error)


def read_text(model: type[Record], text: str) -> Record | None:
    """A JSON text as a record, or None if anything is wrong with it: then `read` says what can be saved.

    Validated while it is parsed, which takes half the time: of fifty fields a third is looked at, and no value is made
    of the others.
    """
    # No JSON, and taken for a text where one is expected: a device would be somebody's called "NaN". To look for one
    # letter first takes a tenth of the time, and most records have neither.
    if ("N" in text and "NaN" in text) or ("I" in text and "Infinity" in text):
        return None
    try:
        record: Record = model.__pydantic_validator__.validate_json(text)
    except ValidationError:
        return None
    return record


def _read_leniently(
    model: type[Record], item: Mapping[str, Any], error: ValidationError
) -> tuple[Record, tuple[str, ...]]:
    wrong = {str(each["loc"][0]) for each in error.errors(include_url=False, include_input=False) if each["loc"]}
    fixed = {key: value for key, value in item.items() if key not in wrong}
    mac = item.get("mac")
    if "mac" in wrong and isinstance(mac, str):
        fixed["mac"] = _NOT_HEX.sub("", mac.lower())
        wrong.discard("mac")
    try:
        return model.model_validate(fixed), tuple(sorted(wrong))
    except ValidationError as again:
        fields = sorted({".".join(str(part) for part in each["loc"]) for each in again.errors(include_input=False)})
        raise ValueError("missing or unreadable: " + ", ".join(fields)) from None


def shape(value: object, depth: int = 2) -> object:
    """What a JSON value looks like, without what it says: for samples of rejected items in logs and diagnostics."""
    if isinstance(value, Mapping):
        if depth == 0:
            return "object"
        return {str(key)[:40]: shape(each, depth - 1) for key, each in list(value.items())[:40]}
    if isinstance(value, list):
        return f"list of {len(value)}"
    if isinstance(value, str):
        return f"text of {len(value)}"
    return "null" if value is None else type(value).__name__


_SECRET_KEYS = re.compile(
    r"pass(word|phrase)|secret|token|jwt|psk$|api_?key|^keys?$|_key$|private|community|credential|^url$|thumbnail_url|csrf",
    re.IGNORECASE,
)
_SIGNED = re.compile(r"jwt=", re.IGNORECASE)


def redact(value: Any) -> Any:
    """A copy of a JSON value without passwords, keys, tokens and signed links."""
    if isinstance(value, Mapping):
        return {
            key: "***" if _SECRET_KEYS.search(str(key)) and each not in (None, "") else redact(each)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [redact(each) for each in value]
    return "***" if isinstance(value, str) and _SIGNED.search(value) else value
