"""The frozen types that pass between packages, one per stage.

Topology (written) -> LabPlan (meant) -> Lab (exists) -> Evidence (seen) -> Verdict (concluded).
Nothing here does I/O, and nothing here imports another netlab package.
"""
