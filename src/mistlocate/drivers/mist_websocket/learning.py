"""Whose a device is, as far as records and the lists of pre-shared keys say."""

from collections.abc import Iterable, Mapping

from mistlocate.drivers.mist_websocket.showing import Showing
from mistlocate.location.client import Client
from mistlocate.location.evidence import PskKey, Source, psk_owner
from mistlocate.location.identity import Identity, is_email
from mistlocate.location.observation import Sighting


class Learning(Showing):
    """Learns owners; what is evidence, and for what, is decided here, and what outranks what by `Owners`."""

    def learn(self, s: Sighting, at: float, *, guests: bool) -> None:
        """The owner that a record speaks of: the strongest of what it says.

        Names of guests are learned only with a device that is on the roster: they go with it.
        """
        named = not s.keyed and self.owners.learn(s.mac, s.username, Source.DOT1X, at)
        if s.psk_id and not named:
            self.learn_key(s.mac, s.psk_id, s.username, at)
        if s.is_guest and s.guest_email and guests:
            self.owners.learn(s.mac, s.guest_email, Source.GUEST, at)

    def learn_objector(self, client: Client) -> None:
        """Whose a device is, where its record named somebody who has opted out since: of what keys are called, and of
        names that are ignored, nothing was learned then."""
        mac, known = client.mac, self.owners.of_device(client.mac)
        if known is not None and not client.keyed and known.text == client.username:
            return  # nearly everybody: owners were read anew
        at = self.cloud_clock.at(client.heard)
        if client.keyed and client.psk_id is not None:
            self.learn_key(mac, client.psk_id, client.username, at)
        elif self._is_objector(client.username):
            self.owners.learn(mac, client.username, Source.DOT1X, at)
        elif client.is_guest and self._is_objector(client.guest_email):
            self.owners.learn(mac, client.guest_email, Source.GUEST, at)

    def learn_key(self, mac: str, psk_id: str, label: str | None, at: float) -> None:
        """The owner of the key that a device uses. What the network calls its user, `label`, may be anything: it counts
        for who opted out, and as the key's name where no list tells that."""
        owners, keys = self.owners, self.keys
        if self._is_objector(label):
            owners.learn(mac, label, Source.DOT1X, at)  # so that no weaker word shows them
        elif psk_id in keys:
            self._learn_key_owner(mac, keys.owner(psk_id), label, at)
        elif label and is_email(label) and (keys.is_settled(psk_id) or not owners.objections.hides_anyone):
            owners.learn(mac, label, Source.PSK, at)
        keys.look_up(psk_id)

    def _learn_key_owner(self, mac: str, owner: str | None, label: str | None, at: float) -> None:
        owners, known = self.owners, self.owners.of_device(mac)
        # A device of who opted out stays theirs: it would be shown otherwise.
        if known is not None and not known.hidden:
            nobodys = known.source is Source.PSK and owner is None
            # The name of a key that was once taken for one that 802.1X vouches for.
            mistaken = known.source is Source.DOT1X and known.text == label
            if nobodys or (mistaken and known.identity != owners.rules.identify(owner)):
                owners.release(mac)
        owners.learn(mac, owner, Source.PSK, at)

    # -- pre-shared keys --------------------------------------------------------------------------

    def set_keys(self, keys: Mapping[str, PskKey], looked_up: Iterable[str] = ()) -> None:
        """Take the site's pre-shared keys, and learn the owners of the clients that use them.

        `looked_up`: ids that no list names if it is not among `keys`, for all lists could be read.
        """
        if self.occupancy_only:
            return
        kept = {psk_id: key for psk_id, key in keys.items() if self._may_keep(key)}
        self.keys.take(kept, {*looked_up, *keys} - kept.keys())
        if self.owners.objections.hides_anyone:
            self.roster.mark_all(urgent=True)  # whose devices these are was not known until now
        for client in self.roster.clients.values():
            psk_id, label = client.psk_id, client.username
            if psk_id is not None and (client.keyed or not self.owners.rules.identify(label)):
                self.learn_key(client.mac, psk_id, label, self.cloud_clock.at(client.heard))

    def _may_keep(self, key: PskKey) -> bool:
        """Whether it may be known for whom a key was made; as in `may_know`."""
        objections, who = self.owners.objections, self.owners.rules.identify(psk_owner(key))
        return who is None or objections.hides_person(who) or objections.may_learn("", who)

    def _may_be_objectors(self, psk_id: str) -> bool:
        """Whether a key may turn out to be of somebody who opted out: so it is known until it has been looked up."""
        return not self.occupancy_only and self.owners.objections.hides_anyone and not self.keys.is_settled(psk_id)

    def uses_keys(self) -> bool:
        """Whether clients of this site are known to use pre-shared keys, from an earlier connection perhaps."""
        return bool(self.keys) or any(client.psk_id for client in self.roster.clients.values())

    def forget_keys(self, who: Identity) -> None:
        """Forget for whom pre-shared keys were made, until the lists of keys are read again."""
        owners = ((psk_id, self.owners.rules.identify(name)) for psk_id, name in self.keys.owners())
        self.keys.forget(psk_id for psk_id, owner in owners if owner is not None and owner.may_be(who))
