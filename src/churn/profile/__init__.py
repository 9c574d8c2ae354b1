"""The look into the data: what the log holds, who leaves, how they behave; counted by the engine, as tidy tables.

Three layers: `counts` and `users` are Ibis expressions that bring a log of any size down to small tables;
`groups`, `survival` and `behaviour` are plain arithmetic on those; `tables` puts both together.
"""

from __future__ import annotations

from churn.profile.tables import FACTS, Profile, profile_of

__all__ = ["FACTS", "Profile", "profile_of"]
