//! The streaming writer.

use super::{About, Exchange, Page, Resource, Result, Summary};
use std::io::{Seek, Write};

/// Writes one WACZ. Records go out as they come; index, pages and package list at the end.
pub struct Writer<W: Write + Seek> {
    out: W,
}

impl<W: Write + Seek> Writer<W> {
    /// Starts with the `warcinfo` record. `out` is empty and stands at its start.
    pub fn new(out: W, about: &About) -> Result<Self> {
        let _ = about;
        Ok(Self { out })
    }

    /// Two records: `request`, `response` (one if none came).
    pub fn exchange(&mut self, exchange: Exchange) -> Result<()> {
        let _ = exchange;
        todo!()
    }

    /// One record. Each name and label once; `order` without a label.
    pub fn resource(&mut self, resource: Resource) -> Result<()> {
        let _ = resource;
        todo!()
    }

    /// A page; the first is the main page. At least one.
    pub fn page(&mut self, page: Page) -> Result<()> {
        let _ = page;
        todo!()
    }

    /// Index, pages, package list, ZIP directory.
    pub fn finish(self) -> Result<(W, Summary)> {
        let _ = self.out;
        todo!()
    }
}
