// expect: 3:12: this block is not closed (add })
// expect: 4:19: this block is not closed (add })
interfaces {
    ethernet eth1 {
        address 10.0.0.1/24
