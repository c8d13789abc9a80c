"""The statements that are understood, each with the VyOS versions that have it.

A line is `VERSIONS STATEMENT`. VERSIONS is `all`, one version, `1.2+`, `-1.3` or `1.2-1.3`. In a statement `<type>` is
a value that may occur any number of times (VyOS's tag and multi nodes), `=<type>` a value that a later one replaces,
`a|b` one of two words. `...` at the end stands for whatever follows: it is known, not translated, and said so.
`! reason` at the end refuses whatever follows. `$name` is a macro: words whose place in the tree depends on the
version, or differs between the two address families.
"""

from __future__ import annotations

VERSIONS = ("1.1", "1.2", "1.3", "1.4", "1.5")
"""The VyOS versions whose configurations are understood. They compare as texts."""

MACROS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("-1.3", "$bgp", ("protocols bgp <asn>",)),
    ("1.4+", "$bgp", ("protocols bgp",)),
    ("all", "$peer", ("$bgp neighbor <neighbor>", "$bgp peer-group <name>")),
    ("1.1", "$routes", ("$bgp", "$bgp address-family ipv6-unicast")),
    ("1.2+", "$routes", ("$bgp address-family ipv4-unicast", "$bgp address-family ipv6-unicast")),
    ("1.1", "$family", ("$peer", "$peer address-family ipv6-unicast")),
    ("1.2+", "$family", ("$peer address-family ipv4-unicast", "$peer address-family ipv6-unicast")),
    ("all", "$rule", ("policy route-map <name> rule <rule>",)),
    ("all", "$ethernet", ("interfaces ethernet <ethernet>",)),
)
"""(versions, name, what it stands for). `<prefix*>` is an IPv6 prefix in the IPv6 family, else an IPv4 one."""

SYSTEM = """
all     system host-name =<host-name>
-1.2    system gateway-address =<address>
1.2+    system ip|ipv6 multipath layer4-hashing
1.2+    system ip multipath ignore-unreachable-nexthops
1.2+    system ip|ipv6 arp|neighbor ...
all     system config-management|console|domain-name|domain-search|domain-suffix|login|name-server|ntp ...
all     system conntrack|flow-accounting|option|options|package|proxy|static-host-mapping|syslog|task-scheduler ...
all     system time-zone|update-check ...
all     system sysctl ! use sysctls: of the node in the topology file
all     system ip|ipv6 disable|disable-forwarding ! this router would forward nothing
all     service console-server|dhcp-relay|dhcp-server|dhcpv6-server|dns|event-handler|https|lldp|monitoring ...
all     service ntp|router-advert|salt-minion|snmp|ssh|telnet ...
all     pki ...
all     firewall|zone-policy ! netlab filters no packets, and this router would
all     nat|nat66|nat64 ! netlab translates no addresses in a router, and this one would
all     load-balancing|qos|traffic-policy|high-availability|cluster ! netlab does not emulate it
all     container|vpn|vrf ! netlab does not emulate it
"""

INTERFACES = """
all     $ethernet
all     $ethernet address <interface-address>
all     $ethernet description =<text>
all     $ethernet disable
all     $ethernet mtu =<mtu>
all     $ethernet disable-flow-control|disable-link-detect|duplex|hw-id|mac|offload|offload-options ...
all     $ethernet ring-buffer|smp-affinity|smp_affinity|speed ...
all     $ethernet ip|ipv6 ! use sysctls: of the node in the topology file
all     $ethernet vif|vif-s ! netlab has no VLANs: give each network an interface and a link of its own
all     $ethernet bond-group|bridge-group|vrf ! netlab does not emulate it
all     $ethernet firewall|policy|redirect|traffic-policy|mirror ! netlab does not emulate it
all     interfaces loopback lo
all     interfaces loopback lo address <interface-address>
all     interfaces loopback lo description =<text>
all     interfaces dummy ! netlab has no dummy interfaces: give the address to loopback lo
all     interfaces bonding|bridge|geneve|input|l2tpv3|macsec|openvpn|pppoe|pseudo-ethernet ! netlab does not emulate it
all     interfaces tunnel|virtual-ethernet|vti|vxlan|wireguard|wireless|wwan ! netlab does not emulate it
"""

