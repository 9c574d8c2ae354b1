from __future__ import annotations

import churn


def test_all_names_are_there_sorted_and_each_where_it_says() -> None:
    assert churn.__all__ == sorted(churn.__all__)
    assert set(churn._HOMES) == set(churn.__all__) == set(dir(churn))
    for name in churn.__all__:
        assert getattr(churn, name).__module__.startswith(churn._HOMES[name])
