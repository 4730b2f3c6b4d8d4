"""How long a connection waits for what, and how often it tries."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """How long things may take (seconds).

    `silence` is how long the stream may say nothing before REST is asked; each further question waits twice as long,
    up to `silence_longest`. A connection is looked at every `tick` while an answer is out, else at least every
    `longest_tick`. What the cloud asks to wait is stretched by up to a quarter or by up to `spread`. A refused
    token is tried `auth_tries` times and then once every `auth_probe`.
    """

    ack_timeout: float = 10.0
    first_delay: float = 1.0
    spread: float = 10.0
    longest_delay: float = 60.0
    rate_limited_delay: float = 30.0
    refused_delay: float = 900.0
    auth_tries: int = 3
    auth_probe: float = 900.0
    silence: float = 90.0
    silence_longest: float = 900.0
    tick: float = 1.0
    longest_tick: float = 10.0  # within `ack_timeout`: what is asked for later is missed in time, too

    def backoff(self, failures: int, chance: float) -> float:
        """1, 2, 4 … seconds, anywhere in the upper half: many that lost the same cloud must not come back in step.

        `chance` is from 0 to 1.
        """
        longest = self.first_delay * (1 << min(failures - 1, 20))
        return min(longest, self.longest_delay) * (0.5 + chance / 2)

    def stretched(self, pause: float, chance: float) -> float:
        """A pause that was asked for, and some more: many were told the same number at the same time."""
        return pause + chance * max(pause / 4, self.spread)
