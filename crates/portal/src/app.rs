//! What all requests share: the folder, once there is one, and the one-time token until there is somebody to sign in.

mod background;

use crate::{
    log::Log,
    metrics::Metrics,
    pages::openid::Away,
    places::Places,
    server::{Config, Event},
    throttle::{self, Throttle},
    tls::Pair,
    visit::Visit,
};
use evidence::{digest, hex};
use service::{
    Actor, Answer, CaptureRequest, CompareEvent, DepositLine, Error, Folder, IdentityProvider, Mail, Mode, Network,
    NotTaken, OWNER_ACCOUNT, OpenId, Place, Post, Refusal, Result, SignUps, Why,
};
use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Most pages that are captured at once: each browser wants a processor or two, and some 400 MB.
const CAPTURES: usize = 4;
/// Comparisons whose end is remembered.
const REMEMBERED: usize = 200;
/// Requests whose evidence is read into memory at once, of those who signed in and of strangers each.
const READERS: usize = 8;
/// The same for strangers of one network.
const NEIGHBOURS: usize = 2;
/// Passwords that are hashed at once: each takes 19 MiB.
const HASHERS: usize = 4;
/// Callers at once who wait for a seal, each on a thread.
const WAITERS: usize = 64;

/// Letters that an account may send before it waits, and how soon it has one more.
const LETTERS: u32 = 20;
const LETTER_BACK: Duration = Duration::from_secs(180);

/// Passwords that an address may try before it waits, and how soon it has one more.
const PASSWORDS: u32 = 20;
const PASSWORD_BACK: Duration = Duration::from_secs(15);
/// The same for accounts that strangers of one network ask for.
const SIGN_UPS: u32 = 20;
const SIGN_UP_BACK: Duration = Duration::from_secs(60);

tokio::task_local! {
    /// Whose request is being answered; `None`: a stranger's.
    pub(crate) static CALLER: Option<i64>;
}

/// Places of one account.
#[derive(Clone)]
struct Share {
    heavy: Arc<Semaphore>,
    long: Arc<Semaphore>,
}

/// A person's number, a line of the table of routes, and what was answered.
pub(crate) type Refused = (Option<i64>, usize, u16);

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

