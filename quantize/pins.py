"""Exactly what the conversion toolkit is made of."""

from __future__ import annotations

from typing import Any

ENGINE_PACKAGE, ENGINE_VERSION = "llama-cpp-python", "0.3.36"
SOURCE_SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
# As the converter's own requirements say (requirements-convert_hf_to_gguf.txt of that source), but
# for torch, of which it takes any newer one too.
REQUIREMENTS = (
    "torch==2.13.0",
    "transformers==4.57.6",
    "sentencepiece==0.2.3",
    "safetensors==0.8.0",
    "numpy==2.2.6",
    "protobuf==7.36.2",
)
# What those ask for, so that tomorrow's toolkit is today's.
CONSTRAINTS = (
    "certifi==2026.10.19.post1",
    "charset-normalizer==3.5.3",
    "filelock==4.3.1",
    "fsspec==2026.9.0",
    "hf-xet==1.8.0",
    "huggingface-hub==0.36.2",
    "idna==3.20",
    "jinja2==3.1.6",
    "markupsafe==3.0.4",
    "mpmath==1.3.0",
    "networkx==3.6.1",
    "packaging==26.4",
    "pyyaml==6.0.4",
    "regex==2026.11.19",
    "requests==2.34.2",
    "setuptools==84.2.1",
    "sympy==1.14.0",
    "tokenizers==0.22.2",
    "tqdm==4.70.1",
    "typing-extensions==4.16.0",
    "urllib3==2.8.0",
)
# Versions of Python for which all of those have wheels; another one makes uv look for 3.12.
PYTHONS = ((3, 11), (3, 12), (3, 13))


def pins() -> dict[str, Any]:
    """What makes two toolkits the same."""
    return {
        "engine": ENGINE_VERSION,
        "source_sha256": SOURCE_SHA256,
        "packages": [*REQUIREMENTS, *CONSTRAINTS],
    }
