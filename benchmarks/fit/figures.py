"""What is known of the real log, line by line: published or computed figures, and how close is close enough."""

from __future__ import annotations

from dataclasses import dataclass

SHARE_OF_USERS = "SELECT 100 * avg(({})::INT) FROM users"
BYTES = "bytes a line"
"""Known of logs of lines alone."""

PER_1000 = "SELECT 1000 * sum(page_{0}) / sum(songs) FROM users WHERE {1}"
QUANTILE = "SELECT quantile_cont({0}, {1}) FROM users"


@dataclass(frozen=True)
class Figure:
    """One line of the comparison.

    Attributes:
        topic: heading under which it is shown.
        name: what it is.
        real: its value in the real log, full size where the sizes differ.
        sql: its value in a log, over the tables of `benchmarks.fit.tables`.
        tolerance: largest relative difference, of a share in percentage points.
        points: the tolerance is absolute.
        key: a test asserts it.
    """

    topic: str
    name: str
    real: float
    sql: str
    tolerance: float
    points: bool = False
    key: bool = False

    def fits(self, found: float) -> bool:
        """Whether a value is close enough."""
        difference = abs(found - self.real)
        return difference <= (self.tolerance if self.points else self.tolerance * abs(self.real))


PAGE_RATES = {
    # Events per 1,000 songs of members: all, paid at the end, free at the end, churned, stayed.
    "thumbs_up": (55.23, 56.50, 50.79, 51.18, 56.30),
    "home": (44.75, 42.89, 51.25, 45.07, 44.67),
    "add_to_playlist": (28.68, 28.87, 28.00, 28.42, 28.75),
    "roll_advert": (18.48, 10.80, 45.15, 22.87, 17.30),
    "add_friend": (18.30, 18.12, 18.95, 18.24, 18.32),
    "logout": (14.20, 13.28, 17.37, 14.29, 14.17),
    "thumbs_down": (11.47, 10.90, 13.47, 12.69, 11.15),
    "downgrade": (8.84, 9.47, 6.65, 9.90, 8.55),
    "settings": (7.05, 6.87, 7.68, 7.23, 7.01),
    "help": (6.21, 6.14, 6.44, 6.27, 6.19),
    "upgrade": (2.42, 1.73, 4.83, 2.56, 2.39),
    "about": (2.32, 2.30, 2.40, 2.30, 2.32),
    "save_settings": (1.42, 1.38, 1.54, 1.41, 1.42),
    "error": (1.20, 1.19, 1.24, 1.22, 1.20),
    "submit_upgrade": (0.73, 0.70, 0.82, 0.84, 0.70),
    "submit_downgrade": (0.31, 0.22, 0.62, 0.34, 0.30),
}

QUANTILES = {
    # By user: 5, 25, 50, 75, 95 %.
    "events": (54, 264, 690, 1_531, 3_839),
    "songs": (40, 204, 552, 1_259, 3_183),
    "distinct_songs": (40, 200, 526, 1_148, 2_688),
    "artists": (39, 189, 463, 925, 1_888),
    "sessions": (1, 5, 9, 17, 39),
    "songs_per_session": (15.5, 35, 58.9, 87, 137),
    "session_minutes": (63, 147, 248, 367, 581),
    "hours": (2.7, 14, 39, 88, 223),
    "tenure": (26.5, 60.7, 75.4, 100, 160),
    "gap": (0, 2_881, 5_776, 10_470, 24_690),
}

DECILES = {
    # Churn rate by decile of a rate per hour.
    "thumbs_down": (0.194, 0.182, 0.191, 0.177, 0.211, 0.197, 0.219, 0.223, 0.296, 0.355),
    "roll_advert": (0.205, 0.190, 0.204, 0.223, 0.224, 0.248, 0.222, 0.178, 0.171, 0.381),
    "downgrade": (0.175, 0.176, 0.178, 0.167, 0.177, 0.220, 0.219, 0.252, 0.270, 0.412),
    "thumbs_up": (0.297, 0.275, 0.256, 0.226, 0.241, 0.219, 0.237, 0.228, 0.163, 0.103),
}
OTHER_DECILES = {
    "songs": (0.254, 0.230, 0.216, 0.231, 0.244, 0.231, 0.223, 0.205, 0.215, 0.197),
    "gap": (0.522, 0.445, 0.328, 0.271, 0.187, 0.143, 0.126, 0.094, 0.077, 0.053),
}

