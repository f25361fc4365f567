"""The words of errors about the engine and the service."""

from __future__ import annotations

from desktop.core.errors.codes import ErrorCode as C
from desktop.core.errors.words import Words

WORDS_RUNNING: dict[C, Words] = {
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
    C.AUTOSTART_FAILED: Words(
        "The system could not be told to start Paddock",
        "{reason}",
        "`paddock serve --install --print` shows what would be written and which commands follow.",
    ),
    C.PORT_TAKEN: Words(
        "Port {port} on {host} is taken",
        "{holder}",
        "Stop that program, or choose another port with --port.",
    ),
    C.OLLAMA_PORT_TAKEN: Words(
        "Port {port} on {host}, for Ollama's clients, is taken",
        "{holder}",
        "Stop that program (it may be Ollama itself), or put another port into the setting "
        "server.ollama_port.",
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
    C.TLS_NOT_SET: Words(
        "The server has no certificate",
        "It is set to use your own one, but no file is named.",
        "Name the files with --tls-certificate and --tls-key, or use --tls self.",
    ),
    C.TLS_UNREADABLE: Words(
        "The certificate's file {path} cannot be used",
        "{reason}",
        "Check that the file is there and that your user may read it.",
    ),
    C.TLS_CERTIFICATE_INVALID: Words(
        "{path} is not a certificate that can be used",
        "It must be in PEM format, the server's own certificate first, with a key of today's "
        "strength.",
        "Choose another file.",
    ),
    C.TLS_KEY_INVALID: Words(
        "{path} does not hold a key that can be used",
        "A private key in PEM format is needed.",
        "Name the key's file with --tls-key.",
    ),
    C.TLS_KEY_LOCKED: Words(
        "The key in {path} is protected by a password",
        "The server starts by itself and cannot ask for it.",
        "Store the key without a password, readable for your user only.",
    ),
    C.TLS_KEY_MISMATCH: Words(
        "Certificate and key do not belong together",
        "{key} is not the key of {certificate}.",
        "Choose the two files that were made together.",
    ),
    C.TLS_EXPIRED: Words(
        "The certificate in {path} has ended",
        "It was valid until {when}.",
        "Renew it; or use --tls self for one that is made here.",
    ),
    C.TLS_NOT_YET_VALID: Words(
        "The certificate in {path} is not valid yet",
        "It is valid from {when} on.",
        "Check the clock of this machine.",
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
}
