interfaces {
    ethernet eth1 {
        address 192.168.10.1/24
        description "the cluster"
    }
    ethernet eth2 {
        address 192.168.20.1/24
        description "the client"
    }
}
system {
    host-name rt-1
}

// Release version: 1.5
