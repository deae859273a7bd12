//! What goes on beside requests, each on a thread of its own, until the server stops.

use super::{App, captures_at_once, lock};
use evidence::json::json;
use service::Postman;
use std::{sync::atomic::Ordering, time::Duration};

impl App {
    /// Begins to capture what is asked for, each page on a thread of its own: the browser's processes die with the
    /// thread that began them; to tell web hooks what has ended; and to go on with what was held up: erasings, statements
    /// without a token, records that a full disk kept from the ledger.
    pub(crate) fn begin(&self) {
        if self.folder().is_none() || self.0.begun.swap(true, Ordering::SeqCst) {
            return;
        }
        let app = self.clone();
        std::thread::spawn(move || {
            let postman = Postman::new(&app.0.capturing.loopback);
            while !app.stopping() {
                for (zh, en) in app.folder().map(|folder| folder.witness_alarms()).unwrap_or_default() {
                    app.log().line("warn", "witness", &[("en", json!(en)), ("zh", json!(zh))]);
                }
                let due = app.folder().map(|folder| folder.letters());
                let Some(due) = due else { return };
                let (mut letters, more) = due.unwrap_or_default();
                postman.carry(&mut letters);
                let noted = app.folder().map(|folder| folder.note_letters(&letters));
                if !matches!(noted, Some(Ok(()))) || letters.is_empty() && !more {
                    std::thread::sleep(Duration::from_millis(300));
                }
            }
        });
        for _ in 0..captures_at_once() {
            let app = self.clone();
            std::thread::spawn(move || app.capture_on());
        }
        let app = self.clone();
        std::thread::spawn(move || app.check_names());
        let app = self.clone();
        std::thread::spawn(move || app.mail_on());
        let app = self.clone();
        std::thread::spawn(move || app.go_on());
    }

    /// Asks the identity provider what merchants want it to be asked. Nobody holds the folder while it thinks.
    fn check_names(&self) {
        let Some(provider) = self.0.identity.clone() else {
            let _ = self.folder().map(|folder| folder.no_identity_provider());
            return;
        };
        while !self.stopping() {
            let Some(due) = self.folder().map(|folder| folder.identity_questions()) else { return };
            let mut questions = due.unwrap_or_default();
            provider.ask(&mut questions);
            let noted = self.folder().map(|folder| folder.note_identity(&questions));
            if !matches!(noted, Some(Ok(()))) || questions.is_empty() {
                std::thread::sleep(Duration::from_millis(500));
            }
        }
    }

    /// Tries letters again that the mail server did not take. Nobody holds the folder while it answers.
    fn mail_on(&self) {
        while !self.stopping() {
            let Some(late) = self.folder().map(|folder| folder.late_mail()) else { return };
            let mut late = late.unwrap_or_default();
            for letter in &mut late {
                if let Some(mail) = self.0.mail.as_ref().filter(|_| !self.stopping()) {
                    letter.try_again(mail);
                }
            }
            let noted = self.folder().map(|folder| folder.note_mail(&late));
            if !matches!(noted, Some(Ok(()))) || late.is_empty() || self.0.mail.is_none() {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
    }

    /// What fails stays open, and is tried again.
    fn go_on(&self) {
        while !self.stopping() {
            let Some(folder) = self.folder() else { return };
            let _ = folder.go_on_recording();
            let _ = folder.go_on_stamping();
            let _ = folder.go_on_erasing();
            drop(folder);
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    fn capture_on(&self) {
        while !self.stopping() {
            let Some(folder) = self.folder() else { return };
            let mut running = None;
            let ran = folder.run_next_capture(&self.0.capturing, &mut |id, step| {
                running = Some(id);
                lock(&self.0.live).entry(id).or_default().push(step.to_owned());
            });
            drop(folder);
            if let Some(id) = running {
                lock(&self.0.live).remove(&id);
            }
            if !matches!(ran, Ok(true)) {
                std::thread::sleep(Duration::from_millis(300));
            }
        }
    }
}
