"""What `dunning sinks` prints."""

from worker.cli.data_dir import View, reading_environment
from worker.cli.tables import columns, print_json_lines
from worker.domain.sinks import SinkState
from worker.office.words import OfficeWords, json_instant
from worker.settings.load_sinks import load_sinks

HEADING = ("sink", "goes to", "position", "waiting", "last sent", "state")


def show_sinks(view: View, *, as_json: bool) -> None:
    """Print every sink of sinks.yaml, and those that ran once. Raises: ConfigError."""
    ways = {
        rules.name: rules.url.split("?")[0] or rules.folder
        for rules in load_sinks(reading_environment().config_dir)
    }
    with view.ledger.begin() as tx:
        head = tx.chain.head().position
        known = {state.name: state for state in tx.sinks.states()}
    states = [known.get(name, SinkState(name)) for name in sorted(ways.keys() | known.keys())]
    if as_json:
        print_json_lines(_json(state, ways.get(state.name), head) for state in states)
        return
    if not states:
        print("No sink is configured: config/sinks.yaml.")
        return
    rows = [_row(state, ways.get(state.name), head, view.words) for state in states]
    columns(rows, heading=HEADING, right=(2, 3))


def _row(state: SinkState, way: str | None, head: int, words: OfficeWords) -> tuple[str, ...]:
    sent = words.moment(state.sent_at) if state.sent_at is not None else "never"
    return (
        state.name,
        way or "not in sinks.yaml any more",
        str(state.position),
        str(max(0, head - state.position)),
        sent,
        _said(state, words),
    )


def _said(state: SinkState, words: OfficeWords) -> str:
    if not state.failures:
        return "ok" if state.sent_at is not None else "not begun"
    again = f", again {words.moment(state.retry_at)}" if state.retry_at is not None else ""
    return f"failed {state.failures} times: {state.last_error}{again}"


def _json(state: SinkState, way: str | None, head: int) -> dict[str, object]:
    return {
        "sink": state.name,
        "goes_to": way,
        "position": state.position,
        "waiting": max(0, head - state.position),
        "sent_at": json_instant(state.sent_at),
        "failures": state.failures,
        "last_error": state.last_error,
        "retry_at": json_instant(state.retry_at),
    }
