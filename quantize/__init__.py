"""Making models: convert, quantize, evaluate. No Qt; also meant to run as `python -m quantize`.

Of `desktop` it may import `desktop.core.{errors,events,procs,paths,gguf}` and nothing else.
"""
