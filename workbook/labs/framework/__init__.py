"""What all labs share: runs in slices, panels, live figures, programs that a lab shows and runs."""
