import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mistlocate.location.geometry import Affine, LatLng, between, pixels_per_metre, s2_token

_points = st.tuples(st.floats(-2000, 2000), st.floats(-2000, 2000))


class TestAffine:
    def test_scales_turns_and_shifts(self) -> None:
        quarter_turn = Affine.through([((0, 0), (1, 0)), ((100, 0), (1, 1)), ((0, 50), (0, 0))])
        assert quarter_turn.apply(50, 25) == pytest.approx((0.5, 0.5))
        assert quarter_turn.apply(100, 50) == pytest.approx((0, 1))

    @pytest.mark.parametrize("points", [[(0, 0), (1, 1), (2, 2)], [(5, 5), (5, 5), (9, 1)], [(0, 0), (0, 0), (0, 0)]])
    def test_points_on_a_line_determine_nothing(self, points: list[tuple[float, float]]) -> None:
        with pytest.raises(ValueError, match="one line"):
            Affine.through([(point, (0.0, 0.0)) for point in points])

    @given(_points, _points, _points, st.tuples(*[st.floats(-3, 3)] * 6), _points)
    def test_it_finds_the_map_that_made_the_points(
        self,
        p: tuple,
        q: tuple,
        r: tuple,
        coefficients: tuple,
        probe: tuple,  # type: ignore[type-arg]
    ) -> None:
        made_by = Affine(*coefficients)
        area = abs((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))
        longest = max(math.dist(p, q), math.dist(p, r), math.dist(q, r))
        if area < 1e-3 * longest * longest or longest < 1:
            return  # nearly on a line: found, but with little precision
        found = Affine.through([(each, made_by.apply(*each)) for each in (p, q, r)])
        assert found.apply(*probe) == pytest.approx(made_by.apply(*probe), abs=1e-3)


class TestDegrees:
    TOP_LEFT, BOTTOM_RIGHT = LatLng(50.0, 8.0), LatLng(49.0, 10.0)

    def test_corners_and_middle(self) -> None:
        assert between(self.TOP_LEFT, self.BOTTOM_RIGHT, 0, 0) == self.TOP_LEFT
        assert between(self.TOP_LEFT, self.BOTTOM_RIGHT, 1, 1) == self.BOTTOM_RIGHT
        assert between(self.TOP_LEFT, self.BOTTOM_RIGHT, 0.5, 0.5) == LatLng(49.5, 9.0)

    def test_across_the_date_line(self) -> None:
        found = between(LatLng(1.0, 179.9), LatLng(0.0, -179.9), 0.75, 0.5)
        assert found.lng == pytest.approx(-179.95)

    def test_s2_cells(self) -> None:
        # Level 21 of a known place; a point some metres away is in another cell of the same parents.
        token = s2_token(LatLng(45.76, 4.85))
        assert len(token) == 12
        assert token == s2_token(LatLng(45.7600001, 4.8500001))
        assert token != s2_token(LatLng(45.7601, 4.85))
        assert token.startswith(s2_token(LatLng(45.76, 4.85), 10)[:4])


@pytest.mark.parametrize(
    ("given_sizes", "expected"),
    [
        ((1600, 80.0, 900, 45.0, 20.0), 20.0),
        ((1600, 80.0, 900, 45.0, 7.0), 20.0),
        ((1600, 80.0, None, None, None), 20.0),
        ((None, None, 900, 45.0, None), 20.0),
        ((None, None, None, None, 20.0), 20.0),
        ((1600, 0, 900, 0, 0), None),
        ((None, None, None, None, None), None),
    ],
    ids=["all agree", "stale ppm", "width only", "height only", "ppm only", "zeros", "nothing"],
)
def test_scale(given_sizes: tuple, expected: float | None) -> None:  # type: ignore[type-arg]
    assert pixels_per_metre(*given_sizes) == expected
