"""The words of errors about files, models and where they come from."""

from __future__ import annotations

from desktop.core.errors.codes import ErrorCode as C
from desktop.core.errors.words import Words

WORDS_MODELS: dict[C, Words] = {
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
    C.SPARSE_UNSUPPORTED: Words(
        "The folder cannot hold a file with holes",
        "{path}: {reason}",
        "Use a folder on NTFS, APFS, ext4 or another file system with sparse files "
        "(PADDOCK_HOME moves Paddock's own). FAT and exFAT have none.",
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
        "Accept the model's terms on its page if it has any, and give a token of yours with "
        "`paddock hub-token` or in HF_TOKEN.",
    ),
    C.REMOTE_NOT_FOUND: Words(
        "{url} was not found",
        "The server answered {status}.",
        "Check the spelling. Without a token (`paddock hub-token`, HF_TOKEN) a private repository "
        "looks like this, too.",
    ),
    C.REMOTE_BUSY: Words(
        "{url} was asked too often",
        "The server answered 429 and wants a pause of {seconds} seconds.",
        "Try again then. With a token (`paddock hub-token`, HF_TOKEN) the limits are higher.",
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
    C.HUB_NOTHING_FITS: Words(
        "No model of {repo} fits this machine",
        "None of its quants is small enough.",
        "Run `paddock recommend` for models that fit.",
    ),
    C.HUB_OFFLINE: Words(
        "The hub is not asked",
        "HF_HUB_OFFLINE is set, so nothing is read from {url}.",
        "Unset it to search the hub and to download. The models that are here work without it.",
    ),
    C.HUB_REPO_UNKNOWN: Words(
        "There is no repository {repo}",
        "The hub does not know it, or does not show it: without a token private ones look like "
        "this, too.",
        "Did you mean {suggestions}?",
    ),
    C.HUB_NAME_UNSAFE: Words(
        "“{name}” is no name for a file here",
        "{reason}",
        "Nothing was fetched. The repository is broken or was made to do harm: get the model from "
        "another one.",
    ),
    C.HUB_FOLDER_UNSAFE: Words(
        "{path} leads out of the models folder",
        "It is a link to {target}, and downloads stay inside of the folder they are meant for.",
        "Replace the link by a folder, or move the whole models folder to where there is room.",
    ),
    C.HUB_FOLDER_UNWRITABLE: Words(
        "{path} cannot be written",
        "{reason}",
        "Check the permissions of the models folder and the disk, or choose another models folder. "
        "What was fetched is kept.",
    ),
    C.HUB_DOWNLOAD_BUSY: Words(
        "Another program is fetching this file and does not get on with it",
        "It holds the file's lock in {path}, and nothing has come for a while.",
        "End the other program, then try again: what it has fetched is used.",
    ),
    C.HUB_SIZE_WRONG: Words(
        "The hub is wrong about the size of {path}",
        "It says {claimed_bytes} bytes, and the server sends {sent_bytes}.",
        "Try again later, or get the model from another repository.",
    ),
    C.HUB_HASH_WRONG: Words(
        "{path} arrives damaged",
        "It was fetched twice, and its hash was {found} instead of {expected}.",
        "A proxy or virus scanner on the way may change files, or the disk or memory of this "
        "computer fails. Try another network; if it stays so, get the model from another "
        "repository. The other files are kept.",
    ),
}
