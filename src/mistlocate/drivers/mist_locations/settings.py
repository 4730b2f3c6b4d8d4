"""The settings of MistLocations."""

from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from mistlocate.driver.base import is_lenient
from mistlocate.driver.command import suggestion
from mistlocate.driver.named import NamedSettings
from mistlocate.location.floorplans import FloorMapping
from mistlocate.location.geometry import Affine, Point
from mistlocate.location.visibility import Shown

_Number = Annotated[float, Field(allow_inf_nan=False)]


class AlignedPoint(BaseModel):
    """One point that lies on both plans: its Mist pixel, and its place on the building's own plan as fractions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pixel: tuple[_Number, _Number] = Field(description="x, y on the Mist map, in pixels")
    fraction: tuple[_Number, _Number] = Field(
        description="x, y on the building's own plan, 0 to 1 from its top-left corner"
    )


def _not_pasted(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip().startswith("=>"):
        raise ValueError("write ':' instead of '=>' (the setup guide of PlaceOS shows another notation)")
    return value


def _zone(value: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    """The value of a further key. PlaceOS' other drivers have sizes and the like there (`offset_x: 3`): no zone id."""
    return value if is_lenient(info) and not isinstance(value, str) else read(value)


def _name(value: Any, info: ValidationInfo) -> Any:
    """The name of a level, which may be a number where nobody said that it is a text."""
    return str(value) if is_lenient(info) and isinstance(value, int | float) else value


def _given(mappings: Any, info: ValidationInfo) -> Any:
    """The mappings without those that are null, which PlaceOS takes for not given."""
    if is_lenient(info) and isinstance(mappings, dict):
        return {map_id: mapping for map_id, mapping in mappings.items() if mapping is not None}
    return mappings


class FloorplanMapping(BaseModel):
    """What a Mist map is in the building: zone ids by kind, and how the map lies on the building's own plan.

    Every further key is a zone too (`campus: zone-…`).
    """

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)
    __pydantic_extra__: dict[str, Annotated[str, WrapValidator(_zone)]]

    building: str | None = Field(None, min_length=1, description="Zone id of the building.")
    level: str | None = Field(None, min_length=1, description="Zone id of the level.")
    level_name: Annotated[str | None, BeforeValidator(_name)] = Field(
        None, description="Free text for people; it is never taken for a zone."
    )
    width: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Width of the map, where Mist knows none (pixels); with align: of the building's plan."
    )
    height: Annotated[float, Field(gt=0)] | None = Field(None, description="Height, likewise.")
    align: tuple[AlignedPoint, AlignedPoint, AlignedPoint] | None = Field(
        None, description="Three points that lie on both plans and not on one line."
    )

    @model_validator(mode="after")
    def _makes_sense(self, info: ValidationInfo) -> Self:
        if not self.zones() and not is_lenient(info):
            raise ValueError("names no zone: give at least building or level")
        if (self.width is None) != (self.height is None):
            raise ValueError("give width and height together")
        if self.align is not None:
            Affine.through([(each.pixel, each.fraction) for each in self.align])
        return self

    def zones(self) -> dict[str, str]:
        """Zone ids by kind."""
        named = {"building": self.building, "level": self.level, **(self.__pydantic_extra__ or {})}
        return {kind: zone for kind, zone in named.items() if isinstance(zone, str)}

    def ignored_keys(self) -> list[str]:
        """Further keys that have a value and name no zone."""
        extra: dict[str, Any] = self.__pydantic_extra__ or {}
        return [key for key, value in extra.items() if not isinstance(value, str | None)]

    def unusual_keys(self) -> dict[str, str]:
        """Further keys, which count as kinds of zones, that may be misspelt: key → the question what was meant."""
        found = {key: suggestion(key, type(self).model_fields) for key in self.__pydantic_extra__ or {}}
        return {key: hint for key, hint in found.items() if hint is not None}

    def floor(self) -> FloorMapping:
        """The same for `location.floorplans`."""
        align: tuple[tuple[Point, Point], ...] | None = None
        if self.align is not None:
            align = tuple((each.pixel, each.fraction) for each in self.align)
        return FloorMapping(self.zones(), self.level_name, self.width, self.height, align)


class MistLocationsSettings(NamedSettings):
    """Which level each Mist map is, and who is shown."""

    floorplan_mappings: Annotated[
        dict[str, Annotated[FloorplanMapping, BeforeValidator(_not_pasted)]], BeforeValidator(_given)
    ] = Field({}, description="Mist map id: {building: zone id, level: zone id, level_name: text, …}.")
    max_location_age: Annotated[float, Field(gt=0, le=1440)] = Field(
        6.0, description="Minutes after which a position is too old to be answered."
    )
    guests: Shown = Field(
        Shown.ANONYMOUS,
        description="Guests' devices: shown (found by the address they typed), anonymous (counted only), or hidden.",
    )
    minimum_count: Annotated[int, Field(ge=0, le=1000)] = Field(
        0, description="Maps with fewer devices than this are answered as if empty, in every zone; 0: all are answered."
    )
    publish_levels: bool = Field(
        False, description="For pages: publish the devices of each level as a status named by its zone."
    )

    def floors(self) -> dict[str, FloorMapping]:
        """The mappings that name a zone, for `location.floorplans`."""
        return {map_id: each.floor() for map_id, each in self.floorplan_mappings.items() if each.zones()}

    def oddities(self) -> dict[str, Any]:
        """What is odd about the mappings and keeps none from being used, for the status `problems`."""
        mappings = self.floorplan_mappings
        return {
            "unusual_keys": {map_id: keys for map_id, each in mappings.items() if (keys := [*each.unusual_keys()])},
            "ignored_keys": {map_id: keys for map_id, each in mappings.items() if (keys := each.ignored_keys())},
            "mappings_without_zones": [map_id for map_id, each in mappings.items() if not each.zones()],
        }
