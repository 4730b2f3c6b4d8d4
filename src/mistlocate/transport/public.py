"""Which addresses are the world's, and not this machine's or a private network's.

A link that somebody else chose must not make this process ask what only this process can reach: the panel of a lift,
the metadata service of a host, another program on this machine.
"""

import asyncio
import ipaddress
import socket

from mistlocate.errors import CannotConnect, TimedOut

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: IPv6 addresses that carry one of IPv4 in their last 32 bits (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the world's; so is what it carries, if it wraps another."""
    try:
        found: _Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            found = inner
        elif found.teredo is not None:
            return False
    return found.is_global and not found.is_multicast


async def public_address(host: str, within: float) -> str:
    """An address of a host, if all that it has are public.

    Whoever connects takes this address and does not ask again: another answer might follow. Raises `CannotConnect`,
    `TimedOut`.
    """
    try:
        async with asyncio.timeout(within):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise TimedOut(f"no address of {host} in time") from None
    except (OSError, UnicodeError):
        raise CannotConnect(f"cannot connect to {host}: no such host") from None
    addresses = [str(entry[4][0]) for entry in found]
    refuse_private(host, addresses)
    return addresses[0]


def refuse_private(host: str, addresses: list[str]) -> None:
    """Raises `CannotConnect` unless every address is public."""
    if not addresses or not all(map(is_public, addresses)):
        raise CannotConnect(
            f"{host} is not asked: it is in a private network", hint="only the configured REST host may be in one"
        )


def as_address(host: str) -> str | None:
    """The address that a host of a URL is itself, or None for a name. Odd notations count: resolvers read them."""
    try:
        return str(ipaddress.ip_address(host.strip("[]").partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))  # 0x7f.1, 2130706433, 127.1
    except (OSError, ValueError):
        return None
