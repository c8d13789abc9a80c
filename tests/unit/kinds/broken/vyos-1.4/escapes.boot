// expect: 3:15: control character U+001B (remove it)
system {
    host-name [2J
}
