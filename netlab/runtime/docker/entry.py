"""What the docker runtime is. Apart from the package's `__init__`, which every container's init imports."""

from netlab.model.runtime import RuntimeEntry, Traits

RUNTIME = RuntimeEntry(
    Traits(
        name="docker",
        images=True,
        clusters="real",
        comes_back=True,
        one_kernel=True,
        capacity=1500,
    ),
    "netlab.runtime.docker.runtime",
)
