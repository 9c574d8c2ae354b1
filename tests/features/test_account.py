"""Level, tenure and profile, every value worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from churn.engines.duckdb import DuckDBEngine
from tests.conftest import Row, event
from tests.tiny import day, features, ms, roll, visit

AGENTS = {
    "chrome on windows": '"Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) '
    'Chrome/36.0.1985.143 Safari/537.36"',
    "safari on mac": '"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_4) AppleWebKit/537.78.2 (KHTML, like Gecko) '
    'Version/7.0.6 Safari/537.78.2"',
    "firefox on linux": "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:31.0) Gecko/20100101 Firefox/31.0",
    "safari on iphone": '"Mozilla/5.0 (iPhone; CPU iPhone OS 7_1_2 like Mac OS X) AppleWebKit/537.51.2 '
    '(KHTML, like Gecko) Version/7.0 Mobile/11D257 Safari/9537.53"',
    "safari on ipad": '"Mozilla/5.0 (iPad; CPU OS 7_1_2 like Mac OS X) AppleWebKit/537.51.2 (KHTML, like Gecko) '
    'Version/7.0 Mobile/11D257 Safari/9537.53"',
    "internet explorer 11": "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
    "internet explorer 9": "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; WOW64; Trident/5.0)",
}

LOG = [
    # Free, then paid in a later session, free for a day, and paid again; 10 songs in all.
    *visit("usual", 1, "10-01", "06:00 NextSong, 06:10 NextSong, 06:20 Submit Upgrade", level="free"),
    *visit("usual", 2, "10-02", "12:00 NextSong, 12:10 NextSong, 12:20 NextSong", level="paid"),
    *visit("usual", 2, "10-02", "12:30 Submit Downgrade", level="paid", itemInSession=3),
    *visit("usual", 2, "10-02", "12:31 NextSong", level="free", itemInSession=4),
    *visit("usual", 3, "10-03", "18:00 NextSong, 18:10 NextSong, 18:20 NextSong, 18:30 NextSong", level="paid"),
    *visit(
        "usual",
        3,
        "10-31",
        "23:00 Home",
        level="paid",
        gender="M",
        location="Portland-Vancouver-Hillsboro, OR-WA",
        registration=ms("09-16 12:00"),
    ),
    *visit("usual", 3, "11-01", "00:00 NextSong", level="free", gender="F"),
    *(event(name, ms("10-31 12:00"), "Home", userAgent=agent) for name, agent in AGENTS.items()),
    *(
        event(f"from {place}", ms("10-31 12:00"), "Home", location=place)
        for place in ("New Haven-Milford, CT", "Chicago-Naperville-Elgin, IL-IN-WI", "Dallas-Fort Worth-Arlington, TX")
    ),
    event("abroad", ms("10-31 12:00"), "Home", location="Toronto, Ontario"),
    event("registered later", ms("10-30 00:00"), registration=ms("10-31 00:00")),
    event("registered too late", ms("10-30 00:00"), registration=ms("11-07 00:00")),
    event("registered never", ms("10-30 00:00"), registration=None),
    event("unknown", ms("10-30 00:00"), gender=None, location=None, userAgent=None, registration=None, level=None),
]

USUAL = {
    "paid_now": 1,
    "days_on_level": 28.25,  # since 10-03 18:00
    "paid_share_30d": (7 + 5) / (8 + 10),
    "paid_share_all": (7 + 5) / (10 + 10),
    "upgrades_all": 2,
    "downgrades_all": 1,
    "tenure_days": 45.5,  # since 09-16 12:00
    "observed_days": 30.75,  # since 10-01 06:00
    "female": 0,
    "male": 1,
    "device_windows": 1,
    "device_mac": 0,
    "device_linux": 0,
    "device_iphone": 0,
    "device_ipad": 0,
    "browser_chrome": 1,
    "browser_safari": 0,
    "browser_firefox": 0,
    "browser_internet_explorer": 0,
    "region_northeast": 0,
    "region_midwest": 0,
    "region_south": 0,
    "region_west": 1,
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Row]]:
    folder = tmp_path_factory.mktemp("account")
    engine = DuckDBEngine(memory=1_000_000_000, scratch=folder / "scratch", threads=2)
    found = roll(engine, folder, LOG).forecast([day("11-01")]).to_pylist()
    engine.close()
    yield {row["userId"]: features(row, "account") for row in found}


def flags(row: Row, *starts: str) -> set[str]:
    return {name for name, value in row.items() if name.startswith(starts) and value == 1}


def test_level_tenure_and_profile(rows: dict[str, Row]) -> None:
    assert rows["usual"] == pytest.approx(USUAL)


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("chrome on windows", {"device_windows", "browser_chrome"}),
        ("safari on mac", {"device_mac", "browser_safari"}),
        ("firefox on linux", {"device_linux", "browser_firefox"}),
        ("safari on iphone", {"device_iphone", "browser_safari"}),
        ("safari on ipad", {"device_ipad", "browser_safari"}),
        ("internet explorer 11", {"device_windows", "browser_internet_explorer"}),
        ("internet explorer 9", {"device_windows", "browser_internet_explorer"}),
        ("unknown", set()),
    ],
)
def test_device_and_browser(rows: dict[str, Row], agent: str, expected: set[str]) -> None:
    assert flags(rows[agent], "device_", "browser_") == expected


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("from New Haven-Milford, CT", {"region_northeast"}),
        ("from Chicago-Naperville-Elgin, IL-IN-WI", {"region_midwest"}),
        ("from Dallas-Fort Worth-Arlington, TX", {"region_south"}),
        ("usual", {"region_west"}),
        ("abroad", set()),
        ("unknown", set()),
    ],
)
def test_region_is_that_of_the_first_state(rows: dict[str, Row], user: str, expected: set[str]) -> None:
    assert flags(rows[user], "region_") == expected


@pytest.mark.parametrize("user", ["registered later", "registered too late", "registered never", "unknown"])
def test_tenure_counts_from_the_first_event_if_registration_is_later_or_missing(
    rows: dict[str, Row], user: str
) -> None:
    assert (rows[user]["tenure_days"], rows[user]["observed_days"]) == (2, 2)


def test_a_level_that_never_changed_lasts_since_the_first_event(rows: dict[str, Row]) -> None:
    names = ("days_on_level", "upgrades_all", "downgrades_all", "paid_now")
    assert [rows["registered never"][name] for name in names] == [2, 0, 0, 1]
    assert [rows["unknown"][name] for name in names] == [2, 0, 0, 0]


def test_gender_may_be_unknown(rows: dict[str, Row]) -> None:
    assert flags(rows["unknown"], "female", "male") == set()
    assert flags(rows["abroad"], "female", "male") == {"female"}
