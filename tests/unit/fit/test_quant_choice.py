"""Which quantized file is recommended, from what was measured of each."""

from __future__ import annotations

import pytest

from desktop.core.fit.quant_choice import Measured, advise
from desktop.core.notices import notice


def file(label: str, gib: float, kld: float, speed: float, *, fits: bool = True) -> Measured:
    """Its interval is a twentieth on each side."""
    size = round(gib * 2**30)
    return Measured(f"/m/{label}.gguf", label, size, kld, kld * 0.95, kld * 1.05, speed, fits)


Q8 = file("Q8_0", 8, 0.0014, 12)
Q5 = file("Q5_K_M", 5.4, 0.011, 17)
Q4 = file("Q4_K_M", 4.6, 0.03, 20)
XS = file("IQ4_XS", 4.2, 0.0305, 19)
Q2 = file("Q2_K", 3, 0.4, 30)


@pytest.mark.parametrize(
    ("files", "label", "code"),
    [
        # Q8_0 is too slow: of the others Q5_K_M loses least, told apart from Q4_K_M.
        ([Q8, Q5, Q4, Q2], "Q5_K_M", "quant_best"),
        # 0.03 and 0.0305 overlap: the smaller one, though its mean is the greater.
        ([Q8, Q4, XS, Q2], "IQ4_XS", "quant_equal"),
        # Both lose next to nothing, told apart or not.
        ([file("Q8_0", 8, 0.0014, 20), file("Q6_K", 6.1, 0.0055, 20), Q4], "Q6_K",
         "quant_unnoticed"),
        # None is fast enough: the fastest that does not lose much.
        ([Q8, file("Q4_K_M", 4.6, 0.03, 14), file("Q2_K", 3, 0.4, 14.5)], "Q4_K_M", "quant_slow"),
        ([Q2, file("IQ1_S", 2, 2.5, 40)], "Q2_K", "quant_lossy"),
        ([file("Q8_0", 8, 0.001, 40, fits=False), Q4], "Q4_K_M", "quant_best"),
        ([file("Q8_0", 8, 0.001, 40, fits=False), file("Q4_0", 4, 0.05, 40, fits=False)], "Q4_0",
         "quant_too_large"),
    ],
)  # fmt: skip
def test_the_rule(files: list[Measured], label: str, code: str) -> None:
    advice = advise(files)
    assert advice is not None
    assert (advice["label"], advice["code"]) == (label, code)
    assert advice["path"] == f"/m/{label}.gguf"
    words = notice(advice["code"], **advice["params"]).text
    assert label in words and "{" not in words


def test_what_is_alike_is_named() -> None:
    advice = advise([Q4, XS, Q2])
    assert advice is not None and advice["params"]["others"] == "Q4_K_M"
    assert advise([]) is None


def test_what_is_fast_enough_can_be_wished() -> None:
    advice = advise([Q8, Q4], wished=10)
    assert advice is not None and advice["label"] == "Q8_0"
