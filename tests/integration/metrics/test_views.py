"""The views are documented in the database, and README says the same."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from worker.domain.imports import imports_table
from worker.domain.metrics import metrics_table

README = (Path(__file__).parents[3] / "README.md").read_text()

COMMENTS = """
SELECT views.relname AS view, attname AS column,
       col_description(views.oid, attnum) AS column_means,
       obj_description(views.oid, 'pg_class') AS means
  FROM pg_class AS views
  JOIN pg_attribute ON attrelid = views.oid AND attnum > 0
 WHERE views.relnamespace = 'metrics'::regnamespace AND views.relkind = 'v'
 ORDER BY views.relname, attnum
"""


def test_every_view_and_column_says_what_it_is_in_the_database_and_in_readme(
    engine: Engine,
) -> None:
    """On failure: the lines that README lacks are printed ready to be pasted."""
    with engine.connect() as connection:
        rows = connection.execute(text(COMMENTS)).all()
    assert len({row.view for row in rows}) >= 9
    lines = [f"| `metrics.{row.view}` | {row.means} |" for row in rows]
    lines += [f"| `{row.view}.{row.column}` | {row.column_means} |" for row in rows]
    missing = [line for line in dict.fromkeys(lines) if line not in README]
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize("table", [metrics_table(), imports_table()])
def test_every_metric_and_every_column_of_a_file_stands_in_readme(table: str) -> None:
    missing = [line for line in table.splitlines() if line not in README]
    assert not missing, "\n".join(missing)