TENURES = ((0, 20, 0.730), (20, 30, 0.739), (30, 45, 0.618), (45, 60, 0.355), (60, 75, 0.132), (75, 120, 0.137),
           (120, 500, 0.136))  # fmt: skip

WEEKDAYS = (0.955, 1.0, 1.0, 1.025, 1.0, 0.65, 0.46)
"""Events of a weekday, Monday first, for each one on a mean day from Monday to Friday (medium size)."""

STAYED_BY_HOUR = (
    18_048, 17_228, 16_673, 15_949, 15_473, 14_994, 14_652, 14_689, 14_741, 14_978, 15_179, 15_317, 16_178, 16_924,
    17_715, 19_897, 21_718, 22_253, 21_777, 21_403, 20_700, 19_793, 19_415, 18_665,
)  # fmt: skip
LEFT_BY_HOUR = (
    4_367, 4_215, 4_008, 3_816, 3_529, 3_687, 3_742, 3_661, 3_575, 3_410, 3_608, 3_473, 3_648, 4_205, 4_281, 4_628,
    5_253, 5_425, 5_772, 5_679, 5_260, 5_011, 4_779, 4_614,
)  # fmt: skip
"""Events of members by hour of the day (medium size), published in the hours of UTC+1."""

DECILE_SQL = """
SELECT avg(churned) FROM (
    SELECT churned, ntile(10) OVER (ORDER BY {value}, hash(userId)) AS decile FROM users WHERE hours > 0
) WHERE decile = {decile}
"""
DAY_SQL = """
WITH days AS (
    -- Of the first and the last day there may be some lines only.
    SELECT ts // 86400000 AS day, count(*) AS n FROM log GROUP BY ALL HAVING n > (SELECT count(*) FROM log) / 1000
),
means AS (SELECT (day + 3) % 7 AS weekday, avg(n) AS n FROM days GROUP BY ALL)
SELECT (SELECT n FROM means WHERE weekday = {0}) / (SELECT avg(n) FROM means WHERE weekday < 5)
"""
HOUR_SQL = """
SELECT 24 * avg(((ts // 3600000) % 24 = {})::INT) FROM log WHERE userId <> ''
"""
HOURS = "(SELECT (ts // 3600000) % 24 AS hour, count(*) AS n FROM log WHERE (ts // 86400000 + 3) % 7 < 5 GROUP BY ALL)"


def figures() -> list[Figure]:
    """All lines of the comparison, in order."""
    return [*_sizes(), *_pages(), *_quantiles(), *_levels(), *_calendar(), *_churn(), *_catalogue()]


def _sizes() -> list[Figure]:
    rows = "SELECT 100.0 * count(*) FILTER ({}) / count(*) FROM log"
    return [
        Figure(
            "size", "rows per user", 1_160, "SELECT count(*) / (SELECT count(*) FROM users) FROM log", 0.15, key=True
        ),
        Figure("size", "churned users, %", 22.5, SHARE_OF_USERS.format("churned"), 2.5, points=True, key=True),
        Figure(
            "size", "lines of nobody, %", 2.93, rows.format("coalesce(userId, '') = ''"), 0.4, points=True, key=True
        ),
        Figure("size", "lines that are songs, %", 79.5, rows.format("page = 'NextSong'"), 1.5, points=True, key=True),
        Figure("size", "lines at level paid, %", 79.0, rows.format("level = 'paid'"), 4.0, points=True, key=True),
        Figure("size", "one-session users, %", 5.15, SHARE_OF_USERS.format("sessions = 1"), 2.5, points=True),
        Figure("size", "mean songs per session", 70.2, "SELECT sum(songs) / sum(sessions) FROM users", 0.1, key=True),
        Figure("size", "songs per listening hour", 14.3, "SELECT sum(songs) / sum(hours) FROM users", 0.05, key=True),
        Figure("size", "mean sessions per user", 13.3, "SELECT avg(sessions) FROM users", 0.12, key=True),
        Figure("size", "mean active days", 13.3, "SELECT avg(active_days) FROM users", 0.2),
        Figure("size", BYTES, 436, "SELECT bytes / (SELECT count(*) FROM log) FROM file", 0.15),
    ]


