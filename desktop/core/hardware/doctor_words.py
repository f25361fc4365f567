"""The English words of every finding of `doctor`: title, detail, remedy, by code."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str, str]] = {
    # GPU and engine
    "gpu_engine_cannot_drive": (
        "The engine in use cannot use the GPU",
        "{gpu} is here, but the engine “{runtime}” ({version}) was built with {backends} only: "
        "models run on the CPU, several times slower.",
        "Get an engine with {wanted}: `paddock engine build --backend {wanted}`, or choose one "
        "from `paddock engine list`.",
    ),
    "gpu_engine_does_not_see": (
        "The engine does not see the GPU",
        "{gpu} is here and the engine “{runtime}” was built with {backends}, but it lists "
        "{devices}.",
        "Most often the driver is too old for this engine, or the GPU is hidden from this program "
        "(container, CUDA_VISIBLE_DEVICES). Update the driver, then run `paddock doctor` again.",
    ),
    "gpu_engine_without_metal": (
        "The engine in use cannot use the GPU",
        "{gpu} is here, but the engine “{runtime}” ({version}) was built with {backends} only: "
        "models run on the CPU, several times slower.",
        "Choose the one that came with Paddock: `paddock engine use environment`.",
    ),
    "gpu_integrated_idle": (
        "The integrated GPU is left alone",
        "{gpu} shares the RAM. Beside a graphics card the engine does not use it, for it would "
        "slow the card down.",
        "",
    ),
    "gpu_ready": ("The GPU is used", "{gpu}; the engine “{runtime}” lists {devices}.", ""),
    "gpu_none": ("No GPU found", "Models run on the CPU.", ""),
    "gpu_adapter_unused": (
        "A graphics adapter the engine does not use",
        "{adapter}. Whether it makes models faster depends on it; adapters built into the CPU "
        "share its memory and seldom do.",
        "To try it, get an engine with Vulkan: `paddock engine build --backend vulkan`.",
    ),
    "gpu_adapter_without_driver": (
        "A graphics card without a driver",
        "{adapter}: neither games nor models can use it.",
        "Install its driver from your distribution (AMD: amdgpu with Mesa; Intel: i915 or xe with "
        "Mesa), restart, and run `paddock doctor` again.",
    ),
    "gpu_memory_taken": (
        "Other programs hold much of the GPU's memory",
        "{gpu}: {used} of {total} are taken{holders}.",
        "Close them before you load a large model.",
    ),
    "gpu_mig": (
        "The GPU is split with MIG",
        "{gpu} is split into {count} instances; a program can use one of them.",
        "Choose one with CUDA_VISIBLE_DEVICES, or have an administrator switch MIG off.",
    ),
    "gpu_hidden": (
        "CUDA_VISIBLE_DEVICES hides the GPU",
        "It is set to “{value}”, so that programs see no NVIDIA GPU.",
        "Unset it before you start Paddock.",
    ),
    "container_without_gpu": (
        "The container was promised a GPU and has none",
        "NVIDIA_VISIBLE_DEVICES is “{value}”, but there is no /dev/nvidia* here.",
        "Start it with `--gpus all` (Docker) or `--device nvidia.com/gpu=all` (Podman), with "
        "NVIDIA's container toolkit on the host.",
    ),
    "engine_missing": (
        "There is no working engine",
        "Without one no model can be loaded.",
        "Run `paddock engine list`; `paddock engine build` makes one.",
    ),
    # CPU
    "cpu_ok": ("The CPU is fit for models", "{name}, {cores} cores, {sets}.", ""),
    "cpu_no_avx2": (
        "The CPU has no AVX2",
        "{name} lacks the instructions the engine is fastest with: models run several times slower "
        "than on a CPU of 2013 or later.",
        "In a virtual machine, set the CPU type to “host”. Otherwise use small models.",
    ),
    "cpu_no_dotprod": (
        "The CPU has no dot product instructions",
        "{name} lacks them; quantized models run about half as fast as on newer ARM CPUs.",
        "Use small models.",
    ),
    "cpu_limited": (
        "Only a part of the CPU may be used",
        "{usable} of {logical} logical CPUs: {source}.",
        "Raise the container's or service's CPU limit, if you may.",
    ),
    # memory
    "ram_ok": ("Memory", "{available} of {total} RAM are free.", ""),
    "ram_limited": (
        "Less memory may be used than the machine has",
        "{limit} of {physical} RAM: the limit is set by {source}.",
        "Raise the limit of the container, service or shell, if you may.",
    ),
    "ram_low": (
        "Little memory is free",
        "{available} of {total} RAM are free.",
        "Close programs, unload models (`paddock unload`), or use smaller models.",
    ),
    "swap_in_use": (
        "The system swaps while a model is loaded",
        "{used} of memory lie on the disk; a model that is swapped out answers extremely slowly.",
        "Unload a model, use a smaller context, or close programs.",
    ),
    "bandwidth_ok": ("Memory bandwidth", "{rate} GB/s measured, {age}.", ""),
    "bandwidth_low": (
        "The memory is slow for this CPU",
        "{rate} GB/s measured for {cores} cores. This is a suspicion: such a figure is typical of "
        "memory that fills only one channel, or not all of them.",
        "If you can, put equal memory modules into the slots the board's manual names for two (or "
        "all) channels. The speed of answers rises with this figure.",
    ),
    "bandwidth_low_virtual": (
        "The memory is slow for this CPU",
        "{rate} GB/s measured for {cores} cores, in a virtual machine: others may use the same "
        "memory.",
        "Measure again at a quiet time: `paddock hw`.",
    ),
    "bandwidth_in_cache": (
        "The bandwidth measured may be too good",
        "With so little free RAM only {size} could be gone through, which the CPU's caches partly "
        "hold.",
        "Measure again with more free RAM.",
    ),
    # power
    "power_saver": (
        "The CPU is slowed down to save power",
        "The reason: {what}.",
        "Choose “balanced” or “performance” in the system's power settings "
        "(`powerprofilesctl set balanced`).",
    ),
    "on_battery": (
        "The computer runs on battery",
        "{percent} % are left. Models run slower and drain it fast.",
        "Plug it in.",
    ),
    # disks
    "disk_ok": ("Room for models", "{free} are free in {folder}.", ""),
    "disk_low": (
        "Little room for models",
        "{free} are free in {folder}.",
        "Free some space, remove models (`paddock rm`), or move the models with HF_HOME.",
    ),
    "disk_full_data": (
        "The disk of Paddock's own files is nearly full",
        "{free} are free in {folder}; chats and records could not be saved.",
        "Free some space.",
    ),
    "disk_fat": (
        "The models' disk cannot hold large files",
        "{folder} is on {filesystem}: no file may be over 4 GiB, which most models are.",
        "Use a disk with another file system; move the models with HF_HOME.",
    ),
    "disk_network": (
        "The models lie on another machine",
        "{folder} is on {filesystem}: loading takes as long as the network does.",
        "Keep models you use on a local disk; move them with HF_HOME.",
    ),
    "disk_in_memory": (
        "The models would lie in memory",
        "{folder} is on {filesystem}: what is stored there takes RAM and is gone after a restart.",
        "Use a real disk; move the models with HF_HOME.",
    ),
    "models_folder_not_writable": (
        "No model can be stored",
        "{folder}: {reason}",
        "Give this user the right to write there, or move the models with HF_HOME.",
    ),
    # library, service, secrets
    "models_broken": (
        "Models that cannot be loaded",
        "{count} of {models}: {names}.",
        "Get them again (`paddock pull`) or remove them (`paddock rm`).",
    ),
    "models_ok": ("Models", "{models} in the library, none of them broken.", ""),
    "models_none": ("No models yet", "The library is empty.", "See `paddock recommend`."),
    "service_ok": ("Service", "It runs{url}. Models in memory: {loaded}.", ""),
    "service_stopped": ("Service", "It is not running; it starts when it is needed.", ""),
    "service_unreachable": (
        "The service does not answer",
        "{detail}",
        "Stop it with `paddock stop` and start it again; see `paddock logs`.",
    ),
    "service_other_host": (
        "Another machine uses this data folder",
        "{detail}",
        "Stop Paddock there, or give this machine its own folder with PADDOCK_HOME.",
    ),
    "service_other_version": (
        "The running service is of another version",
        "{detail}",
        "Restart it: `paddock stop`, then start it again.",
    ),
    "speed_not_calibrated": (
        "This machine's speed was not measured",
        "How fast models will run is taken from other machines' figures, which may be far off.",
        "Run `paddock hw --calibrate`: it takes under a minute and downloads nothing.",
    ),
    "predictions_memory": (
        "Memory predictions so far",
        "{count} loads: off by {mean} on average, {worst} at most.",
        "",
    ),
    "predictions_speed": (
        "Speed predictions so far",
        "{count} answers: generation off by {decode} on average, prompts by {prefill}; {inside} "
        "were within the stated range.",
        "",
    ),
    "secrets_ok": ("Secrets", "They lie in the system's keychain{detail}.", ""),
    "secrets_file": (
        "Secrets lie in a file",
        "The system has no keychain that could be used{detail}; only this user can read the file.",
        "",
    ),
    "secrets_none": (
        "Secrets cannot be stored",
        "Neither a keychain nor a file could be used{detail}.",
        "Give the hub's token with HF_TOKEN.",
    ),
}
