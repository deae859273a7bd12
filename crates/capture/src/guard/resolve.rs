//! Names to addresses, once a capture.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};

/// What a resolver said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Every address, in the order given.
    pub addresses: Vec<IpAddr>,
    /// The messages as received, where the resolver shows them.
    pub raw: Vec<Vec<u8>>,
}

/// Asked once for each name.
pub trait Resolver: Send + Sync {
    /// All addresses of `name`.
    fn resolve(&self, name: &str) -> io::Result<Answer>;
    /// For the log: which resolver this is.
    fn describe(&self) -> String;
}

/// The system's resolver (getaddrinfo), which reads the hosts file too; it shows no raw answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Resolver for System {
    fn resolve(&self, name: &str) -> io::Result<Answer> {
        let mut addresses: Vec<IpAddr> = Vec::new();
        // A last dot keeps the system from trying its search list.
        for found in (format!("{name}.").as_str(), 0).to_socket_addrs()? {
            if !addresses.contains(&found.ip()) {
                addresses.push(found.ip());
            }
        }
        Ok(Answer { addresses, raw: Vec::new() })
    }

    fn describe(&self) -> String {
        "getaddrinfo".to_owned()
    }
}
