"""The tests: unit (one part), integration (real stores and clients), acceptance (the real process)."""
