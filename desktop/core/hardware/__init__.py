"""What this machine is: CPU, memory and its limits, GPUs, disks, measured bandwidth, advice.

Start with `probe.probe` (the facts) and `doctor.examine` (what they mean). Importing a module here
loads neither psutil nor pynvml nor numpy.
"""
