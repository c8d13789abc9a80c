// expect: 5:1: a brace closes no block (remove it)
system {
    host-name r1
}
}