struct Inner {
    data: PathBuf,
    /// The address that people open, as the operator says: `https://HOST`.
    public: Option<String>,
    folder: RwLock<Option<Arc<Folder>>>,
    /// SHA-256 of the one-time token.
    set_up: Mutex<Option<[u8; 32]>>,
    throttle: Throttle<IpAddr>,
    /// Calls of each token.
    calls: Throttle<i64>,
    /// Refusals that the audit log tells of.
    refusals: Throttle<Refused>,
    /// Who may sign up, and how often who tried from one network.
    sign_up: SignUps,
    signing_up: Throttle<IpAddr>,
    /// Tries of opening links: apart, so that who reads a shared page can still sign in.
    links: Throttle<IpAddr>,
    /// Held by who sets up.
    setting_up: Mutex<()>,
    trusted: Vec<Network>,
    /// Where the portal encrypts by itself.
    pair: Option<Arc<Pair>>,
    log: Log,
    metrics: Metrics,
    places: Arc<Places>,
    mail: Option<Mail>,
    /// Letters of each account.
    letters: Throttle<i64>,
    openid: Option<Arc<OpenId>>,
    identity: Option<Arc<IdentityProvider>>,
    away: Away,
    capturing: CaptureRequest,
    /// Steps so far of the captures that run, by number.
    live: Mutex<BTreeMap<i64, Vec<String>>>,
    /// Comparisons that go on or failed, by account and their capture's record.
    comparing: Mutex<BTreeMap<(i64, String), Compared>>,
    stopping: AtomicBool,
    /// Whether the threads that capture are there.
    begun: AtomicBool,
    /// Decoding, drawing and checking: so many at once as the machine has processors.
    heavy: Arc<Semaphore>,
    /// What goes on for minutes: a comparison, a ZIP's files.
    long: Arc<Semaphore>,
    /// What one account may have of either; strangers are one together.
    shares: Mutex<BTreeMap<i64, Share>>,
    /// What is sent to be looked at is held in memory while it comes.
    reading: Arc<Semaphore>,
    /// The same for strangers, who so keep nobody waiting who signed in.
    strangers: Arc<Semaphore>,
    neighbours: Mutex<BTreeMap<IpAddr, Arc<Semaphore>>>,
    hashing: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl App {
    /// Opens the folder, if there is one; its writer is this process from here on.
    pub(crate) fn open(
        config: &Config,
        pair: Option<Arc<Pair>>,
        places: Arc<Places>,
        events: &mut dyn FnMut(Event),
    ) -> Result<Self> {
        let folder = match Place::of(&config.data) {
            Place::Folder => {
                let folder = Folder::open(&config.data, Mode::Write)?;
                folder.sweep_uploads()?;
                folder.free_once()?;
                folder.take_up_captures()?;
                folder.warnings.iter().for_each(|(zh, en)| events(Event::Warning(zh.clone(), en.clone())));
                Some(Arc::new(folder))
            }
            Place::Free => None,
            Place::Taken => {
                let shown = service::show_path(&config.data);
                return Err(Error::new(
                    format!("{shown} 不是数据文件夹，也不是空的；请换一个"),
                    format!("{shown} is neither a data folder nor empty; choose another"),
                ));
            }
        };
        Ok(Self(Arc::new(Inner {
            data: config.data.clone(),
            public: config.public.clone(),
            folder: RwLock::new(folder),
            set_up: Mutex::new(None),
            throttle: Throttle::new(PASSWORDS, PASSWORD_BACK),
            calls: Throttle::a_minute(config.calls),
            refusals: Throttle::a_minute(1),
            sign_up: config.sign_up,
            signing_up: Throttle::new(SIGN_UPS, SIGN_UP_BACK),
            links: Throttle::new(PASSWORDS, PASSWORD_BACK),
            setting_up: Mutex::default(),
            trusted: config.trusted_proxies.clone(),
            pair,
            log: config.log,
            metrics: Metrics::default(),
            places,
            mail: config.mail.clone(),
            letters: Throttle::new(LETTERS, LETTER_BACK),
            openid: config.openid.clone().map(Arc::new),
            identity: config.identity.clone().map(Arc::new),
            away: Away::default(),
            capturing: config.capture.clone(),
            live: Mutex::default(),
            comparing: Mutex::default(),
            stopping: AtomicBool::new(false),
            begun: AtomicBool::new(false),
            heavy: Arc::new(Semaphore::new(processors())),
            long: Arc::new(Semaphore::new(processors().max(2))),
            shares: Mutex::default(),
            reading: Arc::new(Semaphore::new(READERS)),
            strangers: Arc::new(Semaphore::new(READERS)),
            neighbours: Mutex::default(),
            hashing: Arc::new(Semaphore::new(HASHERS)),
            waiting: Arc::new(Semaphore::new(WAITERS)),
        })))
    }

    /// A fresh one-time token, where nobody can sign in yet.
    pub(crate) fn set_up_token(&self) -> Result<Option<String>> {
        if let Some(folder) = self.folder()
            && folder.has_sign_in()?
        {
            return Ok(None);
        }
        let token = random()?;
        *lock(&self.0.set_up) = Some(digest::sha256(token.as_bytes()));
        Ok(Some(token))
    }

    /// Whether this is the token, and it is still good.
    pub(crate) fn is_set_up(&self, token: &str) -> bool {
        // Digests are compared, so that how far a guess is right shows in no time.
        *lock(&self.0.set_up) == Some(digest::sha256(token.as_bytes()))
    }

    /// One sets up after the other: the second finds that it is done.
    pub(crate) fn alone(&self) -> std::sync::MutexGuard<'_, ()> {
        lock(&self.0.setting_up)
    }

    /// Whether somebody may still set up.
    pub(crate) fn waits_for_set_up(&self) -> bool {
        lock(&self.0.set_up).is_some()
    }

    /// Somebody can sign in: the token is good no longer, and the folder, if new, is opened.
    pub(crate) fn was_set_up(&self) -> Result<Arc<Folder>> {
        let folder = match self.folder() {
            Some(folder) => folder,
            None => Arc::new(Folder::open(&self.0.data, Mode::Write)?),
        };
        *self.0.folder.write().unwrap_or_else(PoisonError::into_inner) = Some(folder.clone());
        *lock(&self.0.set_up) = None;
        self.begin();
        Ok(folder)
    }

