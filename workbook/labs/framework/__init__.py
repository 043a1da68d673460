"""The base of all labs: runs in slices, panels, live figures, and programs that a lab shows and runs."""
