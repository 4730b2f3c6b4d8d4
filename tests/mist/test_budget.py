import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate.mist.budget import Budget, Purpose

HOUR = 1_767_261_600.0  # on a full hour


def spent(budget: Budget, purpose: Purpose, now: float) -> int:
    """How many calls can be taken at once."""
    count = 0
    while budget.spend(purpose, now, 0.0) == 0:
        count += 1
    return count


class TestBudget:
    @pytest.mark.parametrize(
        ("purpose", "share"), [(Purpose.BACKGROUND, 75), (Purpose.SNAPSHOT, 90), (Purpose.COMMAND, 100)]
    )
    def test_each_purpose_has_its_share(self, purpose: Purpose, share: int) -> None:
        assert spent(Budget(100), purpose, HOUR) == share

    def test_commands_find_some_left_after_the_background(self) -> None:
        budget = Budget(100)
        spent(budget, Purpose.BACKGROUND, HOUR)
        spent(budget, Purpose.SNAPSHOT, HOUR)
        assert spent(budget, Purpose.COMMAND, HOUR) == 10

    def test_it_restarts_on_the_hour_and_not_an_hour_later(self) -> None:
        budget = Budget(100)
        spent(budget, Purpose.COMMAND, HOUR + 3500)
        assert budget.spend(Purpose.COMMAND, HOUR + 3500, 0.0) == 100
        assert budget.spend(Purpose.COMMAND, HOUR + 3599, 0.0) == 1
        assert budget.spend(Purpose.COMMAND, HOUR + 3600, 0.0) == 0

    def test_a_pause_holds_for_everybody_and_is_not_shortened(self) -> None:
        budget = Budget(100)
        budget.pause(60, 1000.0)
        budget.pause(5, 1000.0)
        assert budget.spend(Purpose.COMMAND, HOUR + 10, 1010.0) == 50
        assert budget.spend(Purpose.COMMAND, HOUR + 60, 1060.0) == 0

    @pytest.mark.parametrize("step", [-3600.0, 3600.0])
    def test_a_pause_neither_begins_anew_nor_ends_when_the_clouds_clock_is_set(self, step: float) -> None:
        budget = Budget(100)
        budget.pause(60, 1000.0)
        assert budget.spend(Purpose.COMMAND, HOUR + step, 1010.0) == 50
        assert budget.spend(Purpose.COMMAND, HOUR + step, 1060.0) == 0

    def test_the_clouds_own_count_includes_others(self) -> None:
        budget = Budget(100)
        budget.observed(80, HOUR)
        assert spent(budget, Purpose.COMMAND, HOUR) == 20
        budget.observed(10, HOUR)
        assert budget.report(HOUR, 0.0)["used"] == 100

    def test_the_report(self) -> None:
        budget = Budget(100)
        budget.spend(Purpose.SNAPSHOT, HOUR + 600, 0.0)
        budget.pause(30, 0.0)
        assert budget.report(HOUR + 600, 0.0) == {
            "limit": 100,
            "used": 1,
            "used_for": {"command": 0, "snapshot": 1, "background": 0},
            "resets_in": 3000,
            "paused_for": 30,
        }

    @given(st.lists(st.tuples(st.sampled_from(list(Purpose)), st.floats(0, 900)), max_size=200))
    def test_no_hour_sees_more_than_the_limit(self, calls: list[tuple[Purpose, float]]) -> None:
        budget, now, hours = Budget(20), HOUR, {}
        for purpose, delay in calls:
            now += delay
            if budget.spend(purpose, now, 0.0) == 0:
                hours[now // 3600] = hours.get(now // 3600, 0) + 1
        assert all(count <= 20 for count in hours.values())


def test_the_vendors_limit_is_the_default() -> None:
    assert Budget().limit == 5000


class TestPace:
    def test_the_first_resyncs_wait_for_nothing(self) -> None:
        pace = Budget(5000).resyncs
        assert pace.wait(22, 0) == 0
        pace.spent(22, 0)
        assert pace.wait(22, 0) == 0

    @pytest.mark.parametrize("cost", [3, 22, 700])
    def test_flapping_for_hours_uses_at_most_half_of_the_budget(self, cost: int) -> None:
        pace = Budget(5000).resyncs
        now, spent_at = 0.0, []
        while now < 6 * 3600:
            now += 1.0 + pace.wait(cost, now + 1.0)
            pace.spent(cost, now)
            spent_at.append(now)
        for start in range(3600, 5 * 3600, 600):
            used = cost * sum(start <= at < start + 3600 for at in spent_at)
            assert used <= 2500 + cost, "half of 5,000 in any hour after the first burst"
        assert cost * sum(at < 3600 for at in spent_at) <= 2500 * 1.2 + cost

    def test_a_site_that_costs_more_than_the_burst_is_not_locked_out(self) -> None:
        assert Budget(100).resyncs.wait(80, 0) == 0

    def test_the_share_comes_back_with_time(self) -> None:
        pace = Budget(5000).resyncs
        for _ in range(10):
            pace.spent(250, 0)
        assert pace.wait(250, 0) > 0
        assert pace.wait(250, 3600) == 0

    def test_it_follows_the_limit(self) -> None:
        budget = Budget(5000)
        for _ in range(50):
            budget.resyncs.spent(22, 0)
        before = budget.resyncs.wait(22, 0)
        budget.limit = 2500
        assert budget.resyncs.wait(22, 0) > before > 0


class TestFetches:
    def test_in_any_minute_half_of_what_the_budget_grants_a_minute(self) -> None:
        fetches, now = Budget(5000).fetches, 1000.0
        sent = []
        while now < 1600.0:
            wait = fetches.wait(now)
            if wait:
                now += wait
            else:
                fetches.spent(now)
                sent.append(now)
                now += 0.2
        assert max(sum(at <= each < at + 60.0 for each in sent) for at in sent) == fetches.a_minute == 41
        assert len(sent) >= 41 * 10

    def test_all_who_share_the_token_share_it(self) -> None:
        budget = Budget(240)
        budget.fetches.spent(0.0)
        budget.fetches.spent(10.0)
        assert budget.fetches.wait(10.0) == 50.0
        assert budget.fetches.wait(60.0) == 0.0
        budget.limit = 120
        assert budget.fetches.wait(60.0) == 10.0

    def test_the_smallest_budget_still_fetches(self) -> None:
        assert Budget(1).fetches.wait(0.0) == 0.0
