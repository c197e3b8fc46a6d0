"""The fixtures of stories, which are interrupted here."""

from tests.scenarios.servers import make_world, story_database_url, stripe_box, world

__all__ = ["make_world", "story_database_url", "stripe_box", "world"]
