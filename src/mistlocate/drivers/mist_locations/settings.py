"""The settings of MistLocations."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

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


class FloorplanMapping(BaseModel):
    """What a Mist map is in the building: zone ids by kind, and how the map lies on the building's own plan.

    Every further key is a zone too (`campus: zone-…`).
    """

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)
    __pydantic_extra__: dict[str, str]

    building: str | None = Field(None, min_length=1, description="Zone id of the building.")
    level: str | None = Field(None, min_length=1, description="Zone id of the level.")
    level_name: str | None = Field(None, description="Free text for people; it is never taken for a zone.")
    width: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Width of the map, where Mist knows none (pixels); with align: of the building's plan."
    )
    height: Annotated[float, Field(gt=0)] | None = Field(None, description="Height, likewise.")
    align: tuple[AlignedPoint, AlignedPoint, AlignedPoint] | None = Field(
        None, description="Three points that lie on both plans and not on one line."
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not self.zones():
            raise ValueError("names no zone: give at least building or level")
        if (self.width is None) != (self.height is None):
            raise ValueError("give width and height together")
        if self.align is not None:
            Affine.through([(each.pixel, each.fraction) for each in self.align])
        return self

    def zones(self) -> dict[str, str]:
        """Zone ids by kind."""
        named = {"building": self.building, "level": self.level, **(self.__pydantic_extra__ or {})}
        return {kind: zone for kind, zone in named.items() if zone is not None}

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

    floorplan_mappings: dict[str, Annotated[FloorplanMapping, BeforeValidator(_not_pasted)]] = Field(
        {}, description="Mist map id: {building: zone id, level: zone id, level_name: text, …}."
    )
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
