"""The one error type of the core and the one table of its words.

`core` and `quantize` raise `AppError(ErrorCode.X, **params)`. The English words stand here, beside
the codes: a title (what happened), a cause (why) and a remedy (what to do). The command line and
the API print them; the window translates them by code. `params` fill the `{fields}` of the words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ErrorCode(StrEnum):
    """Stable names of everything that can go wrong; part of the command line's JSON."""

    # library and files
    MODEL_NOT_FOUND = "model_not_found"
    MODEL_AMBIGUOUS = "model_ambiguous"
    MODEL_BROKEN = "model_broken"
    PATH_NOT_FOUND = "path_not_found"
    PATH_UNREADABLE = "path_unreadable"
    GGUF_EMPTY = "gguf_empty"
    GGUF_NOT_GGUF = "gguf_not_gguf"
    GGUF_VERSION = "gguf_version"
    GGUF_TRUNCATED = "gguf_truncated"
    GGUF_HOSTILE = "gguf_hostile"
    GGUF_TYPE_UNKNOWN = "gguf_type_unknown"
    GGUF_SHARD_MISSING = "gguf_shard_missing"
    GGUF_READER_DIED = "gguf_reader_died"
    DISK_FULL = "disk_full"
    SPARSE_UNSUPPORTED = "sparse_unsupported"
    # engine
    ENGINE_NOT_FOUND = "engine_not_found"
    ENGINE_BAD_RUNTIME = "engine_bad_runtime"
    ENGINE_RUNTIME_EXISTS = "engine_runtime_exists"
    ENGINE_IN_USE = "engine_in_use"
    ENGINE_BUILD_FAILED = "engine_build_failed"
    ENGINE_TOOL_FAILED = "engine_tool_failed"
    ENGINE_OUT_OF_MEMORY = "engine_out_of_memory"
    ENGINE_UNKNOWN_ARCHITECTURE = "engine_unknown_architecture"
    ENGINE_CORRUPT_MODEL = "engine_corrupt_model"
    ENGINE_BAD_FLAG = "engine_bad_flag"
    ENGINE_PORT_TAKEN = "engine_port_taken"
    ENGINE_MISSING_LIBRARY = "engine_missing_library"
    ENGINE_KILLED = "engine_killed"
    ENGINE_DIED = "engine_died"
    ENGINE_STALLED = "engine_stalled"
    LOAD_WONT_FIT = "load_wont_fit"
    LOAD_MISMATCH = "load_mismatch"
    LOAD_COOLING_DOWN = "load_cooling_down"
    LOAD_CANCELLED = "load_cancelled"
    # service
    SERVICE_NOT_RUNNING = "service_not_running"
    SERVICE_NOT_STARTING = "service_not_starting"
    SERVICE_UNREACHABLE = "service_unreachable"
    SERVICE_LOCKED = "service_locked"
    SERVICE_OTHER_HOST = "service_other_host"
    SERVICE_VERSION = "service_version"
    SERVICE_NEWER = "service_newer"
    SERVICE_STOPPING = "service_stopping"
    PORT_TAKEN = "port_taken"
    KEY_REQUIRED = "key_required"
    BAD_ADDRESS = "bad_address"
    QUEUE_FULL = "queue_full"
    UNAUTHORIZED = "unauthorized"
    # network
    REMOTE_UNREACHABLE = "remote_unreachable"
    REMOTE_DENIED = "remote_denied"
    REMOTE_NOT_FOUND = "remote_not_found"
    REMOTE_BUSY = "remote_busy"
    REMOTE_FAILED = "remote_failed"
    REMOTE_CHANGED = "remote_changed"
    HUB_NO_GGUF = "hub_no_gguf"
    HUB_QUANT_UNKNOWN = "hub_quant_unknown"
    # data
    DATABASE_NEWER = "database_newer"
    DATABASE_BUSY = "database_busy"
    SETTING_INVALID = "setting_invalid"
    SETTINGS_NEWER = "settings_newer"
    SECRET_UNKNOWN = "secret_unknown"
    JOB_NOT_FOUND = "job_not_found"
    JOB_KIND_UNKNOWN = "job_kind_unknown"
    JOB_FINISHED = "job_finished"
    RESULT_NOT_FOUND = "result_not_found"
    RESULT_FILE_INVALID = "result_file_invalid"
    KEY_NOT_FOUND = "key_not_found"
    KEY_EXISTS = "key_exists"
    CONVERSATION_NOT_FOUND = "conversation_not_found"
    MESSAGE_NOT_FOUND = "message_not_found"
    CONTEXT_OVERFLOW = "context_overflow"
    # what fits
    SIMULATION_INVALID = "simulation_invalid"
    GPU_UNKNOWN = "gpu_unknown"
    # general
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    BAD_REQUEST = "bad_request"
    PROBE_FAILED = "probe_failed"
    UPSTREAM_FAILED = "upstream_failed"
    INTERNAL = "internal"


