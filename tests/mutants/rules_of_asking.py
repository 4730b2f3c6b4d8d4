"""What is asked of the cloud, how often, and what is made of answers that do not come or are not the cloud's."""

from mutants.mutant import Mutant, breaks

_STREAM = "tests/mist/test_stream.py"
_W = "tests/drivers/mist_websocket"
_stream = breaks("mist/stream.py", f"{_STREAM}::TestOtherChannels", f"{_STREAM}::TestSilence")
_connection = breaks("drivers/mist_websocket/connection.py", f"{_W}/test_session.py::TestChanges")

MUTANTS: list[Mutant] = [
    # -- channels ----------------------------------------------------------------------------------
    _stream(
        "a channel that is not wanted any more degrades nothing",
        "        self._account()  # a channel that is not wanted any more is nobody's trouble\n",
        "",
    ),
    _stream("a slow line is asked once for each channel", "if not self.ledger.is_due(channel, now):", "if False:"),
    _stream(
        "… and an old line counts for no other", "            if link is not self._link:\n", "            if False:\n"
    ),
    _stream(
        "the line may break while channels are given back",
        "                    await link.send(frames.unsubscribe(channel))",
        "                    await self._link.send(frames.unsubscribe(channel))",
    ),
    _stream(
        "a new limit of silence holds at once",
        "            self.policy = replace(self.policy, silence=limit)\n            self._question.heard(self.policy)\n",
        "            self.policy = replace(self.policy, silence=limit)\n",
    ),
    _connection(
        "another interval holds at once",
        "            self.sync.maps_wanted.set()  #",
        "            pass  #",
        f"{_W}/test_session.py::TestChanges::test_intervals_and_limits_hold_at_once",
    ),
    _connection(
        "so does another limit of silence",
        "        self.stream.set_silence(settings.silence_limit)\n",
        "",
        f"{_W}/test_session.py::TestChanges::test_intervals_and_limits_hold_at_once",
    ),
]
