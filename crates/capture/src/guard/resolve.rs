//! Names to addresses, once a capture, by one resolver or by several that are compared.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};

/// What a resolver said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Every address, in the order given.
    pub addresses: Vec<IpAddr>,
    /// The messages as received, where the resolver shows them.
    pub raw: Vec<Vec<u8>>,
    /// Why there is no address, where the messages say so.
    pub note: Option<String>,
}

/// One resolver's word on one name.
#[derive(Clone, Debug)]
pub struct Said {
    /// Which resolver.
    pub resolver: String,
    /// Its answer, or why there is none.
    pub answer: Result<Answer, String>,
}

/// Asked once for each name.
pub trait Resolver: Send + Sync {
    /// All addresses of `name`.
    fn resolve(&self, name: &str) -> io::Result<Answer>;
    /// For the log: which resolver this is.
    fn describe(&self) -> String;
    /// Of every resolver that this one stands for, in the operator's order.
    fn ask(&self, name: &str) -> Vec<Said> {
        vec![Said { resolver: self.describe(), answer: self.resolve(name).map_err(|e| e.to_string()) }]
    }
}

/// Several resolvers, all asked at once for every name. The guard compares what they say.
pub struct Several(pub Vec<Box<dyn Resolver>>);

impl Resolver for Several {
    /// The first that knows an address.
    fn resolve(&self, name: &str) -> io::Result<Answer> {
        let said = self.ask(name);
        let known = said.iter().find_map(|one| one.answer.as_ref().ok().filter(|answer| !answer.addresses.is_empty()));
        known.cloned().ok_or_else(|| io::Error::other("no resolver knows an address"))
    }

    fn describe(&self) -> String {
        self.0.iter().map(|one| one.describe()).collect::<Vec<_>>().join(", ")
    }

    fn ask(&self, name: &str) -> Vec<Said> {
        std::thread::scope(|scope| {
            let asked: Vec<_> = self.0.iter().map(|one| scope.spawn(|| one.ask(name))).collect();
            let failed = || vec![Said { resolver: "resolver".to_owned(), answer: Err("its thread failed".to_owned()) }];
            asked.into_iter().flat_map(|one| one.join().unwrap_or_else(|_| failed())).collect()
        })
    }
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
        Ok(Answer { addresses, ..Answer::default() })
    }

    fn describe(&self) -> String {
        "getaddrinfo".to_owned()
    }
}