@dataclass(frozen=True)
class Words:
    """What a person reads: what happened, why, and what to do. `{fields}` come from the error."""

    title: str
    cause: str
    remedy: str


C = ErrorCode
WORDS: dict[ErrorCode, Words] = {
    C.MODEL_NOT_FOUND: Words(
        "There is no model called “{model}”",
        "The name matches no id, alias or file of the library.",
        "Run `paddock models` for the list, or add a folder with `paddock adopt PATH`.",
    ),
    C.MODEL_AMBIGUOUS: Words(
        "“{model}” can mean more than one model",
        "It matches {matches}.",
        "Use one of these ids.",
    ),
    C.MODEL_BROKEN: Words(
        "{model} cannot be loaded",
        "The file is damaged: {reason}",
        "Get the file again; nothing else is affected.",
    ),
    C.PATH_NOT_FOUND: Words(
        "{path} does not exist",
        "There is no such file or folder.",
        "Check the spelling, and that the disk it is on is connected.",
    ),
    C.PATH_UNREADABLE: Words(
        "{path} cannot be read",
        "{reason}",
        "Check the file's permissions and the disk.",
    ),
    C.GGUF_EMPTY: Words(
        "The file is empty",
        "{path} has 0 bytes.",
        "The copy or download did not finish. Get the file again.",
    ),
    C.GGUF_NOT_GGUF: Words(
        "That is not a GGUF file",
        "{path} does not begin with the GGUF mark: {reason}",
        "Choose a file in the GGUF format, or convert the checkpoint with `paddock convert`.",
    ),
    C.GGUF_VERSION: Words(
        "This GGUF version cannot be read",
        "{path} is of version {version}; versions 2 and 3 are known.",
        "Get a newer upload of the model.",
    ),
    C.GGUF_TRUNCATED: Words(
        "That file ends too early",
        "{path}: {have_bytes} of {need_bytes} bytes are there.",
        "The copy or download did not finish. Get the file again.",
    ),
    C.GGUF_HOSTILE: Words(
        "The file's header makes no sense",
        "{path}: {reason}",
        "The file is damaged or was made to do harm. Do not load it; get it from a source you "
        "trust.",
    ),
    C.GGUF_TYPE_UNKNOWN: Words(
        "The model uses a quant type that cannot be read here",
        "{path}: {reason}",
        "Get another quant of the model; a newer Paddock and engine may know this one.",
    ),
    C.GGUF_SHARD_MISSING: Words(
        "A part of the model is missing",
        "{path} is one of {count} parts, and {missing} is not beside it.",
        "Put all parts into one folder.",
    ),
    C.GGUF_READER_DIED: Words(
        "The file's header could not be read",
        "{path}: the reader ended ({reason}).",
        "The file is most likely damaged. Get it again.",
    ),
    C.DISK_FULL: Words(
        "The disk is full",
        "{path}: {reason}",
        "Free some space and try again. What was stored before is unharmed.",
    ),
    C.ENGINE_NOT_FOUND: Words(
        "There is no engine called “{runtime}”",
        "{reason}",
        "Run `paddock engine list` to see which there are.",
    ),
    C.ENGINE_BAD_RUNTIME: Words(
        "{path} is not a working engine",
        "{reason}",
        "Name a folder that holds llama-server and its tools, built for this system.",
    ),
    C.ENGINE_RUNTIME_EXISTS: Words(
        "An engine called “{runtime}” is there already",
        "Names of engines are used once.",
        "Choose another name, or remove it with `paddock engine remove {runtime}`.",
    ),
    C.ENGINE_IN_USE: Words(
        "The engine “{runtime}” cannot be removed",
        "{reason}",
        "Choose another engine first with `paddock engine use`.",
    ),
    C.ENGINE_BUILD_FAILED: Words(
        "The engine could not be built",
        "{reason}",
        "Read the build log at {log}.",
    ),
    C.ENGINE_TOOL_FAILED: Words(
        "{tool} failed",
        "{reason}",
        "See `paddock logs` for its last lines.",
    ),
    C.ENGINE_OUT_OF_MEMORY: Words(
        "{model} did not fit in memory",
        "{reason}",
        "Use a smaller context (--ctx), fewer slots (--parallel 1), a smaller KV cache (--kv q8_0) "
        "or a smaller quant.",
    ),
    C.ENGINE_UNKNOWN_ARCHITECTURE: Words(
        "This engine does not know the model's architecture",
        "{reason}",
        "Get a newer engine (`paddock engine build`), or another model.",
    ),
    C.ENGINE_CORRUPT_MODEL: Words(
        "The engine could not read the model file",
        "{reason}",
        "The file is most likely damaged. Get it again.",
    ),
    C.ENGINE_BAD_FLAG: Words(
        "The engine refused one of its settings",
        "{reason}",
        "Change the setting, or use an engine that knows it (`paddock engine list`).",
    ),
    C.ENGINE_PORT_TAKEN: Words(
        "The engine found no free port",
        "{reason}",
        "Try again; if it happens again, see which program takes the ports of 127.0.0.1.",
    ),
    C.ENGINE_MISSING_LIBRARY: Words(
        "The engine cannot start on this system",
        "{reason}",
        "Install the missing library or driver, or choose another engine (`paddock engine list`).",
    ),
    C.ENGINE_KILLED: Words(
        "The engine was stopped from outside",
        "{reason}",
        "If you did not do it, the system may have run out of memory: see `paddock doctor`.",
    ),
    C.ENGINE_DIED: Words(
        "The engine ended unexpectedly",
        "{reason}",
        "Try again; `paddock logs {model}` shows its last lines.",
    ),
    C.ENGINE_STALLED: Words(
        "Loading {model} stands still",
        "The engine has shown no progress for {seconds} seconds.",
        "Check the disk the model is on; `paddock logs {model}` shows the engine's last lines.",
    ),
    C.LOAD_WONT_FIT: Words(
        "{model} does not fit in memory",
        "It needs {need}; {available} can be used ({device}).",
        "Use a smaller context (--ctx), one slot (--parallel 1), a smaller KV cache (--kv q8_0) or "
        "a smaller quant; --force tries all the same.",
    ),
    C.LOAD_MISMATCH: Words(
        "{path} does not go with {model}",
        "{reason}",
        "Choose a file that was made for this model, or load the model without it.",
    ),
    C.LOAD_COOLING_DOWN: Words(
        "{model} failed to load a moment ago",
        "{reason}",
        "It can be tried again in {seconds} seconds.",
    ),
    C.LOAD_CANCELLED: Words(
        "Loading {model} was stopped",
        "It was unloaded before it was ready.",
        "Load it again when you need it.",
    ),
    C.SERVICE_NOT_RUNNING: Words(
        "Paddock's service is not running",
        "No service answers for {data_dir}.",
        "Start it with `paddock serve`.",
    ),
    C.SERVICE_NOT_STARTING: Words(
        "Paddock's service did not start",
        "{reason}",
        "See its log at {log}.",
    ),
    C.SERVICE_UNREACHABLE: Words(
        "Paddock's service does not answer",
        "{reason}",
        "Stop it with `paddock stop` and start it again; see `paddock logs`.",
    ),
    C.SERVICE_LOCKED: Words(
        "A service is running already",
        "Process {pid} on this machine uses {data_dir}.",
        "Use it, or stop it with `paddock stop`.",
    ),
    C.SERVICE_OTHER_HOST: Words(
        "Another machine is using this data folder",
        "Process {pid} on {host} uses {data_dir}, last seen {age_seconds} seconds ago.",
        "Stop Paddock there, or give this machine its own folder with PADDOCK_HOME.",
    ),
    C.SERVICE_VERSION: Words(
        "The running service is of an older version",
        "It is version {service}; this program is version {client}.",
        "Restart the service: `paddock stop`, then try again.",
    ),
    C.SERVICE_NEWER: Words(
        "The running service is of a newer Paddock",
        "It is version {service}; this program is version {client}.",
        "Use the newer Paddock, or end its service with `paddock stop` first.",
    ),
    C.SERVICE_STOPPING: Words(
        "The service is stopping",
        "It takes no new work.",
        "Try again in a moment.",
    ),
    C.PORT_TAKEN: Words(
        "Port {port} on {host} is taken",
        "{holder}",
        "Stop that program, or choose another port with --port.",
    ),
    C.KEY_REQUIRED: Words(
        "An address other than this machine's own needs a key",
        "Listening on {host} would let other machines use your models.",
        "Make a key first with `paddock keys create NAME`.",
    ),
    C.BAD_ADDRESS: Words(
        "“{host}” is not an address to listen on",
        "{reason}",
        "Use 127.0.0.1 for this machine only, or an address of one of its network cards.",
    ),
    C.QUEUE_FULL: Words(
        "Too many requests are waiting",
        "{waiting} requests wait already.",
        "Try again in {seconds} seconds.",
    ),
    C.UNAUTHORIZED: Words(
        "The key is missing or wrong",
        "{reason}",
        "Send a valid key as `Authorization: Bearer …`; make one with `paddock keys create NAME`.",
    ),
    C.REMOTE_UNREACHABLE: Words(
        "{url} cannot be reached",
        "{reason}",
        "Check the address and the network. Behind a proxy set HTTPS_PROXY; for certificates of"
        " your own set SSL_CERT_FILE.",
    ),
    C.REMOTE_DENIED: Words(
        "{url} may not be read",
        "The server answered {status}: {reason}",
        "Accept the model's terms on its page if it has any, and give a token of yours in "
        "HF_TOKEN.",
    ),
    C.REMOTE_NOT_FOUND: Words(
        "{url} was not found",
        "The server answered {status}.",
        "Check the spelling. Without HF_TOKEN a private repository looks like this, too.",
    ),
    C.REMOTE_BUSY: Words(
        "{url} was asked too often",
        "The server answered 429 and wants a pause of {seconds} seconds.",
        "Try again then. With a token in HF_TOKEN the limits are higher.",
    ),
    C.REMOTE_FAILED: Words(
        "{url} cannot be used",
        "{reason}",
        "Try again later; if it stays so, get the file from another place.",
    ),
    C.REMOTE_CHANGED: Words(
        "{url} changed while it was read",
        "It was begun anew once, and changed again: {reason}",
        "Try again when its upload has ended.",
    ),
    C.HUB_NO_GGUF: Words(
        "{repo} holds no GGUF model",
        "{reason}",
        "Look for a GGUF repository of the model, or convert it with `paddock convert`.",
    ),
    C.HUB_QUANT_UNKNOWN: Words(
        "{repo} has no quant called “{quant}”",
        "It has {known}.",
        "Name one of these behind the colon.",
    ),
    C.SPARSE_UNSUPPORTED: Words(
        "The folder cannot hold a file with holes",
        "{path}: {reason}",
        "Use a folder on NTFS, APFS, ext4 or another file system with sparse files "
        "(PADDOCK_HOME moves Paddock's own). FAT and exFAT have none.",
    ),
    C.DATABASE_NEWER: Words(
        "The database is of a newer Paddock",
        "{path} has schema {found}; this version knows {known}.",
        "Install the newer Paddock. The file was not touched.",
    ),
    C.DATABASE_BUSY: Words(
        "The database cannot be used",
        "{reason}",
        "Check the disk and that no other program holds {path}.",
    ),
    C.SETTING_INVALID: Words(
        "{name} cannot be {value}",
        "{reason}",
        "Choose a value in the range given.",
    ),
    C.SETTINGS_NEWER: Words(
        "The settings are of a newer Paddock",
        "{path} has version {found}; this version knows {known}.",
        "Install the newer Paddock. The file was not touched.",
    ),
    C.SECRET_UNKNOWN: Words(
        "There is no secret called “{name}”",
        "Known names are {known}.",
        "Check the spelling.",
    ),
    C.JOB_NOT_FOUND: Words(
        "There is no job {job}",
        "It may have been removed.",
        "Run `paddock status` for the list.",
    ),
    C.JOB_KIND_UNKNOWN: Words(
        "There is no kind of job called “{kind}”",
        "Known kinds are {known}.",
        "Check the spelling, and that service and program are of the same version.",
    ),
    C.JOB_FINISHED: Words(
        "Job {job} has ended already",
        "Its state is {state}.",
        "Start a new one.",
    ),
    C.RESULT_NOT_FOUND: Words(
        "There is no result {result}",
        "The number or name matches nothing that is stored.",
        "Run `paddock results list`.",
    ),
    C.RESULT_FILE_INVALID: Words(
        "{path} holds no benchmark results",
        "{reason}",
        "Use a file made by `paddock results export`.",
    ),
    C.KEY_NOT_FOUND: Words(
        "There is no key called “{name}”",
        "It may have been revoked.",
        "Run `paddock keys list`.",
    ),
    C.KEY_EXISTS: Words(
        "A key called “{name}” is there already",
        "Names of keys are used once.",
        "Choose another name, or revoke it with `paddock keys revoke {name}`.",
    ),
    C.CONVERSATION_NOT_FOUND: Words(
        "There is no conversation {conversation}",
        "It may have been deleted.",
        "Choose another one, or begin a new one.",
    ),
    C.MESSAGE_NOT_FOUND: Words(
        "There is no message {message}",
        "Its conversation may have been deleted.",
        "Open the conversation again.",
    ),
    C.CONTEXT_OVERFLOW: Words(
        "The conversation is longer than the model's context",
        "It has {prompt_tokens} tokens; the model was loaded for {context_tokens}.",
        "Load the model with a larger context (--ctx), shorten the message, or begin a new "
        "conversation.",
    ),
    C.SIMULATION_INVALID: Words(
        "“{text}” describes no machine",
        "{reason}",
        "Write it like ram=32,vram=24 or ram=32,gpu=RTX_4090; sizes are in GiB.",
    ),
    C.GPU_UNKNOWN: Words(
        "There is no known GPU called “{gpu}”",
        "{reason}",
        "Use one of the names in the table, or say how much memory it has with vram=… alone.",
    ),
    C.CANCELLED: Words("Stopped", "You stopped it.", "Start it again when you like."),
    C.TIMED_OUT: Words(
        "{what} took too long",
        "It was given up after {seconds} seconds.",
        "Try again; if it happens again, see `paddock doctor`.",
    ),
    C.BAD_REQUEST: Words("The request cannot be used", "{reason}", "Correct it and send it again."),
    C.PROBE_FAILED: Words(
        "{what} could not be read",
        "{reason}",
        "The rest works without it.",
    ),
    C.UPSTREAM_FAILED: Words(
        "The engine broke off",
        "{reason}",
        "Send the request again; the model is loaded anew.",
    ),
    C.INTERNAL: Words(
        "Something went wrong inside Paddock",
        "{reason}",
        "Please report it with the lines of `paddock logs`.",
    ),
}


