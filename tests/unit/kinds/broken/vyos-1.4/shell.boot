// expect: 5:15: "$(reboot)" is not a host name
// expect: 7:1: "!reboot" is not understood (understood here: interfaces, pki, policy, protocols, service, system)
// expect: 8:1: "run" is not understood (understood here: interfaces, pki, policy, protocols, service, system)
system {
    host-name $(reboot)
}
!reboot
run reboot
