"""A lab from plan to running and back: deploy, destroy, wait until converged, state on disk, progress.

deploy.py           from a plan to a running lab, as a transaction
recipe.py           the steps of that, and of a repair
wired.py            what the agent is asked to make of a plan
custody.py          clusters that outlive a deployment that fails
startup_configs.py  a user's own configurations, checked by the router's program
converge.py         waiting until a lab has converged
repair.py           restarting a node, putting back what nodes lost
destroy.py          until nothing is left of a lab
state.py            labs on disk
selection.py        which labs a command means
inspect.py          what a lab looks like now
outline.py          the names in a lab, read in milliseconds
commands.py         commands in nodes, and their configurations
kubectl.py          kubectl for a lab's cluster
logs.py             what the processes of a node printed
capture.py          packets of a node
picture.py          what a picture of a lab shows
routing.py          asking routers about BGP and the RIB
announcers.py       who announces a service, as one router sees it
emulated.py         what an emulated cluster would say of its services
doctor.py           what this host has and lacks
support/            the archive for a bug report
progress.py         what the package reports while it works
"""
