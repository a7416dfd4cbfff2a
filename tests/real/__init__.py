"""What holds against real servers, where they are given: `make real`."""
