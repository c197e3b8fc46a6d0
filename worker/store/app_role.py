"""What the role that the processes work under may do: everything but rewriting what was.

The tables belong to another role, which migrates. Facts and their chain can only be added to;
what people asked for and what the engine decided too, but for the answer and the words in them,
which `dunning forget` takes out.
"""

from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import ProgrammingError

from worker.errors import ConfigError
from worker.store.columns import metadata
from worker.store.ledger import CONNECTION_ERRORS, connect, unavailable

APPEND_ONLY = frozenset(("events", "event_chain"))

CHANGEABLE_COLUMNS = {
    "decisions": ("reason",),
    "imported_rows": ("words",),
    "imports": ("added", "corrected", "reason"),
    "operator_acts": ("answered_at", "answer", "reason"),
}
"""Tables of which rows stay, and the only columns of theirs that may change."""

EMPTIED = frozenset(
    (
        "inbox",
        "kept_case_spans",
        "kept_failures",
        "kept_movements",
        "kept_paid_renewals",
        "kept_plans",
        "kept_recoveries",
        "kept_renewals",
        "kept_terms",
        "metric_days",
        "offers",
        "tax_shares",
        "unsealed_facts",
    )
)
"""Tables from which rows are taken out; a test reads the code for others."""

_ROLE = text("""
    SELECT rolsuper OR rolname = current_user OR EXISTS (
        SELECT FROM pg_tables
        WHERE schemaname = current_schema() AND pg_has_role(oid, tableowner, 'USAGE')) AS may_all
    FROM pg_roles WHERE rolname = :role
""")
_WIDER = text("""
    SELECT has_schema_privilege(:role, current_schema(), 'CREATE') AS makes_tables,
           has_database_privilege(:role, current_database(), 'CREATE') AS makes_schemas,
           current_schema() AS schema, current_database() AS database
""")


def grant_app_role(database_url: str, role: str) -> None:
    """Give *role* the rights of the processes on the migrated tables, and take all others.

    Args: database_url: of the role that owns the tables, `postgresql+psycopg://…`.
    Raises: ConfigError: there is no such role, or it may do more anyway (operator);
    DatabaseUnavailable.
    """
    engine = connect(database_url, pool_size=1)
    try:
        with engine.begin() as connection:
            _refuse_an_owner(connection, role)
            quoted = engine.dialect.identifier_preparer.quote_identifier(role)
            for statement in _statements(connection, quoted):
                connection.exec_driver_sql(statement)
            _refuse_a_maker_of_tables(connection, role)
    except CONNECTION_ERRORS as error:
        raise unavailable(error) from error
    except ProgrammingError as error:
        raise ConfigError(
            "The user in DATABASE_URL may not give rights on the tables; run dunning migrate as "
            "their owner."
        ) from error
    finally:
        engine.dispose()


def _refuse_an_owner(connection: Connection, role: str) -> None:
    found = connection.execute(_ROLE, {"role": role}).one_or_none()
    if found is None:
        raise ConfigError(
            f"There is no role {role} in the database; make it first: "
            f"CREATE ROLE {role} LOGIN PASSWORD '...'."
        )
    if found.may_all:
        raise ConfigError(
            f"{role} owns the tables, belongs to their owner or is a superuser, so nothing can be "
            "kept from it; make a role of its own for the processes."
        )


def _refuse_a_maker_of_tables(connection: Connection, role: str) -> None:
    """Raise where rights that come from elsewhere let *role* make tables or schemas."""
    wider: Row[tuple[bool, bool, str, str]] = connection.execute(_WIDER, {"role": role}).one()
    if wider.makes_tables:
        raise ConfigError(
            f"{role} may still make tables; as the schema's owner: "
            f"REVOKE CREATE ON SCHEMA {wider.schema} FROM PUBLIC."
        )
    if wider.makes_schemas:
        raise ConfigError(
            f"{role} may still make schemas; as the database's owner: "
            f"REVOKE CREATE ON DATABASE {wider.database} FROM {role}."
        )


def _statements(connection: Connection, role: str) -> list[str]:
    """Return the statements, for a quoted role: first nothing is allowed, then what is needed."""
    schema = connection.execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    statements = [
        f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM PUBLIC, {role}",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM PUBLIC, {role}",
        f"REVOKE ALL ON SCHEMA {schema} FROM {role}",
        f"GRANT USAGE ON SCHEMA {schema} TO {role}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
    ]
    for name in sorted(metadata.tables):
        rights = ["INSERT"]
        if name in CHANGEABLE_COLUMNS:
            rights.append(f"UPDATE ({', '.join(CHANGEABLE_COLUMNS[name])})")
        elif name not in APPEND_ONLY:
            rights.append("UPDATE")
        if name in EMPTIED:
            rights.append("DELETE")
        statements.append(f"GRANT {', '.join(rights)} ON {schema}.{name} TO {role}")
    return statements + _reading_views(connection, role)


def _reading_views(connection: Connection, role: str) -> list[str]:
    """Return what lets *role* read the views of the metrics, where this release has them."""
    if not connection.execute(text("SELECT to_regnamespace('metrics') IS NOT NULL")).scalar_one():
        return []
    return [
        f"GRANT USAGE ON SCHEMA metrics TO {role}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA metrics TO {role}",
    ]
