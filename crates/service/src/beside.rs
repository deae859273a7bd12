//! The same work on many things, on all cores.

use std::sync::{Mutex, PoisonError, mpsc};

/// Most threads: each may hold a whole picture.
const MAX_WORKERS: usize = 4;

/// The results in the items' order; `done` is told of each.
pub(crate) fn side_by_side<T: Send, R: Send>(
    items: Vec<T>,
    work: impl Fn(T) -> R + Sync,
    done: &mut dyn FnMut(),
) -> Vec<R> {
    let workers = std::thread::available_parallelism().map_or(2, usize::from).min(MAX_WORKERS);
    let mut out: Vec<Option<R>> = items.iter().map(|_| None).collect();
    let queue = Mutex::new(items.into_iter().enumerate());
    let (send, results) = mpsc::sync_channel(workers);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let (send, queue, work) = (send.clone(), &queue, &work);
            scope.spawn(move || {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((place, item)) = next else { return };
                    if send.send((place, work(item))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        for (place, result) in results {
            out[place] = Some(result);
            done();
        }
    });
    out.into_iter().flatten().collect()
}
