"""Calls about quantizing: what it would take, the types there are, recipes under names."""

from __future__ import annotations

from urllib.parse import quote

from desktop.core.client.transport import Json, Transport

_RECIPES = "/quantize/recipes"
_PLAN_SECONDS = 120.0  # a dry run for each file; a text may be cut into tokens, the hub be asked


class QuantCalls(Transport):
    """The part of the client that plans quantized files."""

    def quant_plan(self, params: Json) -> Json:
        """What a job "quantize" with these parameters would make and take."""
        return self._post("/quantize/plan", params, _PLAN_SECONDS)

    def quant_types(self) -> list[Json]:
        """This build's types: [{"name", "bits_per_weight", "needs_imatrix", "text"}]."""
        found: list[Json] = self.call("GET", "/quantize/types")["types"]
        return found

    def quant_recipes(self) -> list[Json]:
        """The saved ones by name: [{"name", "recipe"}]."""
        found: list[Json] = self.call("GET", _RECIPES)["recipes"]
        return found

    def save_quant_recipe(self, name: str, recipe: Json, *, replace: bool = False) -> Json:
        """Save a recipe; one of the same name only gives way with `replace`.

        Raises:
            AppError: RECIPE_EXISTS; SETTING_INVALID for what the engine does not make.
        """
        return self.call("PUT", _recipe(name), {"recipe": recipe, "replace": replace})

    def remove_quant_recipe(self, name: str) -> Json:
        """Raises:
        AppError: RECIPE_NOT_FOUND.
        """
        return self.call("DELETE", _recipe(name))


def _recipe(name: str) -> str:
    return f"{_RECIPES}/{quote(name, safe='')}"
