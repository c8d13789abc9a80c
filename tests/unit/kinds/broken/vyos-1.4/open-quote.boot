// expect: 3:8: this block is not closed (add })
// expect: 4:15: the closing quote is missing (add ")
system {
    host-name "r1
}
