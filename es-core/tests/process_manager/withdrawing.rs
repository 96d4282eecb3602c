//! A process is cancelled while a worker is in the middle of what was decided.

use std::pin::pin;

use es_core::ProcessStatus;
use es_core::testing::faults::{Call, Faults, crash_at};

use crate::errand::{RequestEvent, THRICE, THRICE_TOLD, TIME};
use crate::once::deliver_again;
use crate::stage::Stage;

#[tokio::test]
async fn no_further_command_begins_once_a_process_is_cancelled_wherever_that_falls_in() {
    for effort in [THRICE, THRICE_TOLD] {
        // How often one command began all the same, by how many had begun before.
        let mut begun_late = [0; 4];
        let mut cancelled_in_a_command = 0;
        for nth in 1.. {
            let stage = Stage::with(&Faults::none().suspending());
            stage.tell("r-1", RequestEvent::Asked { effort }).await;
            let mut work = pin!(stage.orchestrator.catch_up());
            // It stops there, and goes on below.
            if crash_at(nth, work.as_mut()).await.is_ok() {
                break;
            }
            if stage.errands.cancel("r-1", "not needed").await.is_err() {
                continue;
            }
            let before = stage.calls();
            let in_a_command = before > *stage.bus.ended.lock().unwrap();
            assert_eq!(work.await.unwrap().parked, 0);

            let late = stage.calls() - before;
            match in_a_command {
                true => assert_eq!(late, 0, "{effort}: at suspension {nth}, in command {before}"),
                false => assert!(late <= 1, "{effort}: {late} at suspension {nth}"),
            }
            cancelled_in_a_command += u32::from(in_a_command);
            begun_late[before as usize] += late;

            // Nobody takes up again what was left, and the process is over.
            let calls = stage.calls();
            deliver_again(&stage, &stage).await;
            stage.pass(TIME * 2).await;
            assert_eq!(stage.calls(), calls, "{effort}: after suspension {nth}");
            let errand = stage.errand("r-1").await;
            assert_eq!(errand.status(), ProcessStatus::Cancelled);
            assert!(errand.parked().is_empty() && errand.deadlines().is_empty());
            assert_eq!(stage.indexed().await, 0);
        }
        assert!(cancelled_in_a_command > 6, "{effort}: {cancelled_in_a_command}");
        // Before the first one, while the answer of the write is on its way and the deadline is set. Before the others,
        // while the answer of the look is on its way, or of the write that is the look.
        assert_eq!(begun_late, [3, 1, 1, 0], "{effort}");
    }
}

/// Requests for the processes and the worker: reads, ends of streams, and appends.
async fn requests_for(effort: u32) -> [u64; 3] {
    let faults = Faults::none();
    let stage = Stage::with(&faults);
    stage.hear("r-1", RequestEvent::Asked { effort }).await;
    [Call::ReadStream, Call::ReadHead, Call::Append].map(|call| faults.calls(call))
}

#[tokio::test]
async fn a_look_between_two_commands_is_one_request_and_none_where_outcomes_are_written() {
    // The process and the worker are read once each, and written.
    assert_eq!(requests_for(5).await, [2, 0, 2]);
    // The worker is executed three times.
    assert_eq!(requests_for(THRICE).await, [1 + 3, 2, 1 + 3]);
    // So is the process, which is read for each outcome that is written.
    assert_eq!(requests_for(THRICE_TOLD).await, [1 + 3 + 3, 0, 1 + 3 + 3]);
}