STATIC = """
all     protocols static route <prefix> next-hop <address>
all     protocols static route6 <prefix6> next-hop <address6>
all     protocols static route <prefix> next-hop <address> distance =<distance>
all     protocols static route6 <prefix6> next-hop <address6> distance =<distance>
all     protocols static route <prefix> next-hop <address> disable
all     protocols static route6 <prefix6> next-hop <address6> disable
-1.3    protocols static route <prefix> next-hop <address> next-hop-interface =<ethernet>
-1.3    protocols static route6 <prefix6> next-hop <address6> interface =<ethernet>
1.4+    protocols static route <prefix> next-hop <address> interface =<ethernet>
1.4+    protocols static route6 <prefix6> next-hop <address6> interface =<ethernet>
1.4+    protocols static route <prefix> next-hop <address> bfd ! FRR 8.4 has no BFD for static routes
1.4+    protocols static route6 <prefix6> next-hop <address6> bfd ! FRR 8.4 has no BFD for static routes
all     protocols static route <prefix> blackhole
all     protocols static route6 <prefix6> blackhole
all     protocols static route <prefix> blackhole distance =<distance>
all     protocols static route6 <prefix6> blackhole distance =<distance>
1.2+    protocols static route <prefix> blackhole tag =<tag>
1.2+    protocols static route6 <prefix6> blackhole tag =<tag>
1.4+    protocols static route <prefix> reject
1.4+    protocols static route6 <prefix6> reject
1.4+    protocols static route <prefix> reject distance =<distance>
1.4+    protocols static route6 <prefix6> reject distance =<distance>
1.4+    protocols static route <prefix> description ...
1.4+    protocols static route6 <prefix6> description ...
-1.3    protocols static interface-route <prefix> next-hop-interface <ethernet>
-1.3    protocols static interface-route6 <prefix6> next-hop-interface <ethernet>
-1.3    protocols static interface-route <prefix> next-hop-interface <ethernet> distance =<distance>
-1.3    protocols static interface-route6 <prefix6> next-hop-interface <ethernet> distance =<distance>
-1.3    protocols static interface-route <prefix> next-hop-interface <ethernet> disable
-1.3    protocols static interface-route6 <prefix6> next-hop-interface <ethernet> disable
1.4+    protocols static route <prefix> interface <ethernet>
1.4+    protocols static route6 <prefix6> interface <ethernet>
1.4+    protocols static route <prefix> interface <ethernet> distance =<distance>
1.4+    protocols static route6 <prefix6> interface <ethernet> distance =<distance>
1.4+    protocols static route <prefix> interface <ethernet> disable
1.4+    protocols static route6 <prefix6> interface <ethernet> disable
"""

BFD = """
1.2+    protocols bfd peer <neighbor>
1.2+    protocols bfd peer <neighbor> echo-mode|multihop|shutdown
1.2+    protocols bfd peer <neighbor> source address =<ip>
1.2+    protocols bfd peer <neighbor> source interface =<ethernet>
1.2+    protocols bfd peer <neighbor> interval multiplier =<multiplier>
1.2+    protocols bfd peer <neighbor> interval echo-interval|receive|transmit =<milliseconds>
1.4+    protocols bfd peer <neighbor> passive
1.4+    protocols bfd peer <neighbor> minimum-ttl =<ttl>
1.4+    protocols bfd peer <neighbor> profile =<bfd-profile>
1.4+    protocols bfd profile <name>
1.4+    protocols bfd profile <name> echo-mode|passive|shutdown
1.4+    protocols bfd profile <name> minimum-ttl =<ttl>
1.4+    protocols bfd profile <name> interval multiplier =<multiplier>
1.4+    protocols bfd profile <name> interval echo-interval|receive|transmit =<milliseconds>
"""

POLICY = """
all     policy prefix-list|prefix-list6|as-path-list|community-list|route-map <name>
all     policy prefix-list|prefix-list6 <name> description =<text>
all     policy as-path-list|community-list|route-map <name> description ...
all     policy prefix-list|prefix-list6|as-path-list|community-list <name> rule <rule> action =<action>
all     policy prefix-list|prefix-list6|as-path-list|community-list <name> rule <rule> description ...
all     policy prefix-list <name> rule <rule> prefix =<prefix>
all     policy prefix-list6 <name> rule <rule> prefix =<prefix6>
all     policy prefix-list <name> rule <rule> ge|le =<length>
all     policy prefix-list6 <name> rule <rule> ge|le =<length6>
all     policy as-path-list <name> rule <rule> regex =<as-path-regex>
all     policy community-list <name> rule <rule> regex =<regex>
all     policy local-route|local-route6|route|route6|ipv6-route ! netlab routes by destination alone
all     $rule action =<action>
all     $rule description =<text>
all     $rule call =<route-map>
all     $rule continue =<later-rule>
all     $rule on-match next
all     $rule on-match goto =<later-rule>
all     $rule match as-path =<as-path-list>
all     $rule match community community-list =<community-list>
all     $rule match community exact-match
all     $rule match interface =<ethernet>
all     $rule match ip address|nexthop|route-source prefix-list =<prefix-list>
all     $rule match ipv6 address|nexthop prefix-list =<prefix-list6>
1.4+    $rule match ip nexthop address =<address>
1.4+    $rule match ipv6 nexthop address =<address6>
1.2+    $rule match local-preference =<preference>
all     $rule match metric =<positive>
all     $rule match origin =<origin>
all     $rule match peer =<ip>
all     $rule match tag =<tag>
-1.3    $rule set as-path-prepend =<as-path>
-1.3    $rule set as-path-exclude =<as-path>
1.4+    $rule set as-path prepend|exclude =<as-path>
1.4+    $rule set as-path prepend-last-as =<allowed>
all     $rule set atomic-aggregate
-1.3    $rule set community =<communities>
-1.3    $rule set comm-list comm-list =<community-list>
-1.3    $rule set comm-list delete
1.4+    $rule set community add|replace <community>
1.4+    $rule set community none
1.4+    $rule set community delete =<community-list>
1.2+    $rule set distance =<distance>
all     $rule set ip-next-hop =<next-hop>
all     $rule set ipv6-next-hop global =<address6>
all     $rule set ipv6-next-hop local =<link-local>
1.2+    $rule set ipv6-next-hop peer-address|prefer-global
all     $rule set local-preference|weight =<preference>
all     $rule set metric =<metric>
all     $rule set origin =<origin>
all     $rule set originator-id =<address>
all     $rule set tag =<tag>
"""

