//! Hosts and names that lead nowhere that may be contacted.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use std::io;
use std::sync::Mutex;

use capture::guard::{Answer, Resolver};

/// Knows a few names; `rebind.example` answers otherwise each time.
#[derive(Default)]
pub struct Names(Mutex<u32>);

impl Resolver for Names {
    fn resolve(&self, name: &str) -> io::Result<Answer> {
        let mut count = self.0.lock().unwrap();
        *count += 1;
        let addresses: &[&str] = match name {
            "public.example" => &["8.8.4.4", "2606:4700::1111"],
            "mixed.example" => &["8.8.4.4", "10.0.0.1"],
            "mixed6.example" => &["2606:4700::1111", "fe80::1"],
            "private.example" => &["192.168.1.1"],
            "mapped.example" => &["::ffff:8.8.8.8"],
            "empty.example" => &[],
            "rebind.example" if *count % 2 == 1 => &["8.8.4.4"],
            "rebind.example" => &["127.0.0.1"],
            _ => return Err(io::Error::other("no such name")),
        };
        Ok(Answer { addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(), ..Answer::default() })
    }

    fn describe(&self) -> String {
        "table".to_owned()
    }
}

/// Hosts that are never contacted, whatever the scheme.
pub const REFUSED: &str = "
0.0.0.0 0.1.2.3 0.255.255.255 10.0.0.0 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1
127.0.0.0 127.1.2.3 127.255.255.255 168.63.129.16 169.254.0.1 169.254.169.254 169.254.255.255 172.16.0.1 172.20.10.5
172.31.255.255 192.0.0.1 192.0.0.170 192.0.0.255 192.0.2.1 192.0.2.255 192.31.196.1 192.52.193.1 192.88.99.1
192.168.0.1 192.168.255.255 192.175.48.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255
240.0.0.1 255.255.255.254 255.255.255.255
[::] [::1] [::2] [::ffff:127.0.0.1] [::ffff:8.8.8.8] [::ffff:7f00:1] [::127.0.0.1] [::ffff:0:8.8.8.8] [64:ff9b::8.8.8.8]
[64:ff9b::7f00:1] [64:ff9b::a00:1] [64:ff9b:1::1] [64:ff9b:1:ffff::1] [100::1] [2001::1] [2001:0:4136:e378:8000:63bf:3fff:fdd2]
[2001:10::1] [2001:20::1] [2001:2::1] [2001:3::1] [2001:4:112::1] [2001:1::1] [2001:db8::1] [2001:db8:ffff::1]
[2002:7f00:1::1] [2002:a00:1::] [2002:c0a8:101::1] [2002:808:808::1] [2620:4f:8000::1] [3fff::1] [3fff:fff::1] [5f00::1]
[fc00::1] [fd00::1] [fd12:3456:789a::1] [fdff:ffff::1] [fe80::1] [febf::1] [fec0::1] [feff::1] [ff00::1] [ff02::1] [ff05::2]
[ff0e::1] [4000::1] [8000::1] [1::1] [200::1] [400::1] [fd00:ec2::254] [fd20:ce::254] [2606:4700::5efe:a00:1]
[2606:4700::200:5efe:7f00:1] [::ffff:0:127.0.0.1] [0:0:0:0:0:ffff:a9fe:a9fe]
2130706433 017700000001 0x7f000001 0x7f.0.0.1 0x7f.1 0177.0.0.1 0177.1 127.1 127.0.1 10.1 192.168.257 1.2.3 0 00000000
0x0 0xa9fea9fe 2852039166 0251.0376.0251.0376 169.254.43518 8.8.8.010 08.8.8.8 8.8.8.8.8 256.1.1.1 1.1.1.256 999.1.1.1
0x8.8.8.8 8.8.8.0x8 1.1.1.0001 127.0.0.1. 127.1. 3232235777 4294967296 0xffffffff 0X7F.1 017700000001. foo.1 foo.0x1 a.b.09
１２７.0.0.1 ①②⑦.0.0.1 127。0。0。1 ｌｏｃａｌｈｏｓｔ 例え.example loc%61lhost 127.0.0.1%2f 127.0.0.1%00
localhost localhost. LOCALHOST LocalHost.LocalDomain foo.localhost foo.localhost. a.b.localhost localhost.localdomain
intranet router printer.local nas.lan router.home host.home.arpa db.internal metadata.google.internal instance-data.ec2.internal
kubernetes.default.svc.cluster.local wiki.corp x.private x.intranet x.test x.invalid abcdef.onion x.alt gateway wpad
-a.example a-.example a..example .example a_b.-c.example a*.example a!b.example exa$mple.example a/b a\\b a?b a#b
user@8.8.8.8 user:pw@8.8.8.8 @8.8.8.8 8.8.8.8@10.0.0.1 public.example@10.0.0.1 public.example#@10.0.0.1
[fe80::1%eth0] [fe80::1%25eth0] [::1 ::1] [[::1]] [8.8.8.8] [] [:::] [12345::] [::ffff:999.1.1.1] [v1.a]x
update.googleapis.com clients2.google.com mixed.example mixed6.example private.example mapped.example empty.example unknown.example
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example
";
