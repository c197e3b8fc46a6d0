"""Builders of the objects that go over the wire, one a kind, in endive's shapes."""
