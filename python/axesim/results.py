# SPDX-License-Identifier: Apache-2.0
"""Results on disk: dicts and tables. Names carry their units; what was not measured is missing."""

import contextlib
import json
import pathlib
import sqlite3

import pandas

SCHEMA = "axesim.result/1"


def load_run(folder):
    """result.json of a run, as a dict (fields: reports/result.schema.json)."""
    path = pathlib.Path(folder) / "result.json"
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{path}: is no JSON: {error}") from error
    if not isinstance(result, dict) or result.get("schema") != SCHEMA:
        raise ValueError(f"{path}: is no result of axesim")
    return result


def load_layers(folder):
    """layers.csv of a run: a row an operation, with its name as the index."""
    return pandas.read_csv(pathlib.Path(folder) / "layers.csv", index_col="name")


def load_sweep(folder):
    """The table of a sweep: a row a point, with its name as the index; `error` of those that
    failed. A sweep that is still running has rows only for what is finished."""
    folder = pathlib.Path(folder)
    if (folder / "sweep.sqlite").exists():
        return _query(folder, "SELECT * FROM points ORDER BY rowid").set_index("point")
    return pandas.read_csv(folder / "sweep.csv", index_col="point")


def load_sweep_layers(folder):
    """The operations of all points of a sweep that is finished: columns `point`, `name` and those
    of layers.csv."""
    return _query(pathlib.Path(folder), "SELECT * FROM layers ORDER BY rowid")


def pareto_front(table, smaller, larger=()):
    """The rows that no other beats or equals in everything: columns `smaller` where less is better,
    `larger` where more is. Rows that lack one of them are left out."""
    costs = pandas.concat([table[list(smaller)], -table[list(larger)]], axis=1).astype(float)
    costs = costs.dropna()
    values = costs.to_numpy()

    def beaten(row):
        return ((values <= row).all(axis=1) & (values < row).any(axis=1)).any()

    return table.loc[[name for name, row in zip(costs.index, values) if not beaten(row)]]


def _query(folder, sql):
    # Read-only: a folder that is no sweep's must not get an empty database.
    path = (folder / "sweep.sqlite").resolve()
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        return pandas.read_sql_query(sql, database)
