"""Artists and songs: a catalogue with the skew of the real one.

Popularity of rank k is (k + q)^-s · (1 + k / b)^-t, fitted to the plays of the top song and the top artist, to
distinct songs and artists at 0.2, 0.4 and 21 million plays, and to how many different ones a user hears.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from churn.simulate import words
from churn.simulate.chain import Floats, Ints

SONGS = 330_000
ARTISTS = 38_500

MEAN_LENGTH, SHORTEST, LONGEST = 249.1, 0.52, 3024.66567
"""Of songs, in seconds."""


@dataclass(frozen=True)
class Catalogue:
    """All songs.

    Attributes:
        titles: one a song.
        artists: the artist's name, one a song.
        length_e5: in 1/100,000 s, one a song.
        cumulated: chances of being played, summed up along the songs.
    """

    titles: NDArray[np.object_]
    artists: NDArray[np.object_]
    length_e5: Ints
    cumulated: Floats

    def draw(self, u: Floats) -> NDArray[np.int64]:
        """Songs for uniform random numbers."""
        return np.minimum(np.searchsorted(self.cumulated, u, side="right"), len(self.cumulated) - 1)


@lru_cache(maxsize=1)
def catalogue(seed: int) -> Catalogue:
    """Make up the catalogue; it takes a second, so the last one is kept."""
    rng = np.random.default_rng([seed, 2])
    songs = popularity(SONGS, 1.57, 0.629, 32_362, 1.578)
    of_artist = _assign(rng, songs, popularity(ARTISTS, 4.545, 0.659, 11_229, 3.10))
    return Catalogue(
        titles=_titles(rng),
        artists=_artists(rng)[of_artist],
        length_e5=_lengths(rng),
        cumulated=np.cumsum(songs),
    )


def popularity(n: int, q: float, s: float, b: float, t: float) -> Floats:
    """Shares of n ranks, the most popular first; see the module's text."""
    k = np.arange(1, n + 1)
    weights = (k + q) ** -s * (1 + k / b) ** -t
    return np.asarray(weights / weights.sum())


def _assign(rng: np.random.Generator, songs: Floats, artists: Floats) -> Ints:
    """An artist for every song, so that the plays of artists come out as wished: most songs to those who lack most."""
    lacking, found = artists.copy(), np.empty(len(songs), dtype=np.int64)
    edges = [0]
    while edges[-1] < len(songs):  # the hits one by one, then twenty to the hundred at once
        edges.append(min(edges[-1] + max(1, edges[-1] // 20), len(songs)))
    for start, end in itertools.pairwise(edges):
        # Weighted draw without replacement: the largest of ln(weight) + Gumbel noise.
        keys = np.log(np.maximum(lacking - songs[start] / 2, 1e-12)) + rng.gumbel(size=len(artists))
        best = np.argpartition(-keys, end - start - 1)[: end - start]
        found[start:end] = best[np.argsort(-keys[best], kind="stable")]
        lacking[found[start:end]] -= songs[start:end]
    return found


def _lengths(rng: np.random.Generator) -> Ints:
    """Lengths in 1/100,000 s: a bell on a logarithmic scale with two long tails."""
    body = np.exp(rng.normal(np.log(234.0), 0.245, SONGS))
    tail = np.exp(rng.normal(np.log(232.0), 0.55, SONGS))
    seconds = np.where(rng.random(SONGS) < 0.78, body, tail)
    return np.round(np.clip(seconds, SHORTEST, LONGEST) * 1e5).astype(np.int64)


def _artists(rng: np.random.Generator) -> NDArray[np.object_]:
    """Different names of bands and people; some broken by a wrong encoding."""
    n = ARTISTS * 2
    a, b = _draw(rng, words.ADJECTIVES, n), _draw(rng, words.NOUNS, n)
    c, d = _draw(rng, words.FEMALE + words.MALE, n), _draw(rng, words.LAST, n)
    broken, more = _draw(rng, words.BROKEN, n), _draw(rng, words.NOUNS, n)
    forms = (
        lambda i: f"{a[i]} {b[i]}s", lambda i: f"The {a[i]} {b[i]}s", lambda i: f"{c[i]} {d[i]}",
        lambda i: f"The {b[i]}s", lambda i: f"{c[i]} & The {b[i]}s", lambda i: f"{broken[i]} {b[i]}",
        lambda i: f"{2 + i % 98} {b[i]}s", lambda i: f"{b[i]} + {more[i]}",
    )  # fmt: skip
    kind = rng.choice(len(forms), n, p=[0.2, 0.22, 0.4, 0.03, 0.09, 0.01, 0.01, 0.04])
    names = dict.fromkeys(forms[k](i) for i, k in enumerate(kind.tolist()))
    return np.array(list(names)[:ARTISTS], dtype=object)


def _titles(rng: np.random.Generator) -> NDArray[np.object_]:
    """Titles, some of them given twice; one song is called NaN, as in the real log."""
    n = SONGS
    a, b, c = _draw(rng, words.ADJECTIVES, n), _draw(rng, words.NOUNS, n), _draw(rng, words.NOUNS, n)
    ends, name = _draw(rng, words.SONG_ENDS, n), _draw(rng, words.FEMALE + words.MALE, n)
    forms = (
        lambda i: f"{a[i]} {b[i]}", lambda i: f"The {b[i]} And The {c[i]}", lambda i: f"{b[i]} Of {c[i]}s",
        lambda i: f"{name[i]}'s {b[i]}", lambda i: f"{a[i]} {b[i]}, {a[i]} {c[i]}", lambda i: f"{b[i]} To {name[i]}",
        lambda i: f'"{a[i]}" {b[i]} No. {1 + i % 9}', lambda i: f"{1 + i % 999} {b[i]}s",
    )  # fmt: skip
    kind = rng.choice(len(forms), n, p=[0.22, 0.22, 0.2, 0.12, 0.1, 0.11, 0.01, 0.02])
    titles = np.array([forms[k](i) + ends[i] for i, k in enumerate(kind.tolist())], dtype=object)
    titles[SONGS // 3] = "NaN"
    return titles


def _draw(rng: np.random.Generator, names: list[str] | tuple[str, ...], n: int) -> list[str]:
    return [names[i] for i in rng.integers(0, len(names), n).tolist()]
