"""Ids, addresses and secrets that follow from a seed, so that two runs of one campus are the same campus.

MAC addresses of people's devices that are not randomised come from the documentation range 00-00-5E-00-53-00 to -FF
first, then from 00-00-5E-1x-xx-xx: space of the same registry that is assigned to nobody's hardware. Access points
use 5C-5B-35, the vendor's own prefix, because software may well look at it.
"""

import hashlib
import uuid
from random import Random

_DOCUMENTATION = 0x00005E005300
_BEYOND_DOCUMENTATION = 0x00005E100000
_ACCESS_POINTS = 0x5C5B35000000


def lots(seed: int | str) -> Random:
    """The generator that draws lots; equal seeds draw equal lots."""
    return Random(seed)  # noqa: S311 - lots, not secrets


class Ids:
    """Everything that must be unique on a campus and the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._space = uuid.uuid5(uuid.NAMESPACE_DNS, f"campus-{seed}.example.com")

    def uuid(self, *parts: object) -> str:
        """The id of the thing that these words name, e.g. `uuid("map", 3)`."""
        return str(uuid.uuid5(self._space, "/".join(str(part) for part in parts)))

    def secret(self, *parts: object, length: int = 48) -> str:
        """A stable token or passphrase of `length` hex digits (at most 128)."""
        text = f"{self._space}/secret/" + "/".join(str(part) for part in parts)
        return hashlib.sha512(text.encode()).hexdigest()[:length]

    def random_mac(self, number: int) -> str:
        """A locally administered unicast MAC, as phones make up for themselves: 12 lower-case hex digits."""
        digest = hashlib.blake2b(f"{self._space}/mac/{number}".encode(), digest_size=6).digest()
        return bytes([(digest[0] & 0xFC) | 0x02, *digest[1:]]).hex()


def global_mac(number: int) -> str:
    """The MAC of the `number`-th device (from 0) that keeps its factory address: 12 lower-case hex digits."""
    if number < 256:
        return f"{_DOCUMENTATION + number:012x}"
    return f"{_BEYOND_DOCUMENTATION + number - 256:012x}"


def ap_mac(number: int) -> str:
    """The MAC of the `number`-th access point (from 0); the last digit stays free for its BSSIDs."""
    return f"{_ACCESS_POINTS + (number + 1) * 16:012x}"


def device_id(mac: str) -> str:
    """The id that the cloud gives to a network device with this MAC."""
    return f"00000000-0000-0000-1000-{mac}"


def is_random(mac: str) -> bool:
    """Whether the address is locally administered."""
    return bool(int(mac[:2], 16) & 0x02)
