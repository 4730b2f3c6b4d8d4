"""Who is where: pure rooms, without I/O, without asyncio, with every time handed in."""
