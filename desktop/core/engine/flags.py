"""From settings to llama-server's command line, and the settings a model gets by default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from math import isfinite
from pathlib import Path
from typing import Any

from desktop.core.engine.runtime import Runtime
from desktop.core.errors import AppError, ErrorCode

KV_TYPES = ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")
SPLIT_MODES = ("layer", "row", "none", "tensor")
MOST_DEVICES = 16  # llama_max_devices of src/llama.cpp
DEFAULT_CONTEXT = 32_768
UNKNOWN_CONTEXT = 4_096  # where a model does not say what it was trained for
SMALLEST_CONTEXT = 512
_MIB = 1 << 20
_GIB = 1 << 30

# Speculation from the text itself (`--spec-type`), and how many tokens each kind proposes at most;
# a draft model proposes DRAFTED_TOKENS (common/common.h of llama.cpp 0c1e570).
NGRAM_TOKENS = {"ngram-mod": 64, "ngram-simple": 48, "ngram-map-k": 48, "ngram-map-k4v": 48}
NGRAM_DEFAULT = "ngram-mod"  # what `--spec-default` chooses
DRAFTED_TOKENS = 3


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter and how strongly it works; 0 is loaded and has no effect."""

    path: str
    scale: float = 1.0


@dataclass(frozen=True)
class LoadSettings:
    """How a model is loaded.

    Attributes:
        context_tokens: per request; the engine gets this times `slots`.
        gpu_layers: layers on the GPU; None lets the engine place what fits.
        device: the engine's name of a device ("CUDA0"), several with commas, "none" for the CPU.
        experts_on_cpu: all experts (True), those of the first N layers (a number), or none.
        split_mode: how several GPUs share a model, one of `SPLIT_MODES`; None: "layer".
        tensor_split: each GPU's share, in the order of the devices; empty: by free memory. With it
            the engine puts all layers on GPUs where `gpu_layers` does not say how many.
        mmproj: the projector's file.
        embedding: it makes vectors, or (with `ranking`) scores, and no text.
        cache_ram_bytes: bound of the engine's own prompt cache in host memory.
        adapters: LoRA adapters, applied together.
        draft: file of a small model that proposes tokens; `draft_gpu_layers` as `gpu_layers`.
        ngram: the kind of speculation from the text itself, one of `NGRAM_TOKENS`.
        chat_template: file of a Jinja template used in place of the model's own.
        extra: further arguments for the engine, from a profile.
    """

    context_tokens: int = 4096
    slots: int = 1
    kv_type_k: str = "f16"
    kv_type_v: str = "f16"
    gpu_layers: int | None = None
    device: str | None = None
    ubatch: int = 512
    batch: int = 2048
    threads: int | None = None
    flash_attention: str = "auto"
    experts_on_cpu: bool | int = False
    mmproj: str | None = None
    embedding: bool = False
    ranking: bool = False
    cache_ram_bytes: int = 0
    adapters: tuple[Adapter, ...] = ()
    draft: str | None = None
    draft_gpu_layers: int | None = None
    ngram: str | None = None
    split_mode: str | None = None
    tensor_split: tuple[float, ...] = ()
    chat_template: str | None = None
    extra: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        adapters = [asdict(adapter) for adapter in self.adapters]
        split = list(self.tensor_split)
        return {
            **asdict(self),
            "extra": list(self.extra),
            "adapters": adapters,
            "tensor_split": split,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LoadSettings:
        """The inverse of `to_dict`; keys of a newer version are left out."""
        known = {f.name for f in fields(cls)}
        kept = {name: value for name, value in data.items() if name in known}
        if "extra" in kept:
            kept["extra"] = tuple(str(part) for part in kept["extra"])
        if "tensor_split" in kept:
            kept["tensor_split"] = tuple(float(share) for share in kept["tensor_split"])
        if "adapters" in kept:
            kept["adapters"] = tuple(
                Adapter(str(each["path"]), float(each["scale"])) for each in kept["adapters"]
            )
        return cls(**kept)

    @property
    def total_context(self) -> int:
        return self.context_tokens * self.slots

    @property
    def proposed_tokens(self) -> int:
        """How many tokens speculation proposes at most, which are then checked in one batch."""
        drafted = DRAFTED_TOKENS if self.draft is not None else 0
        return max(drafted, NGRAM_TOKENS.get(self.ngram or "", 0))

    def for_draft(self) -> LoadSettings:
        """How the draft model of these settings is loaded (`common_base_params_to_speculative`)."""
        return replace(
            self,
            gpu_layers=self.draft_gpu_layers,
            kv_type_k="f16",
            kv_type_v="f16",
            experts_on_cpu=False,
            mmproj=None,
            embedding=False,
            ranking=False,
            adapters=(),
            draft=None,
            draft_gpu_layers=None,
            ngram=None,
            chat_template=None,
            extra=(),
        )


# What Paddock decides itself, and what must never be switched on (SERVER.md): tools and MCP run
# commands for any caller, --props and --slot-save-path change the server from outside, media paths
# read local files, a sleeping server was reported to use freed memory.
_REFUSED_TEXT = """
--agent -ag --tools --tools-runtime --mcp-servers-config --mcp-servers-json --ui-mcp-proxy
--webui-mcp-proxy --props --media-path --sleep-idle-seconds --slot-save-path --path
--log-prompts-dir --log-file --log-disable -v --verbose --log-verbose -lv --verbosity
--log-verbosity --log-jsonl --host --port --reuse-port --api-key --api-key-file --api-prefix
--cors-origins --cors-methods --cors-headers --cors-credentials --ssl-key-file --ssl-cert-file
--models-dir --models-preset --models-max --models-autoload -m --model -mu --model-url -hf -hfr
--hf-repo -hff --hf-file -hft --hf-token -dr --docker-repo -mmu --mmproj-url -a --alias --tags
-c --ctx-size -np --parallel --ui --webui --slots --metrics --rpc --video-ffmpeg-dir
-cl --cache-list -h --help --version -hfd -hfrd --hf-repo-draft --spec-draft-hf
"""
_REFUSED = frozenset(_REFUSED_TEXT.split())


def server_arguments(
    runtime: Runtime, model_path: Path, model_id: str, settings: LoadSettings, port: int
) -> list[str]:
    """llama-server's command line, its program first.

    Flags the runtime does not know are left out where the model works all the same without them.

    Raises:
        AppError: ENGINE_BAD_FLAG, when a setting needs a flag the runtime lacks or is refused.
    """
    line = _Line(runtime)
    line.need("-m", str(model_path))
    line.want("--alias", model_id.replace(",", "_"))  # a comma would separate two aliases
    line.need("--host", "127.0.0.1")
    line.need("--port", str(port))
    for flag in ("--no-ui", "--no-webui"):
        if runtime.has(flag):
            line.want(flag)
            break
    for flag in ("--offline", "--log-jsonl"):
        line.want(flag)
    line.want("-lv", "4")
    line.want("--metrics")
    line.want("--no-slots")
    # Without a folder the engine forgets no prompt when asked to (`service/private_cache.py`). Its
    # own is empty, and nobody but the gateway has its key.
    line.want("--slot-save-path", ".")
    line.want("--no-cache-idle-slots")
    line.want("--cors-origins", "localhost")
    line.want("--no-context-shift")
    line.want("--jinja")
    if settings.chat_template is not None:
        line.need("--chat-template-file", settings.chat_template)
    line.values.extend(memory_arguments(runtime, settings))
    line.values.extend(_adapter_arguments(runtime, settings))
    line.want("--cache-ram", str(settings.cache_ram_bytes // _MIB))
    if settings.threads is not None:
        line.need("-t", str(settings.threads))
    if settings.embedding:
        line.need("--reranking" if settings.ranking else "--embedding")
    line.values.extend(checked_extra(runtime, settings.extra))
    return [str(runtime.tool("llama-server")), *line.values]


def memory_arguments(runtime: Runtime, settings: LoadSettings) -> list[str]:
    """The arguments that decide how much memory a load takes; the dry run gets the same ones."""
    for value in (settings.kv_type_k, settings.kv_type_v):
        if value not in KV_TYPES:
            raise _bad_flag(
                f"The KV cache cannot be of type {value}; known: {', '.join(KV_TYPES)}."
            )
    if settings.context_tokens < 1 or settings.slots < 1:
        raise _bad_flag("Context and slots must be at least 1.")
    line = _Line(runtime)
    line.need("-c", str(settings.total_context))
    line.need("-np", str(settings.slots))
    line.need("-b", str(settings.ubatch if settings.embedding else settings.batch))
    line.need("-ub", str(settings.ubatch))
    line.need("-ctk", settings.kv_type_k)
    line.need("-ctv", settings.kv_type_v)
    line.want("-fa", settings.flash_attention)
    if settings.gpu_layers is not None:
        line.need("-ngl", str(settings.gpu_layers))
    if settings.device is not None:
        line.need("-dev", settings.device)
    line.values.extend(_split_arguments(runtime, settings))
    if settings.experts_on_cpu is True:
        line.need("--cpu-moe")
    elif settings.experts_on_cpu:
        line.need("--n-cpu-moe", str(int(settings.experts_on_cpu)))
    if settings.mmproj is not None:
        line.need("--mmproj", settings.mmproj)
    line.values.extend(_speculation_arguments(runtime, settings))
    return line.values


def _split_arguments(runtime: Runtime, settings: LoadSettings) -> list[str]:
    """How several GPUs share a model."""
    line = _Line(runtime)
    if settings.split_mode is not None:
        if settings.split_mode not in SPLIT_MODES:
            known = ", ".join(SPLIT_MODES)
            raise _bad_flag(f"There is no split mode “{settings.split_mode}”; known: {known}.")
        line.need("-sm", settings.split_mode)
    if settings.tensor_split:
        shares = settings.tensor_split
        if not all(isfinite(share) and share >= 0 for share in shares) or not any(shares):
            raise _bad_flag("The shares of GPUs are numbers from 0 up, not all of them 0.")
        if len(shares) > MOST_DEVICES:
            raise _bad_flag(f"The engine shares a model among {MOST_DEVICES} devices at most.")
        line.need("-ts", ",".join(f"{share:g}" for share in shares))
    return line.values


def _speculation_arguments(runtime: Runtime, settings: LoadSettings) -> list[str]:
    """A draft model and n-grams; without `--spec-type` the engine loads a draft and ignores it."""
    line, kinds = _Line(runtime), []
    if settings.ngram is not None:
        if settings.ngram not in NGRAM_TOKENS:
            known = ", ".join(NGRAM_TOKENS)
            raise _bad_flag(f"There is no n-gram speculation “{settings.ngram}”; known: {known}.")
        kinds.append(settings.ngram)
    if settings.draft is not None:
        line.need("-md", settings.draft)
        if settings.draft_gpu_layers is not None:
            line.need("-ngld", str(settings.draft_gpu_layers))
        kinds.append("draft-simple")
    if kinds:
        line.need("--spec-type", ",".join(kinds))
    return line.values


def _adapter_arguments(runtime: Runtime, settings: LoadSettings) -> list[str]:
    """All adapters in their order: a scale other than 1 is set when the engine is ready.

    `--lora-scaled` would split a path at its colons, which every Windows path has.
    """
    line = _Line(runtime)
    for adapter in settings.adapters:
        quoted = adapter.path.replace('"', '""')  # the value is a row of comma-separated values
        line.need("--lora", f'"{quoted}"')
    return line.values


def checked_extra(runtime: Runtime, extra: tuple[str, ...]) -> list[str]:
    """A profile's own arguments, without any that Paddock decides or that would open a hole."""
    for part in extra:
        if not part.startswith("-") or _is_number(part):
            continue
        flag = part.split("=", 1)[0]
        if flag in _REFUSED or flag.replace("--no-", "--", 1) in _REFUSED:
            raise _bad_flag(f"{flag} cannot be set by hand.")
        if not runtime.has(flag):
            raise _bad_flag(f"The engine {runtime.version.text} does not know {flag}.")
    return list(extra)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _bad_flag(reason: str) -> AppError:
    return AppError(ErrorCode.ENGINE_BAD_FLAG, reason=reason)


class _Line:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.values: list[str] = []

    def want(self, flag: str, *values: str) -> None:
        if self._runtime.has(flag):
            self.values += [flag, *values]

    def need(self, flag: str, *values: str) -> None:
        if not self._runtime.has(flag):
            raise _bad_flag(f"The engine {self._runtime.version.text} does not know {flag}.")
        self.values += [flag, *values]


def default_settings(
    *,
    trained_context: int | None,
    ram_bytes: int,
    physical_cores: int | None,
    fits: Callable[[LoadSettings], bool],
    embedding: bool = False,
    ranking: bool = False,
    mmproj: str | None = None,
) -> LoadSettings:
    """The settings a model gets when nobody chose any (DESIGN §9 "Context and slots").

    Context: the least of what the model was trained for, 32,768 and what fits; four slots, one
    when that is tight; a prompt cache of the least of 2 GiB and 10 % of RAM. `fits` is asked at
    most ten times. Where nothing fits, the smallest settings are returned: the check before the
    load then says by how much.

    Args:
        ram_bytes: this machine's memory, or the limit of its container.
        physical_cores: how many the process may use; None leaves it to the engine.
    """
    wanted = min(trained_context or UNKNOWN_CONTEXT, DEFAULT_CONTEXT)
    one = LoadSettings(
        context_tokens=wanted,
        slots=1,
        threads=physical_cores,
        embedding=embedding,
        ranking=ranking,
        mmproj=mmproj,
        cache_ram_bytes=min(2 * _GIB, ram_bytes // 10),
    )
    if fits(four := replace(one, slots=4)):
        return four
    if fits(one):
        return one
    good, bad = 0, wanted // 256
    while bad - good > max(1, good // 8):  # within an eighth: each question is a dry run
        middle = (good + bad) // 2
        if fits(replace(one, context_tokens=middle * 256)):
            good = middle
        else:
            bad = middle
    return replace(one, context_tokens=max(good * 256, min(wanted, SMALLEST_CONTEXT)))
