"""What was measured before: calibrations and real runs, and how they change what is predicted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop.core.db import Database
from desktop.core.engine.flags import LoadSettings
from desktop.core.engine.runtime import EngineDevice
from desktop.core.fit.speed import DeviceSpeed, SpeedFigure, Speeds
from desktop.core.fit.speed_book import (
    KEPT_RUNS,
    Calibration,
    Run,
    SpeedBook,
    SpeedStore,
    settings_key,
)
from desktop.core.fit.speed_predict import (
    Asked,
    Predictor,
    build_of,
    cpu_device,
    predictor_of,
    speeds_of,
)
from desktop.core.fit.speed_work import Portion, Work
from desktop.core.hardware.cpu import CpuInfo
from desktop.core.hardware.known import KnownGpu, known_gpus
from desktop.core.paths import Paths, paths
from tests.unit.bench import fakes

SPEED = DeviceSpeed(
    build="0.5.0 0c1e570",
    backend="cpu",
    device="A CPU × 4",
    memory=((1.0, 1e-10),),
    decode={"Q4_K": 0.0},
    prefill={"Q4_K": 1e-11},
    attention={"f16": 1e-10},
    spread_decode=0.2,
    spread_prefill=0.3,
)
SETTINGS = LoadSettings(threads=4)
PLACE = (SPEED.build, "cpu", "A CPU × 4")


def work(size: float = 1e8) -> Work:
    portion = Portion("CPU", read_bytes={"Q4_K": size}, held_bytes=size, macs={"Q4_K": size * 1.8})
    return Work((portion,), "f16")


def run(**values: Any) -> Run:
    given: dict[str, Any] = {
        "build": SPEED.build,
        "backend": "cpu",
        "device": "A CPU × 4",
        "fingerprint": "quick-1",
        "architecture": "llama",
        "settings": settings_key(SETTINGS),
        "test": "decode",
        "tokens": 64,
        "depth": 100,
        "real": 80.0,
        "base": 100.0,
        "predicted": SpeedFigure(100.0, 80.0, 125.0, "calibrated"),
        **values,
    }
    return Run(**given)


@pytest.fixture
def database(own_environment: Path) -> Iterator[Database]:
    where = paths().ensure()
    opened = Database(where.database, where.backups)
    yield opened
    opened.close()


# --- keeping


def test_what_is_stored_is_read_back_by_everyone(database: Database) -> None:
    store = SpeedStore(database)
    store.keep(SPEED)
    store.add([run(), run(test="prefill", real=500.0, predicted=None, base=None)])
    where: Paths = paths()
    for book in (store.book(), SpeedBook.open(where)):
        found = book.calibration(*PLACE)
        assert found is not None
        assert found.speed == SPEED
        assert [(each.test, each.real) for each in book.runs] == [
            ("decode", 80.0),
            ("prefill", 500.0),
        ]
        assert book.runs[0].predicted == SpeedFigure(100.0, 80.0, 125.0, "calibrated")
        assert book.runs[1].predicted is None


def test_without_a_database_nothing_is_known(own_environment: Path) -> None:
    book = SpeedBook.open(paths())
    assert book.runs == ()
    assert book.calibrations == ()


def test_a_calibration_replaces_the_older_one_of_its_build(database: Database) -> None:
    store = SpeedStore(database)
    store.keep(SPEED)
    store.keep(replace(SPEED, layer=1.0))
    store.keep(replace(SPEED, build="0.6.0 beef", layer=2.0))
    book = store.book()
    assert len(book.calibrations) == 2
    own = book.calibration(*PLACE)
    other = book.calibration("0.7.0 cafe", "cpu", "A CPU × 4")
    assert own is not None and own.speed.layer == 1.0
    assert other is not None and other.speed.layer == 2.0
    assert book.calibration(SPEED.build, "cuda", "A CPU × 4") is None


def test_a_calibration_nobody_understands_is_left_out(database: Database) -> None:
    SpeedStore(database).keep(SPEED)
    database.execute("UPDATE calibrations SET document = '{\"memory\": 3}'")
    assert SpeedStore(database).book().calibrations == ()


def test_old_runs_are_forgotten(database: Database) -> None:
    store = SpeedStore(database)
    store.add([run(depth=n) for n in range(KEPT_RUNS)])
    store.add([run(depth=-1), run(depth=-2)])
    (count,) = database.query("SELECT COUNT(*), MIN(depth) FROM generations")
    assert tuple(count) == (KEPT_RUNS, -2)
    first = database.query("SELECT depth FROM generations ORDER BY id LIMIT 1")[0][0]
    assert first == 2


def test_settings_that_do_not_change_the_speed_do_not_count() -> None:
    assert settings_key(SETTINGS) == settings_key(replace(SETTINGS, context_tokens=99, slots=4))
    assert settings_key(SETTINGS) != settings_key(replace(SETTINGS, kv_type_k="q8_0"))
    assert settings_key(SETTINGS) != settings_key(replace(SETTINGS, experts_on_cpu=True))


# --- predicting with it


def predictor(*runs: Run) -> Predictor:
    devices = {"CPU": ("cpu", SPEED.device)}
    return Predictor(Speeds({"CPU": SPEED}), SpeedBook((), runs), SPEED.build, devices)


def shown(of: Predictor, **options: Any) -> SpeedFigure:
    found = of.predict(Asked(work(), **{"architecture": "llama", **options}))
    assert found is not None
    return found.shown


def test_without_runs_the_calibration_speaks() -> None:
    found = shown(predictor())
    assert found == SpeedFigure(pytest.approx(100), pytest.approx(100 / 1.2), 120, "calibrated")  # type: ignore[arg-type]


def test_a_models_own_run_replaces_the_prediction() -> None:
    mine = {"model": "quick-1", "settings": SETTINGS}
    found = shown(predictor(run(real=70.0)), depth=100, **mine)
    assert found.source == "measured"
    assert found.value == pytest.approx(70)
    assert found.high / found.low < 1.2 * 1.2


def test_several_runs_of_a_model_are_judged_by_their_median() -> None:
    runs = [run(real=real) for real in (70.0, 71.0, 20.0)]
    found = shown(predictor(*runs), depth=100, model="quick-1", settings=SETTINGS)
    assert found.value == pytest.approx(70)


def test_far_from_what_was_measured_it_is_a_prediction_again() -> None:
    mine = {"model": "quick-1", "settings": SETTINGS}
    found = shown(predictor(run(real=70.0, depth=100)), depth=20_000, **mine)
    assert found.source == "calibrated"
    assert found.value == pytest.approx(70)  # brought there by the model, corrected by the run
    near = shown(predictor(run(real=70.0, depth=100)), depth=300, **mine)
    assert found.high / found.low > near.high / near.low


def test_a_run_counts_by_what_it_really_was_whatever_was_predicted_then() -> None:
    mine = {"model": "quick-1", "settings": SETTINGS}
    for base in (None, 10.0, 1000.0):  # from a time before calibration, or of another one
        found = shown(predictor(run(real=70.0, base=base)), depth=100, **mine)
        assert found.value == pytest.approx(70)
        assert found.source == "measured"


def test_runs_before_the_calibration_correct_nobody_else() -> None:
    runs = [run(fingerprint=f"quick-{n}", real=50.0, created=100.0 + n) for n in range(6)]
    devices = {"CPU": ("cpu", SPEED.device)}

    def after(created: float) -> float:
        book = SpeedBook([Calibration(SPEED, created)], runs)
        found = Predictor(Speeds({"CPU": SPEED}), book, SPEED.build, devices)
        return shown(found).value

    assert after(50.0) < 60
    assert after(200.0) == pytest.approx(100)


def test_other_settings_are_not_measured() -> None:
    other = replace(SETTINGS, kv_type_k="q8_0")
    found = shown(predictor(run(real=50.0)), depth=100, model="quick-1", settings=other)
    assert found.source == "calibrated"
    assert 50 < found.value < 100  # half of what its kin showed is believed


def test_kin_correct_each_other_and_strangers_do_not() -> None:
    runs = [run(fingerprint=f"quick-{n}", real=80.0 + n) for n in range(5)]
    kin = shown(predictor(*runs), model="new", settings=SETTINGS)
    assert kin.source == "calibrated"
    assert kin.value == pytest.approx(100 * 0.82 ** (5 / 6), rel=0.01)
    assert kin.high / kin.value < 1.2  # they agree: the band is narrower than without them
    assert shown(predictor(*runs), architecture="gemma3").value == pytest.approx(100)
    elsewhere = [replace(each, device="Another") for each in runs]
    assert shown(predictor(*elsewhere)).value == pytest.approx(100)


def test_a_model_used_often_counts_once_and_nothing_is_corrected_beyond_two() -> None:
    often = [run(fingerprint="a", real=400.0) for _ in range(50)]
    once = [run(fingerprint=f"b{n}", real=100.0) for n in range(3)]
    assert shown(predictor(*often, *once)).value == pytest.approx(100, rel=0.01)
    odd = [run(fingerprint=f"c{n}", real=1000.0) for n in range(50)]
    assert shown(predictor(*odd)).value == pytest.approx(200, rel=0.01)


def test_runs_with_flags_of_a_profile_correct_nobody() -> None:
    key = settings_key(replace(SETTINGS, extra=("--draft-max", "8")))
    assert shown(predictor(run(settings=key, real=300.0))).value == pytest.approx(100)


def test_a_prompts_speed_is_learned_apart() -> None:
    of = predictor(run(test="prefill", tokens=512, depth=0, real=20.0, base=40.0))
    base = Speeds({"CPU": SPEED}).prefill(work(), 512)
    found = of.predict(Asked(work(), "llama", "prefill", model="quick-1", settings=SETTINGS))
    assert found is not None and base is not None
    assert found.shown.source == "measured"
    assert found.shown.value == pytest.approx(20.0)
    assert found.base == base
    assert shown(of).value == pytest.approx(100)


# --- which figures a machine starts from

CPU = CpuInfo("A CPU", "x86_64", 4, 8, 8, usable_physical_cores=4)
GPU = EngineDevice("CUDA0", "NVIDIA GeForce RTX 4090", "cuda", 24 << 30, 23 << 30)


def known(name: str) -> KnownGpu | None:
    return next((gpu for gpu in known_gpus().gpus if gpu.name in name), None)


def test_calibrated_before_seeded_and_this_build_before_another() -> None:
    runtime = fakes.runtime(devices=(GPU,))
    speed = replace(SPEED, build=build_of(runtime), device=cpu_device(CPU))
    here = SpeedBook([Calibration(speed, 1.0)])
    found = speeds_of(here, runtime, CPU, bandwidth_gb_per_second=50.0, known=known).devices
    assert found["CPU"] == speed
    assert found["CUDA0"].source == "seed_table"
    later = fakes.runtime("beef")
    older = speeds_of(here, later, CPU, bandwidth_gb_per_second=50.0).devices["CPU"]
    assert older.source == "calibrated"
    assert older.spread_decode > speed.spread_decode
    nothing = SpeedBook()
    assert speeds_of(nothing, runtime, CPU, bandwidth_gb_per_second=None).devices == {}
    seed = speeds_of(nothing, runtime, CPU, bandwidth_gb_per_second=50.0).devices["CPU"]
    assert seed.source == "seed_table"


def test_runs_are_kept_under_the_devices_own_names() -> None:
    runtime = fakes.runtime(devices=(GPU,))
    of = predictor_of(SpeedBook(), runtime, CPU, bandwidth_gb_per_second=None, known=known)
    assert of.place(work()) == (build_of(runtime), "cpu", "A CPU × 4")
    on_gpu = Work((replace(work().portions[0], device="CUDA0"),), "f16")
    assert of.place(on_gpu) == (build_of(runtime), "cuda", "NVIDIA GeForce RTX 4090")
    assert of.place(Work((Portion("Vulkan3"),), "f16")) is None
