"""A lab from plan to running and back: deploy, destroy, wait until converged, state on disk, progress."""
