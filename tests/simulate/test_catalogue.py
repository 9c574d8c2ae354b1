"""Artists and songs."""

from __future__ import annotations

import numpy as np
import pytest

from churn.simulate.catalogue import ARTISTS, LONGEST, SONGS, Catalogue, catalogue, popularity


@pytest.fixture(scope="module")
def songs() -> Catalogue:
    return catalogue(3)


def test_popularity_falls_with_rank_and_adds_up() -> None:
    shares = popularity(1000, 2.0, 0.7, 300.0, 1.5)
    assert (np.diff(shares) < 0).all() and shares.sum() == pytest.approx(1)


def test_the_skew_is_that_of_the_real_catalogue(songs: Catalogue) -> None:
    chances = np.diff(songs.cumulated, prepend=0)
    assert chances.max() == pytest.approx(0.0052, rel=0.1)
    names, of_song = np.unique(songs.artists.astype(str), return_inverse=True)
    plays = np.sort(np.bincount(of_song, weights=chances))[::-1]
    assert plays[0] == pytest.approx(0.0081, rel=0.2)
    assert plays[:10].sum() == pytest.approx(0.055, rel=0.15)
    assert 0.9 * ARTISTS < len(names) <= ARTISTS


def test_names_are_different_for_artists_and_some_are_broken(songs: Catalogue) -> None:
    assert any("Ã" in name for name in set(songs.artists))
    assert "NaN" in set(songs.titles)
    assert 0.5 * SONGS < len(set(songs.titles)) < SONGS
    assert any(title[0].isdigit() for title in songs.titles[:5000])


def test_lengths(songs: Catalogue) -> None:
    seconds, weights = songs.length_e5 / 1e5, np.diff(songs.cumulated, prepend=0)
    mean = np.average(seconds, weights=weights)
    assert mean == pytest.approx(249.1, rel=0.03)
    assert np.sqrt(np.average((seconds - mean) ** 2, weights=weights)) == pytest.approx(99.2, rel=0.15)
    assert seconds.min() >= 0.52 and seconds.max() <= LONGEST + 1e-5


def test_draws_reach_both_ends(songs: Catalogue) -> None:
    assert songs.draw(np.array([0.0]))[0] == 0
    assert songs.draw(np.array([np.nextafter(1.0, 0.0)]))[0] <= SONGS - 1
    drawn = songs.draw(np.random.default_rng(0).random(100_000))
    assert np.mean(drawn == 0) == pytest.approx(0.0050, abs=0.001)
