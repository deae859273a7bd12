//! `earlier-ledger`: the ledger that an `origin` record goes on after, by that ledger's own signature.

use super::Walk;
use crate::{Check, Outcome};
use evidence::{earlier::Earlier, hex, statement::Statement};

const ID: &str = "earlier-ledger";

impl Walk<'_> {
    pub(super) fn earlier(&mut self, statement: &Statement) {
        let check = match Earlier::of(&self.facts.claims, &statement.ledger) {
            Ok(earlier) => {
                let (origin, size) = (&earlier.checkpoint.origin, earlier.checkpoint.size);
                let check = Check::new(
                    ID,
                    Outcome::Pass,
                    format!("账本 {origin} 用自己的密钥签署过这份有 {size} 条记录的检查点；本账本在它之后另起。"),
                    format!(
                        "The ledger {origin} signed this checkpoint of {size} records with its own key; this ledger goes on after it."
                    ),
                );
                let root = hex::encode(&earlier.checkpoint.root);
                let check = Check { found: Some(format!("{size} records, root {root}")), ..check };
                self.facts.earlier = Some(Box::new(earlier));
                check
            }
            Err(e) => Check::error(ID, &e),
        };
        self.checks.push(check);
    }
}
