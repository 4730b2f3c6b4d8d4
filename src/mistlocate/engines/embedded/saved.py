"""Settings that were saved at run time, as the file of the store has them: read and dropped without the engine."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from mistlocate import jsontext
from mistlocate.engines.embedded.store_file import VERSION
from mistlocate.errors import StoreError

#: Module, setting, and what the setting is about (the id of a site).
Place = tuple[str, str, str]

ALL_SAVED = "SELECT module, name, value FROM saved_settings ORDER BY module, name"
ALL_ABOUT = "SELECT module, name, place FROM saved_about"


class Saved(NamedTuple):
    """A setting that was saved for a module. `value` is None if it is damaged; `about` is what it is about, empty
    where that is not known."""

    module: str
    name: str
    value: Any
    about: frozenset[str]


def saved_of(settings: Iterable[Any], places: Iterable[Any]) -> list[Saved]:
    """What the rows of `ALL_SAVED` and `ALL_ABOUT` say."""
    about: dict[tuple[str, str], set[str]] = {}
    for module, name, place in places:
        about.setdefault((str(module), str(name)), set()).add(str(place))
    return [
        Saved(str(module), str(name), _decoded(value), frozenset(about.get((str(module), str(name)), ())))
        for module, name, value in settings
    ]


def read(store: Path) -> list[Saved]:
    """Everything that was saved, while an engine runs or not; nothing if there is no store. Raises `StoreError`."""
    if not store.exists():
        return []
    try:
        with closing(sqlite3.connect(f"file:{quote(str(store.absolute()))}?mode=ro", uri=True)) as connection:
            connection.execute("PRAGMA busy_timeout = 5000")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                hint = "update mistlocate, or name another store"
                raise StoreError(f"the store {store} was written by a newer mistlocate", hint=hint)
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            settings = connection.execute(ALL_SAVED).fetchall() if "saved_settings" in tables else []
            # A store of an earlier version does not say what they are about.
            return saved_of(settings, connection.execute(ALL_ABOUT).fetchall() if "saved_about" in tables else [])
    except sqlite3.Error as error:
        raise StoreError(f"the store {store} cannot be read: {error}", hint="check the rights on it") from None


def drop(store: Path, module: str, name: str) -> None:
    """Give up a setting that was saved, for good.

    Raises `StoreError` if there is none, or an engine has the store open.
    """
    if not any(each[:2] == (module, name) for each in read(store)):
        raise StoreError(f"no setting {name} is saved for {module}", hint="`mistlocate saved` lists what there is")
    try:
        with closing(sqlite3.connect(store, isolation_level=None)) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            if not alone_with(connection):
                raise StoreError(f"{store} is in use", hint="stop the engine, drop it, and start it again")
            connection.execute("DELETE FROM saved_settings WHERE module = ? AND name = ?", (module, name))
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'saved_about'").fetchone():
                connection.execute("DELETE FROM saved_about WHERE module = ? AND name = ?", (module, name))
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StoreError(f"the store {store} cannot be written: {error}", hint="check the rights on it") from None


def alone_with(connection: sqlite3.Connection) -> bool:
    """Whether nobody else has this file open; if so a transaction has begun that keeps it so."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        # Leaving the write-ahead log is possible only to who is alone with the file; it is gone afterwards.
        (mode,) = connection.execute("PRAGMA journal_mode = DELETE").fetchone()
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        return False
    return bool(mode == "delete")


def _decoded(text: object) -> Any:
    try:
        return jsontext.loads(str(text))
    except ValueError:
        return None
