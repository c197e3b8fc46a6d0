"""Every field of config/ as Markdown tables, from the very models that read the files.

config/README.md holds these tables between its own words; a test compares the two.
"""

from datetime import time, timedelta
from enum import Enum

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from worker.domain.policy import DayWindow
from worker.settings.dunning_file import DunningFile
from worker.settings.duration_words import duration_words
from worker.settings.fields import Form
from worker.settings.notices_file import NoticesFile
from worker.settings.schedule_file import ScheduleFile
from worker.settings.sentences import allowed_words, inner_model
from worker.settings.sinks_file import SinksFile

FILES: dict[str, type[BaseModel]] = {
    "dunning.yaml": DunningFile,
    "notices.yaml": NoticesFile,
    "schedule.yaml": ScheduleFile,
    "sinks.yaml": SinksFile,
}


def fields_tables() -> dict[str, str]:
    """Return file name -> Markdown table of all its fields, the inner ones after their outer."""
    return {name: _table(model) for name, model in FILES.items()}


def _table(model: type[BaseModel]) -> str:
    rows = ["| field | meaning | written as | default | example |", "|---|---|---|---|---|"]
    return "\n".join(rows + _rows(model, ""))


def _rows(model: type[BaseModel], prefix: str) -> list[str]:
    rows: list[str] = []
    for field_name, info in model.model_fields.items():
        path = prefix + (info.alias or field_name)
        inner = inner_model(info.annotation)
        example = info.examples[0] if info.examples else ""
        meaning = " ".join((info.description or "").split())
        form, default = written_form(info, inner), written_default(info)
        rows.append(f"| `{path}` | {meaning} | {form} | {default} | `{example}` |")
        # The nine classes of decline share one shape, which is told once.
        if prefix.endswith("when_declined → "):
            continue
        if inner is not None:
            listed = "list" in str(info.annotation)
            rows += _rows(inner, f"{path}{' (each)' if listed else ''} → ")
            if field_name == "when_declined":
                first = inner_model(next(iter(inner.model_fields.values())).annotation)
                rows += _rows(first, f"{path} → (each class) → ") if first else []
    return rows


def written_form(info: FieldInfo, inner: type[BaseModel] | None) -> str:
    """Return how the field is written: its Form, its words, or what it holds."""
    forms = [part.text for part in _metadata(info) if isinstance(part, Form)]
    if forms:
        return forms[0]
    if inner is not None:
        return "a list of mappings" if "list" in str(info.annotation) else "a mapping"
    return " or ".join(f"`{word}`" for word in allowed_words(info.annotation))


def _metadata(info: FieldInfo) -> list[object]:
    """Return the Annotated parts of a field, also those inside `| None`."""
    parts = list(info.metadata)
    for argument in getattr(info.annotation, "__args__", ()):
        parts += getattr(argument, "__metadata__", ())
    return parts


def written_default(info: FieldInfo) -> str:
    """Return the default as it would be written."""
    if info.is_required():
        return "(required)"
    value = info.default
    if value is None or value == []:
        return "none"
    if isinstance(value, BaseModel):
        return "the defaults inside"
    return f"`{_written(info, value)}`"


def _written(info: FieldInfo, value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, list):
        return f"[{', '.join(_written(info, each) for each in value)}]"
    if isinstance(value, DayWindow):
        return f"{value.start:%H:%M} and {value.end:%H:%M}"
    if isinstance(value, bool):
        yes, no = written_form(info, None).replace("`", "").split(" or ")
        return yes if value else no
    if isinstance(value, time):
        return f"daily at {value:%H:%M}"
    if isinstance(value, timedelta):
        every = any(isinstance(part, Form) and "every" in part.text for part in info.metadata)
        return f"{'every ' if every else ''}{duration_words(value)}"
    if isinstance(value, int):
        form = next(part.text for part in info.metadata if isinstance(part, Form))
        return form.split(",")[0].replace("N", str(value), 1)
    return str(value)
