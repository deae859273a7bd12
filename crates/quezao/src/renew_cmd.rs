//! `admin renew`: evidence stamped again before the certificate that protects it ends.

use crate::{args, out::Out};
use service::{Folder, Mode, RenewLine, RenewRequest, show_path};
use std::path::Path;

/// All renewed, or nothing due: 0. With `--check`, something due: 3. Failed: 2, or 3 where only an answer is missing.
pub(crate) fn renew(out: &Out, a: &args::Renew) -> u8 {
    let mut folder = match Folder::open(&a.data.data, if a.only_say { Mode::Read } else { Mode::Maintain }) {
        Ok(folder) => folder,
        Err(e) => return out.refuse(&e),
    };
    out.warn(&folder.warnings);
    let request = RenewRequest { ids: a.ids.clone(), before: a.before.clone(), check: a.only_say };
    let (mut lines, mut due, mut failed) = (0u64, false, Vec::new());
    let done = folder.renew(&request, &mut |line| {
        lines += 1;
        due |= line.status == "due";
        failed.extend(line.error.as_ref().map(|e| e.exit));
        print(out, &line, a.data.json);
    });
    if let Err(e) = done.and_then(|()| folder.close()) {
        return out.refuse(&e);
    }
    if lines == 0 && !a.data.json {
        out.line(&out.text("renew-none", &[]));
    }
    // What failed (2) outranks what is only waited for (3).
    failed.into_iter().min().unwrap_or(if due { 3 } else { 0 })
}

fn print(out: &Out, line: &RenewLine, json: bool) {
    if json {
        return out.json(line);
    }
    if let Some(error) = &line.error {
        out.refuse(error);
        return;
    }
    let text = out.text(
        &format!("renew-{}", line.status),
        &[
            ("id", line.id.clone().into()),
            ("authority", show_path(Path::new(line.authority.as_deref().unwrap_or_default())).into()),
            ("ends", line.ends_at.clone().unwrap_or_default().into()),
            ("renewals", i64::try_from(line.renewals).unwrap_or(i64::MAX).into()),
        ],
    );
    out.line(&text);
}
