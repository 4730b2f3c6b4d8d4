"""The pre-shared keys of a site: whose they are, never what they are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from mistlocate.errors import AccessDenied, NotFound
from mistlocate.location.evidence import PskKey
from mistlocate.mist.models import Map
from mistlocate.mist.rest import MistApi, Reject

#: Where keys are kept.
SCOPES = ("orgs", "sites")


@dataclass(slots=True)
class KeyLists:
    """Keys by id, what could not be read of the lists, and why a whole list (`orgs`, `sites`) could not be read."""

    keys: dict[str, PskKey] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


async def read_keys(
    api: MistApi, site_id: str, maps: Iterable[Map], leave: Mapping[str, str] = MappingProxyType({})
) -> KeyLists:
    """The keys of the organisation and of the site; an id does not tell which of the two it belongs to.

    `leave` names lists that are not asked for, and why: that stays their problem. A list that the token may not read
    is a problem of its own. Raises as `MistApi` does for everything else.
    """
    found = KeyLists(problems=dict(leave))
    if len(leave) == len(SCOPES):
        return found
    org_id = next((each.org_id for each in maps if each.org_id), None) or (await api.site(site_id)).org_id
    for scope, scope_id in zip(SCOPES, (org_id, site_id), strict=True):
        if scope_id is None or scope in leave:
            continue
        try:
            listing = await api.psks(scope, scope_id)
        except (AccessDenied, NotFound) as error:
            found.problems[scope] = error.message
            continue
        found.rejects += listing.rejects
        for row in listing.rows:
            psk = row.record
            found.keys[psk.id] = PskKey(psk.name, psk.email, psk.usage, psk.max_usage)
    return found
