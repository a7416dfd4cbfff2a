"""From messages to memories worth keeping: segments, prompt, answer, gate, reconcile.

A language model proposes; everything that must be right is decided by code around it: which messages a memory stands
on, who said it, whether its names, numbers and dates were said, and whether it may be kept at all.
"""
