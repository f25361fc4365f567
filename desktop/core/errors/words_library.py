"""The words of errors about the library: names, cards, removing, verifying, the models folder."""

from __future__ import annotations

from desktop.core.errors.codes import ErrorCode as C
from desktop.core.errors.words import Words

WORDS_LIBRARY: dict[C, Words] = {
    C.MODEL_HIDDEN: Words(
        "{model} is hidden",
        "It was taken out of the list; its file is untouched.",
        "Show it again with `paddock models show {model}`.",
    ),
    C.MODEL_DAMAGED: Words(
        "{path} is damaged",
        "Its bytes are not those that were published: a disk, a copy or a download went wrong.",
        "Remove it and get it again. The file was kept as it is.",
    ),
    C.MODEL_IN_USE: Words(
        "{model} is in use",
        "{reason}",
        "Wait until that has ended or stop it, then try again.",
    ),
    C.MODEL_BUNDLED: Words(
        "{model} cannot be removed",
        "It comes with Paddock and is a part of it.",
        "Hide it with `paddock models hide {model}`.",
    ),
    C.REMOVE_FAILED: Words(
        "{path} could not be deleted",
        "{reason}",
        "Check the permissions of its folder, and whether its disk can be written to. What was "
        "deleted before is gone; the rest is untouched.",
    ),
    C.ALIAS_INVALID: Words(
        "“{alias}” cannot be an alias",
        "{reason}",
        "Choose another name.",
    ),
    C.ALIAS_TAKEN: Words(
        "“{alias}” is taken",
        "It is a name of {owner}.",
        "Choose another name, or take it away from that model first.",
    ),
    C.ADOPT_DAMAGED: Words(
        "{app}'s model {model} cannot be used",
        "{reason}",
        "Get it again in {app}. Paddock changes nothing there.",
    ),
    C.ADOPT_NOTHING: Words(
        "No models of {app} were found",
        "{reason}",
        "If they lie somewhere else, name their folder: `paddock adopt PATH`.",
    ),
    C.LINK_REFUSED: Words(
        "{path} was not replaced by a link",
        "{reason}",
        "The file is as it was. Nothing else is affected.",
    ),
    C.MODELFILE_INVALID: Words(
        "The Modelfile cannot be read",
        "Line {line}: {reason}",
        "Correct that line and try again.",
    ),
    C.MODELFILE_UNUSABLE: Words(
        "The Modelfile cannot be used",
        "{reason}",
        "Change it and try again. Nothing was stored.",
    ),
    C.MODEL_NAME_TAKEN: Words(
        "There is a model called “{name}” already",
        "It is {owner}.",
        "Choose another name with --name.",
    ),
    C.MODELS_FOLDER_FIXED: Words(
        "The models folder cannot be changed here",
        "The environment variable {variable} says where models lie: {folder}",
        "Change or remove that variable, then start Paddock again.",
    ),
    C.MODELS_FOLDER_UNUSABLE: Words(
        "{path} cannot be the models folder",
        "{reason}",
        "Choose another folder.",
    ),
    C.MODELS_FOLDER_FULL: Words(
        "There is not enough room in {path}",
        "{need} are needed; {free} are free.",
        "Free some space there, or choose a folder on another disk.",
    ),
    C.MODELS_FOLDER_COPY: Words(
        "{path} could not be copied",
        "{reason}",
        "Check both disks, then try again. The models are where they were.",
    ),
}