    pub(crate) fn folder(&self) -> Option<Arc<Folder>> {
        self.0.folder.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is to be said of the end of the certificate that the portal encrypts with, (zh, en).
    pub(crate) fn certificate_ending(&self) -> Option<(String, String)> {
        self.0.pair.as_ref()?.ending()
    }

    /// Nothing new is begun.
    pub(crate) fn stop(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
    }

    pub(crate) fn stopping(&self) -> bool {
        self.0.stopping.load(Ordering::SeqCst)
    }

    pub(crate) fn capturing(&self) -> &CaptureRequest {
        &self.0.capturing
    }

    /// The steps that a capture has begun, in order.
    pub(crate) fn steps(&self, id: i64) -> Vec<String> {
        lock(&self.0.live).get(&id).cloned().unwrap_or_default()
    }

    /// Begins a comparison of one of the actor's captures; what is given back hears its record's number, or why there is
    /// none. Of a capture that is another's nothing is noted.
    pub(crate) async fn compare(
        &self,
        actor: Actor,
        capture: &str,
        with: Option<String>,
    ) -> Answer<oneshot::Receiver<Answer<String>>> {
        let (app, id) = (self.clone(), capture.to_owned());
        let (who, which) = (actor.clone(), id.clone());
        self.ask(move |folder| folder.may_compare(&who, &which)).await?;
        let key = (actor.account().unwrap_or_default(), id.clone());
        {
            let mut comparing = lock(&self.0.comparing);
            if matches!(comparing.get(&key), Some(Compared::Going(..))) {
                let (zh, en) = ("这次取证正在比对；请等它结束", "this capture is being compared; wait until that ends");
                return Err(Refusal::new(Why::Conflict, zh, en));
            }
            if comparing.len() >= REMEMBERED {
                comparing.retain(|_, compared| matches!(compared, Compared::Going(..)));
            }
            comparing.insert(key.clone(), Compared::Going(0, 0));
        }
        let (tell, told) = oneshot::channel();
        tokio::spawn(async move {
            let (looking, of) = (app.clone(), key.clone());
            let made = app.long(actor.account(), move |folder| {
                let mut events = |event| {
                    if let Some(Compared::Going(done, all)) = lock(&looking.0.comparing).get_mut(&of) {
                        match event {
                            CompareEvent::Planned(n) => *all = n,
                            CompareEvent::Looked => *done += 1,
                        }
                    }
                };
                folder.compare_of(&actor, &id, with.as_deref(), &mut events)
            });
            let made = made.await.map(|line| line.id.unwrap_or_default());
            let mut comparing = lock(&app.0.comparing);
            match &made {
                Ok(_) => comparing.remove(&key),
                Err(refusal) => comparing.insert(key, Compared::Failed(refusal.clone())),
            };
            drop(comparing);
            let _ = tell.send(made);
        });
        Ok(told)
    }

    /// What is to be said of a comparison of this account's capture.
    pub(crate) fn comparing(&self, account: i64, capture: &str) -> Option<Compared> {
        lock(&self.0.comparing).get(&(account, capture.to_owned())).cloned()
    }

    pub(crate) fn data(&self) -> &Path {
        &self.0.data
    }

    /// Who may sign up.
    pub(crate) fn sign_up(&self) -> SignUps {
        self.0.sign_up
    }

    pub(crate) fn signing_up(&self) -> &Throttle<IpAddr> {
        &self.0.signing_up
    }

    /// Whether people open the portal under `https://`, as the operator says.
    pub(crate) fn secure(&self) -> bool {
        self.public().is_some_and(|p| p.starts_with("https://"))
    }

    /// The address that people open, where the operator says it.
    pub(crate) fn public(&self) -> Option<&str> {
        self.0.public.as_deref()
    }

    /// Proxies whose word about a request is believed.
    pub(crate) fn trusted(&self) -> &[Network] {
        &self.0.trusted
    }

    /// Whether the portal encrypts by itself.
    pub(crate) fn encrypts(&self) -> bool {
        self.0.pair.is_some()
    }

    pub(crate) fn log(&self) -> Log {
        self.0.log
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn places(&self) -> &Places {
        &self.0.places
    }

    pub(crate) fn throttle(&self) -> &Throttle<IpAddr> {
        &self.0.throttle
    }

    /// Counts a token's call, or says how many seconds to wait.
    pub(crate) fn called(&self, token: i64) -> std::result::Result<(), u64> {
        self.0.calls.take(token, Instant::now())
    }

    /// Whether such a refusal is noted: one a minute is.
    pub(crate) fn refused(&self, refused: Refused) -> bool {
        self.0.refusals.take(refused, Instant::now()).is_ok()
    }

    /// How many calls a minute a token has; 0: as many as it likes.
    pub(crate) fn calls(&self) -> u32 {
        self.0.calls.tries()
    }

    /// Whether letters can be sent.
    pub(crate) fn has_mail(&self) -> bool {
        self.0.mail.is_some()
    }

    /// Sends a letter for somebody who is signed in; what the server did not take, (zh, en), is kept for as long as the link
    /// of this token is open.
    pub(crate) async fn letter(&self, visit: &Visit, token: String, post: Post) -> Answer<Option<NotTaken>> {
        let Some(mail) = self.0.mail.clone() else { return Ok(None) };
        post.check()?;
        self.0.letters.take(visit.actor.account().unwrap_or_default(), Instant::now()).map_err(|seconds| {
            let (zh, en) = ("邮件发得太频繁；请把网址当面交给对方", "too many letters; hand the link over yourself");
            Refusal::new(Why::Slow(seconds), zh, en)
        })?;
        let (actor, folder) = (visit.actor.clone(), self.opened()?);
        self.wait(move || {
            let Err(why) = mail.post(&post) else { return Ok(None) };
            if folder.keep_mail(&actor, &token, &post, &why)? {
                return Ok(Some(why));
            }
            let (zh, en) = why.words();
            Err(Error::new(format!("{zh}；请把网址当面交给对方"), format!("{en}; hand the link over yourself")).into())
        })
        .await
    }

    pub(crate) fn openid(&self) -> Option<Arc<OpenId>> {
        self.0.openid.clone()
    }

    /// Who is asked whether a merchant's name is right.
    pub(crate) fn identity_provider(&self) -> Option<Arc<IdentityProvider>> {
        self.0.identity.clone()
    }

    pub(crate) fn away(&self) -> &Away {
        &self.0.away
    }

    pub(crate) fn links(&self) -> &Throttle<IpAddr> {
        &self.0.links
    }

    /// A place for what is held in memory while it comes, in the order of asking.
    pub(crate) async fn reading(&self, visit: &Visit) -> Reading {
        if visit.actor.name().is_some() {
            return Reading { _place: place(&self.0.reading).await, _among: None };
        }
        let among = {
            let mut all = lock(&self.0.neighbours);
            // Whoever holds a place, or waits for one, holds its semaphore too.
            all.retain(|_, places| Arc::strong_count(places) > 1);
            let new = || Arc::new(Semaphore::new(NEIGHBOURS));
            all.entry(throttle::group(visit.address)).or_insert_with(new).clone()
        };
        let among = place(&among).await;
        Reading { _place: place(&self.0.strangers).await, _among: among }
    }

    /// A place for who hashes a password.
    pub(crate) async fn hashing(&self) -> Option<OwnedSemaphorePermit> {
        place(&self.0.hashing).await
    }

    /// A place for who waits for a seal; `None` where too many do.
    pub(crate) fn waiting(&self) -> Option<OwnedSemaphorePermit> {
        self.0.waiting.clone().try_acquire_owned().ok()
    }

    /// The same as [`Self::ask`] for heavy work, in the order of asking. Its place is free again when the work ends,
    /// also where the visitor has left before. A merchant has at most half of the places.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Arc<Folder>) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let caller = CALLER.try_with(|caller| *caller).ok().filter(|caller| *caller != Some(OWNER_ACCOUNT));
        let share = match caller {
            Some(caller) => place(&self.share(caller).heavy).await,
            None => None,
        };
        let place = place(&self.0.heavy).await;
        self.ask(move |folder| {
            let _places = (share, place);
            run(folder)
        })
        .await
    }

    /// The line once its seal is there, or after a little while. Waiting is no work: no place is held meanwhile.
    pub(crate) async fn soon_sealed(&self, line: DepositLine) -> Answer<DepositLine> {
        let known = line.clone();
        let lines = self.ask(move |folder| folder.soon_sealed(vec![line])).await?;
        Ok(lines.into_iter().next().unwrap_or(known))
    }

    /// The same for what may go on for minutes: one at a time of each account.
    pub(crate) async fn long<T: Send + 'static>(
        &self,
        account: Option<i64>,
        run: impl FnOnce(&Arc<Folder>) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let own = place(&self.share(account).long).await;
        let place = place(&self.0.long).await;
        self.ask(move |folder| {
            let _places = (own, place);
            run(folder)
        })
        .await
    }

