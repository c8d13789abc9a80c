// expect: 5:1: the comment is not closed (add */)
system {
    host-name r1
}
/* open
