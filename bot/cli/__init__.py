"""The command line: `python -m bot COMMAND`.

Each command is a module of its name: it reads its options, opens the program for the time that it needs it, calls one
service and prints. `main` knows the commands by their names, and loads a module when its command is called.
"""
