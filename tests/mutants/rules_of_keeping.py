"""What has to outlast changes, restarts and mistakes: objections, and records of who asked for whom."""

from mutants.mutant import Mutant, breaks

_named = breaks("driver/named.py", "tests/driver/test_named.py")
_saving = breaks("engines/placeos/saving.py", "tests/engines/placeos/test_saving.py")

MUTANTS: list[Mutant] = [
    _named(
        "a name that is too long to be kept whole is not looked up",
        "if len(about) > ABOUT_AT_MOST:",
        "if False:",
    ),
    _named("a record has one spelling of a MAC", "whole_mac(about) or about", "about"),
    _named(
        "so many searches in any minute, and not as many again in the next second",
        "asked[0] <= now - WINDOW",
        "asked[0] <= now - WINDOW / 2",
    ),
    _named("nothing is kept of who asks no more", "self._asked[first][-1] > now - WINDOW", "True"),
    _saving(
        "what core does not send back is not saved", "while not self._has(module_id, name, wanted):", "while False:"
    ),
    _saving("… nor what it sends back of another value", "bool(known[name] == value)", "True"),
    _saving(
        "what core has is not sent again, for nothing would follow",
        "        if self._has(module_id, name, wanted):\n            return\n",
        "",
    ),
]
