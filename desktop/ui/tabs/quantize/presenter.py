"""What the Quantize page tells: models, types, the plan of what is wanted, and starting it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.core.client.client import Client
from desktop.core.errors import AppError, ErrorCode
from desktop.ui import units
from desktop.ui.context import Context
from desktop.ui.messages import message
from desktop.ui.tabs.quantize import words
from desktop.ui.tabs.quantize.jobs import JobBoard
from desktop.ui.tabs.quantize.made import MadeFiles
from desktop.ui.tabs.quantize.wish import WHOLE, Source, Wish

Json = dict[str, Any]
_PLAN_MS = 300  # hands rest for so long before the service is asked


class QuantizePresenter(QObject):
    """Signals: a part changed; read it from the attribute of that name.

    Attributes:
        models: of the library those that files can be made of, the best source first; None while
            they are asked for the first time.
        types: this build's types as `Client.quant_types` has them; None while they are asked for.
        recipes: the saved ones: {"name", "recipe"}.
        plan: what `wish` would make, as `Client.quant_plan` has it; None while it is not known.
        problem: why it cannot be planned.
        planning: whether the service is asked for a plan, or is about to be.
        failure: why the last start, or the last job, failed.
    """

    models_changed = Signal()
    types_changed = Signal()
    recipes_changed = Signal()
    plan_changed = Signal()
    failure_changed = Signal()

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self.board = JobBoard(context, self)
        self.made = MadeFiles(context, self)
        self.wish = Wish()
        self.models: list[Json] | None = None
        self.types: list[Json] | None = None
        self.recipes: list[Json] = []
        self.plan: Json | None = None
        self.problem: AppError | None = None
        self.planning = False
        self.failure: AppError | None = None
        self._asked = 0  # the number of the latest question for a plan
        self._starting = False
        self._shown = False
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_PLAN_MS)
        self._rest.timeout.connect(self._on_rested)
        self.board.ended.connect(self._on_job_ended)
        context.state.recipes_changed.connect(self.read_recipes)
        context.state.library_changed.connect(self.read_models)
        context.state.online_changed.connect(self._on_online_changed)

    def read(self) -> None:
        """Ask for all that the page shows; where nobody answers yet, as soon as somebody does."""
        self._shown = True
        self.read_models()
        self.board.read()
        if self._context.state.online:
            if self.types is None:
                self._context.ask(Client.quant_types, self._on_types_read)
            self.read_recipes()

    def read_models(self) -> None:
        if self._context.state.online:
            self._context.ask(Client.models, self._on_models_read)

    def _on_models_read(self, models: list[Json]) -> None:
        found = [
            each
            for each in models
            if each["kind"] == "model" and not each["broken"] and not each["variant_of"]
        ]
        self.models = sorted(found, key=_rank)
        self.models_changed.emit()

    def _on_types_read(self, types: list[Json]) -> None:
        self.types = types
        self.types_changed.emit()

    def _on_recipes_read(self, recipes: list[Json]) -> None:
        self.recipes = recipes
        self.recipes_changed.emit()

    def _on_online_changed(self) -> None:
        if not self._context.state.online:
            self._asked += 1  # whoever answers now is another service
            self.planning = False
            self._rest.stop()
        elif self._shown:
            self.types = None  # of another build, perhaps
            self.read()
            self._ask_later()
        self.plan_changed.emit()

    # --- the plan -------------------------------------------------------------------------------

    def want(self, wish: Wish) -> None:
        """Plan this, as soon as nothing was changed for a moment."""
        if wish != self.wish:
            planned_before = self.wish.plan_params()
            self.wish = wish
            if wish.plan_params() != planned_before or self.plan is None:
                self._ask_later()
            self.plan_changed.emit()

    def _ask_later(self) -> None:
        self._asked += 1
        self.planning = self.wish.plannable and self._context.state.online
        if self.planning:
            self._rest.start()
        else:
            self._rest.stop()
            self.plan, self.problem = None, None

    def _on_rested(self) -> None:
        number, params = self._asked, self.wish.plan_params()

        def done(plan: Json) -> None:
            if number == self._asked:
                self._planned(plan, None)

        def failed(error: AppError) -> None:
            if number == self._asked:
                self._planned(None, error)

        self._context.ask(lambda client: client.quant_plan(params), done, failed)

    def _planned(self, plan: Json | None, problem: AppError | None) -> None:
        self.plan, self.problem, self.planning = plan, problem, False
        self.plan_changed.emit()

    @property
    def quantized(self) -> bool:
        """Whether the source's weights were quantized before, as far as is known."""
        if self.plan is not None and not self.planning:
            return bool((self.plan.get("source") or {}).get("quantized"))
        model = self.model_of(self.wish.source.path) if self.wish.source.kind == "library" else None
        return model is not None and model["quant_type"] not in WHOLE

    @property
    def pickled(self) -> bool:
        """Whether the checkpoint's weights are in pickles, and nobody agreed to reading them."""
        doubts = [] if self.plan is None or self.planning else self.plan["warnings"]
        return any(each["code"] == ErrorCode.CHECKPOINT_PICKLED for each in doubts)

    def model_of(self, path: str) -> Json | None:
        return next((each for each in self.models or () if each["path"] == path), None)

    def kin(self) -> list[Json]:
        """Other files of the source's model in the library: of one shape, with fewer bits."""
        source = self.wish.source
        own = (self.plan or {}).get("source") or {}
        if not source.checkpoint:
            own = self.model_of(source.path) or own
        shape = (own.get("architecture"), own.get("parameters"))
        if None in shape:
            return []
        return [
            each
            for each in self.models or ()
            if (each["architecture"], each["parameters"]) == shape
            and each["path"] != source.path
            and each["quant_type"] not in WHOLE
        ]

    @property
    def needing_matrix(self) -> list[str]:
        """Of the wanted types those that cannot be made without a matrix."""
        needy = {each["name"] for each in self.types or () if each["needs_imatrix"]}
        return [name for name in dict.fromkeys(self.wish.types.quant_types) if name in needy]

    def missing(self) -> tuple[str, dict[str, str]] | None:
        """Why nothing can be started, as a code of `words.missing`; None where all is there."""
        wish, plan = self.wish, self.plan
        for code, wrong in (
            ("offline", not self._context.state.online),
            ("source", not wish.source.chosen),
            ("target_checkpoint", wish.types.target is not None and wish.source.checkpoint),
            ("types", wish.types.target is None and not wish.types.quant_types),
            ("matrix", not wish.matrix.given),
            ("text", wish.evaluation.on and not wish.evaluation.text.given),
        ):
            if wrong:
                return code, {}
        if wish.matrix.kind == "none" and self.needing_matrix and wish.types.target is None:
            return "matrix_needed", {"types": ", ".join(self.needing_matrix)}
        if self.pickled:
            return "pickle", {}
        if self.planning:
            return "planning", {}
        return self._missing_of_plan(plan)

    def _missing_of_plan(self, plan: Json | None) -> tuple[str, dict[str, str]] | None:
        if self.problem is not None:
            return "problem", {"title": message(self.problem).title}
        if plan is None:
            return "planning", {}
        if self.quantized and not self.wish.source.again:
            return "again", {}
        if self.existing and not self.wish.output.replace:
            return "replace", {}
        need, free = plan.get("disk_bytes"), plan.get("disk_free_bytes")
        searching = self.wish.types.target is not None  # it keeps one file of those planned
        if need and free is not None and need > free and not searching:
            return "room", {"need": units.size(need), "free": units.size(free)}
        blocking = [words.doubt(each).title for each in plan["warnings"] if words.blocks(each)]
        return ("problem", {"title": blocking[0]}) if blocking and not searching else None

    @property
    def existing(self) -> list[str]:
        """Names of the planned files that exist already."""
        if self.plan is None or self.wish.types.target is not None:
            return []
        return [str(each["path"]) for each in self.plan["outputs"] if each.get("exists")]

    # --- starting -------------------------------------------------------------------------------

    def default_folder(self, source: Source) -> str:
        """Beside the source where that is a file in a folder of the person's own; else in a folder
        of Paddock's, since caches and other programs' folders are not ours to write to."""
        model = self.model_of(source.path) if source.kind == "library" else None
        own = model is not None and model["source"] == "folder" and not model["app"]
        if source.path and (own or source.kind == "file"):
            return str(Path(source.path).parent)
        return self.made.own_folder

    def start(self) -> None:
        if self._starting or self.missing() is not None:
            return
        self._starting = True
        self.set_failure(None)
        kind, params = self.wish.kind, self.wish.params()

        def done(job: Json) -> None:
            self._starting = False

        def failed(error: AppError) -> None:
            self._starting = False
            self.set_failure(error)

        self._context.ask(lambda client: client.submit(kind, params), done, failed)

    def set_failure(self, error: AppError | None) -> None:
        self.failure = error
        self.failure_changed.emit()

    def _on_job_ended(self, job: Json) -> None:
        if job["state"] == "failed":
            self.set_failure(AppError.from_dict(job["error"]))
        elif job["state"] == "done":
            self.made.tell(job)
        else:
            self._context.toast(self.tr("Stopped. Files that are whole are kept."))
        if self._shown:
            self._ask_later()  # files exist now, and the disk has less room
            self.plan_changed.emit()

    # --- recipes --------------------------------------------------------------------------------

    def read_recipes(self) -> None:
        if self._shown and self._context.state.online:
            self._context.ask(Client.quant_recipes, self._on_recipes_read)

    def save_recipe(self, name: str, recipe: Json, replace: bool = False) -> None:
        """One of the same name is replaced only where a person says so."""

        def done(saved: Json) -> None:
            self._context.toast(self.tr("Saved as “{name}”.").format(name=name), "check")

        def failed(error: AppError) -> None:
            if error.code is not ErrorCode.RECIPE_EXISTS:
                self._context.show_error(error)
                return
            text = self.tr("There is a recipe called “{name}” already.").format(name=name)
            again = (self.tr("Replace it"), lambda: self.save_recipe(name, recipe, True))
            self._context.toast(text, "info", again)

        self._context.ask(
            lambda client: client.save_quant_recipe(name, recipe, replace=replace), done, failed
        )

    def remove_recipe(self, name: str) -> None:
        """It can be had back for a moment."""
        gone = next((each["recipe"] for each in self.recipes if each["name"] == name), None)

        def done(removed: Json) -> None:
            back = (self.tr("Undo"), lambda: self.save_recipe(name, gone or {}))
            self._context.toast(self.tr("“{name}” was removed.").format(name=name), "check", back)

        self._context.ask(lambda client: client.remove_quant_recipe(name), done)


def _rank(model: Json) -> tuple[bool, float, str]:
    """Whole weights first, then those with more bits, then by name."""
    whole = model["quant_type"] in WHOLE
    return not whole, -(model["bits_per_weight"] or 0.0), str(model["id"]).lower()
