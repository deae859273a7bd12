//! The closed lists of a sheet, each word as the template and the JSON have it.

use serde::{Deserialize, Serialize};

macro_rules! named {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $text)] $variant,)* }
    };
}

named! {
    /// What was deposited.
    Kind {
        /// A picture that decodes.
        Image = "image",
        /// Any other file.
        File = "file",
        /// Only digests were told: possession of the file was not shown.
        Digest = "digest",
        /// A web page; the sheet has a [`crate::Report`].
        Capture = "capture",
        /// What a program found on a captured page; the sheet has a [`crate::Compared`].
        Comparison = "comparison",
        /// Many registered pictures; the sheet has a [`crate::Collected`].
        Collection = "collection",
        /// Who may use what; the sheet has a [`crate::Licensed`], and no file.
        Licence = "licence",
        /// What ends a licence, likewise.
        Revocation = "revocation",
        /// What confirms one, likewise.
        Confirmation = "confirmation",
    }
}
named! {
    /// How the operator says that it stands to the owner.
    Relation {
        /// Declared independent by the operator.
        IndependentDeclared = "independent-declared",
        /// The owner ran the software: the sheet is titled 自行固定记录.
        SamePerson = "same-person",
        /// Not stated.
        Unknown = "unknown",
    }
}
named! {
    /// What the owner's printed number is.
    NumberLabel {
        /// 统一社会信用代码, public and printed in full.
        Code = "code",
        /// An individual's number, masked.
        Masked = "masked",
    }
}
named! {
    /// Where the original is.
    Custody {
        /// The operator holds it.
        Held = "held",
        /// The operator read it and kept nothing.
        Read = "read",
        /// The operator never saw it.
        Declared = "declared",
        /// On the device of the owner, who is the operator.
        Own = "own",
    }
}
named! {
    /// How the bytes came.
    Provenance {
        /// The owner handed them in.
        UserSupplied = "user-supplied",
        /// The operator's machine captured them.
        PlatformCaptured = "platform-captured",
        /// The owner operated the capture.
        ApplicantOperated = "applicant-operated",
    }
}
named! {
    /// A mark's event on the time line.
    EventKind {
        /// A capture's order was sealed.
        Order = "order",
        /// The file arrived.
        Received = "received",
        /// A capture's page was opened.
        Opened = "opened",
        /// A token over the statement.
        Content = "content",
        /// A witness signed the checkpoint.
        Witness = "witness",
        /// A token over the checkpoint.
        Seal = "seal",
    }
}
named! {
    /// Whose clock an event's time is; each has a form of its own on the line.
    Clock {
        /// A named outside authority, marked independent by the trust used.
        Tsa = "tsa",
        /// An authority of the operator's own.
        Own = "own",
        /// A witness's clock.
        Witness = "witness",
        /// The operator's machine.
        Machine = "clock",
    }
}
named! {
    /// One check's result.
    Outcome {
        /// Holds.
        Pass = "pass",
        /// True, with a reservation that its sentence states.
        Limited = "limited",
        /// Was not made.
        NotChecked = "not_checked",
        /// Contradicts.
        Fail = "fail",
    }
}
named! {
    /// The verdict that the sheet prints. *With reservations* is computed from the required checks.
    Verdict {
        /// Every required check passes or is limited.
        Verified = "verified",
        /// Something contradicts.
        NotVerified = "not_verified",
        /// Nothing contradicts, something required is missing.
        Incomplete = "incomplete",
    }
}
