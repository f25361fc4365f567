"""The words of errors about data, settings and everything else."""

from __future__ import annotations

from desktop.core.errors.codes import ErrorCode as C
from desktop.core.errors.words import Words

WORDS_DATA: dict[C, Words] = {
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
    C.QUANTIZE_AGAIN: Words(
        "{path} is quantized already",
        "What its weights lost then stays lost, and more is lost now.",
        "Use the model's F16 or BF16 file; or give --requantize if there is no other.",
    ),
    C.IMATRIX_NEEDED: Words(
        "{types} cannot be made without an importance matrix",
        "With so few bits the engine must know which weights matter.",
        "Give a text to compute one from, or a matrix, with --imatrix.",
    ),
    C.TEXT_TOO_SHORT: Words(
        "{path} is too short",
        "{reason}",
        "Use a text of at least some pages: a book's chapter, documents, code.",
    ),
    C.OUTPUT_EXISTS: Words(
        "{path} exists already",
        "It is not replaced unasked.",
        "Choose another folder or name, or give --replace.",
    ),
    C.SOURCE_CHANGED: Words(
        "{path} was changed",
        "Files were being made of it or compared with it; half of them would be of another model.",
        "Start again when nothing writes to it any more.",
    ),
    C.MODELS_DIFFER: Words(
        "{path} is another model than {base}",
        "{reason}",
        "Compare files of one model only: those made of the same checkpoint.",
    ),
    C.RECIPE_EXISTS: Words(
        "There is a recipe called “{recipe}” already",
        "It is not replaced unasked.",
        "Choose another name, or give --replace-recipe.",
    ),
    C.RECIPE_NOT_FOUND: Words(
        "There is no recipe called “{recipe}”",
        "No recipe is saved under that name.",
        "Run `paddock quantize --recipes` for the list.",
    ),
    C.TOOLKIT_FAILED: Words(
        "The conversion toolkit could not be installed",
        "{reason}",
        "Check the network and the settings of your package index, then try again; what has "
        "come is kept.",
    ),
    C.CHECKPOINT_INVALID: Words(
        "{path} cannot be converted",
        "{reason}",
        "Get it again, or choose the folder with config.json and the *.safetensors files.",
    ),
    C.CHECKPOINT_INCOMPLETE: Words(
        "{count} of the weights' files are missing in {path}",
        "{files}",
        "Get the missing files; all of them must lie in one folder.",
    ),
    C.CHECKPOINT_PICKLED: Words(
        "{path} has its weights in pickles ({file})",
        "A pickle may run code of whoever made it when it is read.",
        "Look for the same model with *.safetensors files; if there is none and you trust its "
        "maker, give --allow-pickle.",
    ),
    C.ARCHITECTURE_UNSUPPORTED: Words(
        "“{architecture}” cannot be converted",
        "{reason}",
        "Look for a GGUF file of the model, or wait for a version of Paddock with a newer engine.",
    ),
    C.TOKENIZER_UNKNOWN: Words(
        "The tokenizer of {path} is not known to the converter",
        "It ({tokenizer}) cuts texts up in a way the engine has no name for (fingerprint {hash}); "
        "a guess would make a model that reads wrongly.",
        "If the model was made from another one and reads as that one does, put that one's "
        "tokenizer files in place of its own. Else look for a GGUF file of it, or wait for a "
        "version of Paddock with a newer engine.",
    ),
    C.ADAPTER_NEEDS_BASE: Words(
        "{path} is a LoRA adapter",
        "It changes another model ({base}); only that model's config says how.",
        "Name that model's folder, or its name on the hub, with --base. Its weights are not "
        "needed.",
    ),
    C.ADAPTER_UNSUPPORTED: Words(
        "The adapter {path} cannot be converted",
        "{reason}",
        "Merge it into its model with the program it was made with, and convert the merged model.",
    ),
    C.ENGINE_TOOL_MISSING: Words(
        "The llama.cpp build in use has no {tool}",
        "It was built without it ({path}); builds that choose among CPU variants lack it.",
        "Choose another build with `paddock engine use` for this, or make one with `paddock "
        "engine build`.",
    ),
    C.SPLIT_IMPOSSIBLE: Words(
        "{path} cannot be split like that",
        "{reason}",
        "Choose another size or number of tensors.",
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