    /// The same as [`Self::work`] for what waits more than it works, as a collection does for its token and seal: the
    /// account's own place is held meanwhile, and nobody else's.
    pub(crate) async fn slow<T: Send + 'static>(
        &self,
        account: Option<i64>,
        run: impl FnOnce(&Arc<Folder>) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let own = place(&self.share(account).heavy).await;
        self.ask(move |folder| {
            let _own = own;
            run(folder)
        })
        .await
    }

    fn share(&self, account: Option<i64>) -> Share {
        let mut all = lock(&self.0.shares);
        // Whoever holds a place, or waits for one, holds its semaphore too.
        all.retain(|_, share| Arc::strong_count(&share.heavy) > 1 || Arc::strong_count(&share.long) > 1);
        let new =
            || Share { heavy: Arc::new(Semaphore::new((processors() / 2).max(1))), long: Arc::new(Semaphore::new(1)) };
        all.entry(account.unwrap_or_default()).or_insert_with(new).clone()
    }

    /// The same as [`Self::ask`] for what hashes a password.
    pub(crate) async fn ask_secret<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Arc<Folder>) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let place = self.hashing().await;
        self.ask(move |folder| {
            let _place = place;
            run(folder)
        })
        .await
    }

    /// The folder, once there is one.
    pub(crate) fn opened(&self) -> Answer<Arc<Folder>> {
        self.folder().ok_or_else(|| Refusal {
            why: service::Why::NotFound,
            error: Error::new("尚未设置；请打开日志中的设置地址", "not set up yet; open the set-up address in the log"),
        })
    }

    /// Runs on a thread that may wait, on the folder.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Arc<Folder>) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let folder = self.opened()?;
        self.wait(move || run(&folder)).await
    }

    /// Runs on a thread that may wait.
    pub(crate) async fn wait<T: Send + 'static>(&self, run: impl FnOnce() -> Answer<T> + Send + 'static) -> Answer<T> {
        match tokio::task::spawn_blocking(run).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::new("内部错误；请重试", "an internal error; try again").into()),
        }
    }

    /// Ends the folder's background work in order, when no request is under way any more.
    pub(crate) fn close(self) -> Result<()> {
        let folder = self.0.folder.write().unwrap_or_else(PoisonError::into_inner).take();
        match folder.map(Arc::try_unwrap) {
            Some(Ok(folder)) => folder.close(),
            // A request outlived its time: dropping the last of them does the same, without the report.
            Some(Err(_)) | None => Ok(()),
        }
    }
}

/// A place for a body, free again when this is dropped.
pub(crate) struct Reading {
    _place: Option<OwnedSemaphorePermit>,
    _among: Option<OwnedSemaphorePermit>,
}

/// In the order of asking; the semaphores here are never closed.
async fn place(places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    places.clone().acquire_owned().await.ok()
}

/// A comparison as its capture's page tells of it.
#[derive(Clone)]
pub(crate) enum Compared {
    /// Pictures looked at, and to be looked at; none where that is not known yet.
    Going(u64, u64),
    /// Why there is none.
    Failed(Refusal),
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// Pages that are captured at once on this machine.
pub(crate) fn captures_at_once() -> usize {
    std::thread::available_parallelism().map_or(1, |n| usize::from(n) / 2).clamp(1, CAPTURES)
}

/// 32 random bytes, hex.
pub(crate) fn random() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|e| {
        Error::new(format!("系统没有给出随机数（{e}）"), format!("the system gave no random bytes ({e})"))
    })?;
    Ok(hex::encode(&bytes))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