def _pages() -> list[Figure]:
    found = []
    groups = (
        ("all", "true"),
        ("paid last", "paid"),
        ("free last", "NOT paid"),
        ("churned", "churned = 1"),
        ("stayed", "churned = 0"),
    )
    for page, rates in PAGE_RATES.items():
        for (group, where), real in zip(groups, rates, strict=True):
            wide = 0.12 if group == "all" else 0.2
            rare = 0.1 if real < 3 else 0.0
            found.append(
                Figure("events per 1,000 songs", f"{page}, {group}", real, PER_1000.format(page, where), wide + rare,
                       key=group == "all" and real > 3)
            )  # fmt: skip
    return found


def _quantiles() -> list[Figure]:
    shares = (0.05, 0.25, 0.50, 0.75, 0.95)
    wide = (0.5, 0.3, 0.2, 0.2, 0.2)
    return [
        Figure("quantiles by user", f"{name}, {100 * share:.0f} %", real, QUANTILE.format(name, share), tolerance,
               key=share == 0.50)
        for name, values in QUANTILES.items()
        for share, real, tolerance in zip(shares, values, wide, strict=True)
        if real
    ]  # fmt: skip


def _levels() -> list[Figure]:
    by_level = "SELECT count(*) / count(DISTINCT (userId, sessionId)) FROM log WHERE userId <> '' AND page = 'NextSong' AND level = '{}'"
    last = "SELECT avg({0}) FROM users WHERE {1}"
    return [
        Figure("levels", "users with an upgrade, %", 54.2, SHARE_OF_USERS.format("page_submit_upgrade > 0"), 7, points=True, key=True),
        Figure("levels", "users with a downgrade, %", 22.9, SHARE_OF_USERS.format("page_submit_downgrade > 0"), 6, points=True, key=True),
        Figure("levels", "ever free, %", 84.3, SHARE_OF_USERS.format("ever_free"), 5, points=True),
        Figure("levels", "ever paid, %", 72.6, SHARE_OF_USERS.format("ever_paid"), 6, points=True),
        Figure("levels", "paid at the end, %", 57.1, SHARE_OF_USERS.format("paid"), 7, points=True, key=True),
        Figure("levels", "songs per session at level free", 31.3, by_level.format("free"), 0.2),
        Figure("levels", "songs per session at level paid", 102.6, by_level.format("paid"), 0.2),
        Figure("levels", "songs by user, paid last", 1_273, last.format("songs", "paid"), 0.2),
        Figure("levels", "songs by user, free last", 487, last.format("songs", "NOT paid"), 0.25),
        Figure("levels", "churned, paid last, %", 24.2, "SELECT 100 * avg(churned) FROM users WHERE paid", 4, points=True),
        Figure("levels", "churned, free last, %", 20.1, "SELECT 100 * avg(churned) FROM users WHERE NOT paid", 5, points=True),
    ]  # fmt: skip


