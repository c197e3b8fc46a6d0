"""The fixtures of stories."""

from tests.scenarios.servers import make_world, story_database_url, stripe_box, world

__all__ = ["make_world", "story_database_url", "stripe_box", "world"]
