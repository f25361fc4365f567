"""Asks for a checkpoint's own code as the converter does, and for a connection."""

import socket
import sys

from transformers import AutoConfig, AutoTokenizer

for each in (AutoTokenizer, AutoConfig):
    try:
        print(type(each.from_pretrained(sys.argv[1], trust_remote_code=True)))
    except Exception as error:
        print(repr(error))
try:
    socket.create_connection(("127.0.0.1", 1), 1)
except OSError as error:
    print(error)
