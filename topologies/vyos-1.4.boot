interfaces {
    ethernet eth1 {
        address 172.16.7.1/24
        description "the cluster"
    }
    ethernet eth2 {
        address 172.16.9.1/24
        description "the clients"
    }
}
protocols {
    bgp {
        address-family {
            ipv4-unicast {
                network 172.16.9.0/24 {
                }
            }
        }
        neighbor 172.16.7.11 {
            peer-group nodes
        }
        neighbor 172.16.7.12 {
            peer-group nodes
        }
        neighbor 172.16.7.13 {
            peer-group nodes
        }
        peer-group nodes {
            address-family {
                ipv4-unicast {
                }
            }
            remote-as 64522
        }
        system-as 64512
    }
}
system {
    host-name rt-1
    ip {
        multipath {
            layer4-hashing
        }
    }
}


// Warning: Do not remove the following line.
// vyos-config-version: "bgp@5:interfaces@32:policy@8:quagga@11:system@27"
// Release version: 1.4.2
