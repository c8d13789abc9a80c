// expect: 11:17: "10.0.0.1/24; id" is not an address such as 10.0.0.1/24
// expect: 12:17: "fe80::1%x y/64" has no prefix length
// expect: 14:21: interfaces ethernet eth1 description $(id): a second value (the first stands in line 13)
// expect: 16:14: "../eth2" is not an Ethernet interface such as eth1
// expect: 21:19: "1 vrf x" is not a number from 1 to 4294967294
// expect: 22:18: "10.0.0.2 shutdown" is not an IP address
// expect: 26:23: "2; id" is not a number from 1 to 4294967294
// expect: 32:15: "r1; id" is not a host name
interfaces {
    ethernet eth1 {
        address "10.0.0.1/24; id"
        address "fe80::1%x y/64"
        description "x\n shutdown"
        description "$(id)"
    }
    ethernet ../eth2 {
    }
}
protocols {
    bgp {
        system-as "1 vrf x"
        neighbor "10.0.0.2 shutdown" {
            remote-as 2
        }
        neighbor 10.0.0.3 {
            remote-as "2; id"
            description "`id`"
        }
    }
}
system {
    host-name "r1; id"
}
