#!/bin/sh
# A script as other tools bind it to /etc/config and run it once the lab is up.
set -e
ip address add 10.255.0.1/32 dev lo
cat >/tmp/loopback.conf <<'CONFIG'
router bgp 65001
 address-family ipv4 unicast
  network 10.255.0.1/32
 exit-address-family
CONFIG
vtysh -f /tmp/loopback.conf
