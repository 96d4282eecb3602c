//! Work on some of the machine's cores.

use tokio::runtime::{Builder, Runtime};

/// Does `work` in a thread that may use so many cores, as may those that it starts; it is given a runtime with
/// as many workers.
///
/// Where the cores of a thread cannot be chosen (not on Linux), only the workers are so many: other threads, as those
/// that read and write files, run beside them.
pub(crate) fn on_cores<T: Send>(cores: usize, work: impl FnOnce(&Runtime) -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            confine(cores);
            let mut runtime = Builder::new_multi_thread();
            let runtime = runtime.worker_threads(cores).enable_time().build();
            work(&runtime.unwrap())
        });
        thread.join().unwrap()
    })
}

/// How many cores this program may use.
pub(crate) fn available_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(target_os = "linux")]
fn confine(cores: usize) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    let allowed = sched_getaffinity(None).unwrap();
    let mut chosen = CpuSet::new();
    let those = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).take(cores);
    those.for_each(|core| chosen.set(core));
    assert_eq!(chosen.count() as usize, cores, "this program may use fewer cores");
    sched_setaffinity(None, &chosen).unwrap();
}

#[cfg(not(target_os = "linux"))]
fn confine(_: usize) {}
