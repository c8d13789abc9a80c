"""ecmp-check: a running lab is observed under traffic, and the evidence is judged.

check.py       the check from end to end, and judging a saved file
options.py     what a caller may choose
observe.py     collecting the evidence of a running lab
ports.py       the source ports of the flows, drawn by the seed
judge.py       evidence -> verdict
reading.py     what a router's evidence amounts to: each flow's next hop, counted by hash key
keys.py        what a router hashes of a flow
statistics.py  the statistics of balance
decide.py      the verdict on one router, and the sentence that says why
rules/         what is found at a router beside the verdict, with a way to mend it
silence.py     why a cluster's node does not announce a service
wording.py     words for messages
"""
