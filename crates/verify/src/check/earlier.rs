//! `earlier-ledger`: the ledger that an `origin` record says it goes on after signed the checkpoint named. Whether its
//! operator agreed is not checked: a checkpoint is public, and anybody can name it.

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
                    format!("账本 {origin} 用自己的密钥签署过这份有 {size} 条记录的检查点；本记录写明了它。"),
                    format!(
                        "The ledger {origin} signed this checkpoint of {size} records with its own key, and this record names it."
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
