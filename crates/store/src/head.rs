//! The signed head: the ledger's one compare-and-swap row.