BGP = """
-1.3    protocols bgp <asn>
1.4+    protocols bgp system-as =<asn>
-1.2    $bgp maximum-paths ebgp|ibgp =<paths>
1.3+    $routes maximum-paths ebgp|ibgp =<paths>
1.2+    $bgp address-family ipv4-unicast
all     $bgp address-family ipv6-unicast
all     $routes network <prefix*>
all     $routes network <prefix*> route-map =<route-map>
1.1     $bgp network <prefix> backdoor
1.2+    $bgp address-family ipv4-unicast network <prefix> backdoor
all     $routes aggregate-address <prefix*>
all     $routes aggregate-address <prefix*> as-set|summary-only
all     $routes redistribute connected|static|kernel
all     $routes redistribute connected|static|kernel metric =<preference>
all     $routes redistribute connected|static|kernel route-map =<route-map>
all     $bgp timers keepalive =<seconds>
all     $bgp timers holdtime =<holdtime>
1.2+    $bgp listen limit =<limit>
1.2+    $bgp listen range <any-prefix> peer-group =<peer-group>
all     $bgp parameters router-id|cluster-id =<address>
all     $bgp parameters always-compare-med|deterministic-med|log-neighbor-changes
all     $bgp parameters no-fast-external-failover|no-client-to-client-reflection
1.1     $bgp parameters disable-network-import-check
1.2+    $bgp parameters network-import-check
1.3+    $bgp parameters ebgp-requires-policy
-1.3    $bgp parameters enforce-first-as
-1.3    $bgp parameters scan-time ...
-1.3    $bgp parameters default no-ipv4-unicast
all     $bgp parameters default local-pref =<preference>
all     $bgp parameters bestpath as-path ignore|confed
1.2+    $bgp parameters bestpath as-path multipath-relax
all     $bgp parameters bestpath compare-routerid
all     $bgp parameters bestpath med confed|missing-as-worst
1.4+    $bgp parameters bestpath bandwidth =<bandwidth>
1.4+    $bgp parameters bestpath peer-type multipath-relax
all     $bgp parameters graceful-restart
all     $bgp parameters graceful-restart stalepath-time =<stalepath>
1.2+    $bgp parameters graceful-shutdown
1.4+    $bgp parameters minimum-holdtime =<holdtime>
all     $peer
all     $peer remote-as =<remote-as>
all     $bgp neighbor <neighbor> peer-group =<peer-group>
1.1     $bgp neighbor <neighbor> address-family ipv6-unicast peer-group =<peer-group>
all     $peer description =<text>
all     $peer advertisement-interval =<interval>
1.2+    $peer bfd
1.2+    $peer bfd check-control-plane-failure
1.4+    $peer bfd profile =<bfd-profile>
1.4+    $peer bfd strict ! FRR 8.4 has no strict BFD
all     $peer capability dynamic
1.2+    $peer capability extended-nexthop
1.4+    $peer capability software-version ...
all     $peer disable-capability-negotiation|disable-connected-check|override-capability|passive|shutdown
all     $peer strict-capability-match
1.4+    $peer solo
1.5     $peer enforce-first-as
all     $peer ebgp-multihop =<hops>
all     $peer local-as =<local-as>
all     $peer local-as =<local-as> no-prepend
1.3+    $peer local-as =<local-as> no-prepend replace-as
all     $peer password =<password>
1.4+    $peer path-attribute ! FRR 8.4 cannot discard path attributes
all     $peer port =<port>
all     $peer timers connect =<seconds>
all     $peer timers keepalive =<seconds>
all     $peer timers holdtime =<holdtime>
all     $peer ttl-security hops =<ttl>
all     $peer update-source =<source>
1.2+    $peer address-family ipv4-unicast
all     $peer address-family ipv6-unicast
all     $family allowas-in
all     $family allowas-in number =<allowed>
all     $family attribute-unchanged
all     $family attribute-unchanged as-path|med|next-hop
1.2+    $family addpath-tx-all|as-override
all     $family default-originate
all     $family default-originate route-map =<route-map>
all     $family disable-send-community extended|standard
all     $family filter-list export|import =<as-path-list>
all     $family maximum-prefix =<prefixes>
1.4+    $family maximum-prefix-out =<prefixes>
all     $family nexthop-self|remove-private-as|route-reflector-client|route-server-client
1.2+    $family nexthop-self force
1.4+    $family remove-private-as all
all     $family prefix-list export|import =<prefix-list*>
all     $family route-map export|import =<route-map>
all     $family soft-reconfiguration inbound
all     $family weight =<weight>
"""

TABLE = SYSTEM + INTERFACES + STATIC + BFD + POLICY + BGP
