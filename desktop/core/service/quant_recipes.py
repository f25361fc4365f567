"""Recipes for quantized files under names of the person's own, in the database."""

from __future__ import annotations

import json
import time
from typing import Any

from desktop.core.db import Database
from desktop.core.errors import AppError, ErrorCode

Json = dict[str, Any]


class QuantRecipes:
    """Recipes by name; case does not matter, because it does not in some file systems."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Json]:
        """[{"name", "recipe"}], by name."""
        rows = self._database.query(
            "SELECT name, recipe FROM quant_recipes ORDER BY name COLLATE NOCASE"
        )
        return [{"name": row["name"], "recipe": json.loads(row["recipe"])} for row in rows]

    def put(self, name: str, recipe: Json, *, replace: bool) -> None:
        """Store a recipe.

        Raises:
            AppError: RECIPE_EXISTS, where there is one of this name and it is not to be replaced.
        """
        with self._database.transaction() as connection:
            there = connection.execute("SELECT name FROM quant_recipes WHERE name = ?", (name,))
            known = there.fetchone()
            if known is not None and not replace:
                raise AppError(ErrorCode.RECIPE_EXISTS, recipe=known["name"])
            connection.execute(
                "INSERT OR REPLACE INTO quant_recipes (name, recipe, updated) VALUES (?, ?, ?)",
                (name, json.dumps(recipe), time.time()),
            )

    def remove(self, name: str) -> str:
        """Forget a recipe; returns its name as it was written.

        Raises:
            AppError: RECIPE_NOT_FOUND.
        """
        with self._database.transaction() as connection:
            there = connection.execute("SELECT name FROM quant_recipes WHERE name = ?", (name,))
            known = there.fetchone()
            if known is None:
                raise AppError(ErrorCode.RECIPE_NOT_FOUND, recipe=name)
            connection.execute("DELETE FROM quant_recipes WHERE name = ?", (name,))
        return str(known["name"])
