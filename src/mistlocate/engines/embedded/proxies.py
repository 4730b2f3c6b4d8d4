"""Who a request comes from where it came through a proxy. Pure.

A header that says so is believed only of proxies that the settings name: anybody can write one.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def network(text: str) -> Network:
    """An address or a network such as `10.0.0.0/8`. Raises `ValueError`."""
    try:
        return ipaddress.ip_network(text.strip())
    except ValueError:
        raise ValueError(
            f"not an address or a network: {text[:60]!r}; expected for example 10.0.0.5 or 10.0.0.0/8"
        ) from None


class TrustedProxies:
    """The proxies in front of the engine."""

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(networks)

    def __contains__(self, address: str | None) -> bool:
        found = _address(address or "")
        return found is not None and any(found in each for each in self._networks)

    def caller(self, peer: str | None, forwarded_for: Sequence[str]) -> str | None:
        """The address that a request comes from: the last one that no trusted proxy has.

        `forwarded_for` are the values of `X-Forwarded-For`, in which each proxy adds who called it at the end.
        """
        caller = peer
        hops = [hop.strip() for value in forwarded_for for hop in value.split(",")]
        while hops and caller in self:
            found = _address(hops.pop())
            if found is None:
                break  # a proxy that does not know: nothing further back is vouched for
            caller = str(found)
        return caller

    def scheme(self, peer: str | None, headers: Mapping[str, str], scheme: str) -> str:
        """`http` or `https`, as the proxy was asked."""
        told = headers.get("x-forwarded-proto", "").strip().lower()
        return told if peer in self and told in ("http", "https") else scheme


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address, perhaps with a port as some proxies write it; an IPv4 one in IPv6's clothes as what it is."""
    if text.count(":") == 1:
        text = text.partition(":")[0]
    elif text.startswith("["):
        text = text[1:].partition("]")[0]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