def _calendar() -> list[Figure]:
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    week = [
        Figure("calendar", f"events on a {day}, by a mean weekday", real, DAY_SQL.format(i), 0.15, key=i > 4)
        for i, (day, real) in enumerate(zip(days, WEEKDAYS, strict=True))
    ]
    by_hour = [stayed + left for stayed, left in zip(STAYED_BY_HOUR, LEFT_BY_HOUR, strict=True)]
    hours = [
        Figure("calendar", f"events at {hour:02} h UTC, by the mean hour", 24 * by_hour[(hour + 1) % 24] / sum(by_hour),
               HOUR_SQL.format(hour), 0.15)
        for hour in range(24)
    ]  # fmt: skip
    return [
        *week,
        *hours,
        Figure("calendar", "busiest hour by quietest hour", 1.5, f"SELECT max(n) / min(n) FROM {HOURS}", 0.15, key=True),
        Figure("calendar", "busiest hour, UTC", 16.5, f"SELECT arg_max(hour, n) FROM {HOURS}", 2.5, points=True),
        Figure("calendar", "quietest hour, UTC", 6, f"SELECT arg_min(hour, n) FROM {HOURS}", 3, points=True),
        Figure("calendar", "second month's events by the first's", 0.96,
               "SELECT count(*) FILTER (ts >= mid) / count(*) FILTER (ts < mid) FROM log, "
               "(SELECT (min(ts) + max(ts)) / 2 AS mid FROM log)", 0.12),
    ]  # fmt: skip


def _churn() -> list[Figure]:
    found = []
    for page, rates in DECILES.items():
        for i, real in enumerate(rates, 1):
            sql = DECILE_SQL.format(value=f"page_{page} / hours", decile=i)
            found.append(
                Figure("churn rate by decile", f"{page} per hour, {i}", real, sql, 0.06, points=True, key=i == 10)
            )
    for name, rates in OTHER_DECILES.items():
        for i, real in enumerate(rates, 1):
            sql = DECILE_SQL.format(value=name, decile=i)
            found.append(Figure("churn rate by decile", f"{name}, {i}", real, sql, 0.08, points=True))
    for low, high, real in TENURES:
        sql = f"SELECT avg(churned) FROM users WHERE tenure >= {low} AND tenure < {high}"
        found.append(Figure("churn rate by tenure", f"{low} to {high} days", real, sql, 0.12, points=True))
    wait = (
        "WITH c AS (SELECT userId, max(ts) FILTER (page = 'Cancellation Confirmation') - max(ts) FILTER (page = 'Cancel') "
        "AS w FROM log WHERE userId <> '' GROUP BY ALL) SELECT {}(w) / 1000 FROM c"
    )
    found.append(Figure("leaving", "Cancel to confirmation, s, median", 33, wait.format("median"), 0.3))
    found.append(Figure("leaving", "Cancel to confirmation, s, mean", 89.8, wait.format("avg"), 0.4))
    return found


def _catalogue() -> list[Figure]:
    top = "SELECT 100.0 * sum(n) / (SELECT count(*) FROM log WHERE page = 'NextSong') FROM (SELECT count(*) AS n FROM log WHERE page = 'NextSong' GROUP BY {} ORDER BY n DESC LIMIT {})"
    heaps = "SELECT regr_slope(ln({0}), ln(songs)) FROM users WHERE songs >= 20"
    return [
        Figure("catalogue", "top artist, % of plays", 0.81, top.format("artist", 1), 0.2, key=True),
        Figure("catalogue", "top ten artists, % of plays", 5.5, top.format("artist", 10), 0.15, key=True),
        Figure("catalogue", "top song, % of plays", 0.52, top.format("artist, song", 1), 0.2, key=True),
        Figure("catalogue", "Heaps exponent of artists", 0.878, heaps.format("artists"), 0.03, key=True),
        Figure("catalogue", "Heaps exponent of songs", 0.960, heaps.format("distinct_songs"), 0.03, key=True),
        Figure("catalogue", "mean song length, s", 249.1, "SELECT avg(length) FROM log WHERE page = 'NextSong'", 0.03, key=True),
        Figure("catalogue", "deviation of song length, s", 99.2, "SELECT stddev(length) FROM log WHERE page = 'NextSong'", 0.15),
        Figure("catalogue", "median song length, s", 234, "SELECT median(length) FROM log WHERE page = 'NextSong'", 0.04),
    ]  # fmt: skip