class _Params(dict[str, Any]):
    """Leaves a field without a value readable instead of failing inside an error message."""

    def __missing__(self, key: str) -> str:
        return f"({key})"


class AppError(Exception):
    """An error a person can act on.

    Args:
        code: what happened.
        params: plain values (str, int, float, list of str) that fill the words' fields.
    """

    def __init__(self, code: ErrorCode, **params: Any) -> None:
        self.code = code
        self.params = params
        super().__init__(str(self))

    def fill(self, text: str) -> str:
        """`text`, in whatever language, with its {fields} filled from this error's params."""
        return text.format_map(_Params(self.params))

    @property
    def title(self) -> str:
        return self.fill(WORDS[self.code].title)

    @property
    def cause(self) -> str:
        return self.fill(WORDS[self.code].cause)

    @property
    def remedy(self) -> str:
        return self.fill(WORDS[self.code].remedy)

    def __str__(self) -> str:
        return f"{self.title}. {self.cause}".strip()

    def to_dict(self) -> dict[str, Any]:
        """The error as JSON: code, filled words, and the raw params for a translated text."""
        return {
            "code": self.code.value,
            "title": self.title,
            "cause": self.cause,
            "remedy": self.remedy,
            "params": self.params,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> AppError:
        """The inverse of `to_dict`; an unknown code (a newer service's) becomes INTERNAL."""
        try:
            code = ErrorCode(data["code"])
        except (KeyError, ValueError):
            return cls(ErrorCode.INTERNAL, reason=str(data.get("title") or data))
        return cls(code, **data.get("params", {}))
