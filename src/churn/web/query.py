"""What stands in the address of a request, checked field by field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from churn.errors import RequestError
from churn.web.predict import cut
from churn.web.store import BANDS, SORTS, Wanted

LARGEST_PAGE: Final = 1_000
FURTHEST: Final = 10**9
"""Number of a page; beyond the last one a list is empty."""
LONGEST: Final = 200
"""Letters of a search."""

FIELDS: Final = ("band", "level", "region", "q", "sort", "page", "size")


def wanted_of(query: Mapping[str, str], *, strict: bool = True) -> Wanted:
    """The part of a risk list that a query asks for.

    Args:
        query: names as in `FIELDS`.
        strict: refuse names that mean nothing; else they are passed over. A field left empty counts as not given.

    Raises:
        RequestError: naming the field.
    """
    given = {name: value for name, value in query.items() if value}
    unknown = [name for name in query if name not in FIELDS]
    if strict and unknown:
        raise wrong(cut(unknown[0]), f"is unknown; there are {', '.join(FIELDS)}")
    band, sort = given.get("band"), given.get("sort", "rank")
    if band is not None and band not in BANDS:
        raise wrong("band", f"is not one of {', '.join(BANDS)}")
    if sort.removeprefix("-") not in SORTS:
        raise wrong("sort", f"is not one of {', '.join(SORTS)}, with - in front for the other way round")
    for name in ("level", "region", "q"):
        if len(given.get(name, "")) > LONGEST:
            raise wrong(name, f"is longer than {LONGEST} characters")
    return Wanted(
        band=band,
        level=given.get("level"),
        region=given.get("region"),
        q=given.get("q"),
        sort=sort,
        page=whole(given, "page", 1, least=1, most=FURTHEST),
        size=whole(given, "size", 50, least=1, most=LARGEST_PAGE),
    )


def whole(given: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    """A whole number.

    Raises:
        RequestError: naming the field.
    """
    text = given.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise wrong(name, f"is no whole number from {least} to {most:,}")
    return int(text)


def day(given: Mapping[str, str], name: str) -> date | None:
    """A date; None if it is not given.

    Raises:
        RequestError: naming the field.
    """
    text = given.get(name, "")
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise wrong(name, "is no date; write it like 2018-11-20") from error


def wrong(name: str, detail: str, status: int = 422) -> RequestError:
    """A field that cannot be used."""
    errors: list[dict[str, Any]] = [{"field": name, "detail": detail}]
    return RequestError(f"{name} {detail}", status=status, errors=errors)
