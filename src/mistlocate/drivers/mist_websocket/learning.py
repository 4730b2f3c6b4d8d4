"""Whose a device is, as far as records and the lists of pre-shared keys say."""

from mistlocate.drivers.mist_websocket.showing import Showing
from mistlocate.location.client import Client
from mistlocate.location.evidence import Source
from mistlocate.location.identity import is_email
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
