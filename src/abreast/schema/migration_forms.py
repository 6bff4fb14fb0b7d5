"""Older ways of writing an operation → today's, and where each part was written.

Older forms that pgroll's pages and examples have had: ``rename_column`` with ``column`` and ``name``;
``alter_column`` with ``name``, which renames; the columns of ``create_index`` as a list of names, as a mapping from
names to settings, and as a list with ``name`` for ``column``.
"""

from dataclasses import dataclass, field

from abreast.model.document import Path


@dataclass(frozen=True)
class Form:
    """An operation in today's form; ``written`` has the path in the file of what stands elsewhere now."""

    name: str
    value: object
    written: dict[Path, Path] = field(default_factory=dict)

    def in_file(self, path: Path) -> Path:
        """Where in the operation's value ``path`` of today's form was written."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.written:
                return self.written[path[:length]] + path[length:]
        return path


def todays(name: str, value: object) -> Form:
    """The operation ``name`` with ``value`` in today's form; what is not understood stays as it is."""
    if not isinstance(value, dict):
        return Form(name, value)
    if (name == "rename_column" and not {"from", "to"} & value.keys() and {"column", "name"} & value.keys()) or (
        name == "alter_column" and value.keys() == {"table", "column", "name"}
    ):
        new = {"column": "from", "name": "to"}
        renamed = {new.get(key, key): item for key, item in value.items()}
        return Form("rename_column", renamed, {(new[key],): (key,) for key in value if key in new})
    if name == "create_index" and "columns" in value:
        columns, written = _index_columns(value["columns"])
        return Form(name, {**value, "columns": columns}, written)
    return Form(name, value)


def _index_columns(found: object) -> tuple[object, dict[Path, Path]]:
    """The columns of an index as a list of mappings, with the paths that they had."""
    columns: list[object] = []
    written: dict[Path, Path] = {}
    if isinstance(found, dict) and not any(isinstance(item, dict) and "column" in item for item in found.values()):
        for index, (name, settings) in enumerate(found.items()):
            columns.append({"column": name, **settings} if isinstance(settings, dict) else settings)
            written["columns", index] = written["columns", index, "column"] = ("columns", name)
        return columns, written
    if not isinstance(found, list):
        return found, written
    for index, item in enumerate(found):
        if isinstance(item, str):
            columns.append({"column": item})
            written["columns", index, "column"] = ("columns", index)
        elif isinstance(item, dict) and "name" in item and "column" not in item:
            columns.append({"column" if key == "name" else key: value for key, value in item.items()})
            written["columns", index, "column"] = ("columns", index, "name")
        else:
            columns.append(item)
    return columns, written
