"""What the netns runtime is. Apart from the package's `__init__`, which every init of a lab imports."""

from netlab.model.runtime import RuntimeEntry, Traits

RUNTIME = RuntimeEntry(
    Traits(
        name="netns",
        images=False,
        clusters="emulated",
        comes_back=False,
        one_kernel=True,
        capacity=1500,
    ),
    "netlab.runtime.netns.runtime",
)
