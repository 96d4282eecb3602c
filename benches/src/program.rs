//! A [driver](crate::driver) in a process of its own, and what it answers.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::time::Duration;

use crate::driver::{ANSWER, Failure};
use crate::race::{Absent, Timed};
use crate::workload::{Keeps, Plan, Workload};

/// A driver that runs. It is ended with this.
#[derive(Debug)]
pub struct Program {
    child: Child,
    talk: Conversation<BufReader<ChildStderr>, ChildStdin>,
}

/// A contender of a driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the driver's list.
    pub index: usize,
    /// What it is.
    pub name: String,
    /// Whether those after it that keep events in the same way are compared with it.
    pub is_floor: bool,
    /// Where it keeps events.
    pub keeps: Keeps,
}

impl Program {
    /// Starts a program.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(mut command: Command) -> Result<Self, Failure> {
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child =
            command.spawn().map_err(|error| format!("{command:?} cannot be started: {error}"))?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stderr.take()) else {
            return Err(format!("{command:?} has no pipes").into());
        };
        let answers = BufReader::new(answers);
        Ok(Self { child, talk: Conversation { answers, requests, expected: HashMap::new() } })
    }

    /// What it can do.
    ///
    /// # Errors
    ///
    /// When it ends, or answers something else.
    pub fn entries(&mut self) -> Result<Vec<Entry>, Failure> {
        self.talk.entries()
    }

    /// Has a contender do the work once.
    ///
    /// # Errors
    ///
    /// [`Absent::Cannot`] when it says so, [`Absent::Failed`] when the program ends, answers something else,
    /// or came to other states.
    pub fn run(
        &mut self,
        entry: &Entry,
        workload: Workload,
        divisor: usize,
    ) -> Result<Timed, Absent> {
        self.talk.run(entry, workload, divisor)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Nothing can be done about one that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
struct Conversation<A, R> {
    answers: A,
    requests: R,
    /// What must come out, which takes longer to compute than some work takes.
    expected: HashMap<Plan, String>,
}

impl<A: BufRead, R: Write> Conversation<A, R> {
    fn entries(&mut self) -> Result<Vec<Entry>, Failure> {
        self.ask("about")?;
        let mut entries = Vec::new();
        loop {
            let answer = self.answer()?;
            let words: Vec<&str> = answer.splitn(3, ' ').collect();
            match words[..] {
                ["end"] => return Ok(entries),
                [role @ ("contender" | "floor"), keeps, name] => entries.push(Entry {
                    index: entries.len(),
                    name: name.to_owned(),
                    is_floor: role == "floor",
                    keeps: Keeps::named(keeps).ok_or_else(|| no_answer(&answer))?,
                }),
                _ => return Err(no_answer(&answer).into()),
            }
        }
    }

    fn run(&mut self, entry: &Entry, workload: Workload, divisor: usize) -> Result<Timed, Absent> {
        let failed = |error: Failure| Absent::Failed(error.to_string());
        self.ask(&format!("run {} {} {divisor}", entry.index, workload.name())).map_err(failed)?;
        let answer = self.answer().map_err(failed)?;
        if let Some(reason) = answer.strip_prefix("cannot ") {
            return Err(Absent::Cannot(reason.to_owned()));
        }
        let no_answer = || Absent::Failed(no_answer(&answer));
        let words: Vec<&str> = answer.split(' ').collect();
        let ["done", items, nanos, tally] = words[..] else { return Err(no_answer()) };
        let items = items.parse().map_err(|_| no_answer())?;
        let took = Duration::from_nanos(nanos.parse().map_err(|_| no_answer())?);
        let plan = workload.plan(entry.keeps, divisor);
        let expected = self.expected.entry(plan).or_insert_with(|| plan.outcome().to_string());
        if tally != expected {
            let reason = format!("it came to the states {tally}, not to {expected}");
            return Err(Absent::Failed(reason));
        }
        Ok(Timed { items, took })
    }

    fn ask(&mut self, request: &str) -> Result<(), Failure> {
        writeln!(self.requests, "{request}")
            .and_then(|()| self.requests.flush())
            .map_err(|error| format!("the program takes no requests: {error}").into())
    }

    /// The next answer. What else the program says is passed on.
    fn answer(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.answers.read_line(&mut line)? == 0 {
                return Err("the program has ended".into());
            }
            match line.trim_end_matches(['\r', '\n']).strip_prefix(ANSWER) {
                Some(answer) => return Ok(answer.to_owned()),
                None => eprint!("{line}"),
            }
        }
    }
}

fn no_answer(answer: &str) -> String {
    format!("that is no answer: {answer:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIVISOR: usize = 1_000;

    /// What a program makes of it that answers this to all questions.
    fn told(answers: &str) -> Conversation<&[u8], Vec<u8>> {
        Conversation { answers: answers.as_bytes(), requests: Vec::new(), expected: HashMap::new() }
    }

    fn entry() -> Entry {
        Entry { index: 3, name: "peer 1.0".to_owned(), is_floor: false, keeps: Keeps::Synced }
    }

    fn run(answers: &str) -> Result<Timed, Absent> {
        told(answers).run(&entry(), Workload::Commands, DIVISOR)
    }

    fn right_tally() -> String {
        Workload::Commands.plan(Keeps::Synced, DIVISOR).outcome().to_string()
    }

    #[test]
    fn a_contender_is_asked_for_by_its_place() {
        let answer = format!("noise\n{ANSWER}done 7 9000 {}\n", right_tally());
        let mut talk = told(&answer);
        let timed = talk.run(&entry(), Workload::Commands, DIVISOR).expect("an answer");
        assert_eq!((timed.items, timed.took), (7, Duration::from_nanos(9_000)));
        assert_eq!(talk.requests, b"run 3 commands 1000\n");
    }

    #[test]
    fn a_list_of_contenders_has_an_end() {
        let list = format!("{ANSWER}floor memory peer 1.0, memory\n{ANSWER}contender synced b\n");
        let entries = told(&format!("{list}{ANSWER}end\n")).entries().expect("a list");
        assert_eq!(entries[0].name, "peer 1.0, memory");
        assert_eq!((entries[1].index, entries[1].keeps), (1, Keeps::Synced));
        assert!(entries[0].is_floor && !entries[1].is_floor);
        told(&list).entries().expect_err("it has ended before its list has");
        told(&format!("{ANSWER}contender tape b\n")).entries().expect_err("tapes are not known");
    }

    #[test]
    fn who_cannot_is_not_who_fails() {
        let cannot = run(&format!("{ANSWER}cannot one event per command\n"));
        assert_eq!(cannot.unwrap_err(), Absent::Cannot("one event per command".to_owned()));
    }

    #[test]
    fn a_program_that_ends_has_failed() {
        for answers in ["", "thread 'main' panicked\n"] {
            let failed = run(answers).unwrap_err();
            assert_eq!(failed, Absent::Failed("the program has ended".to_owned()), "{answers}");
        }
    }

    #[test]
    fn garbage_is_no_answer() {
        let tally = right_tally();
        for garbage in ["", "done", "done 1 2", "7 9000", &format!("done 1 -2 {tally}")] {
            let failed = run(&format!("{ANSWER}{garbage}\n")).unwrap_err();
            assert!(
                matches!(&failed, Absent::Failed(reason) if reason.contains("no answer")),
                "{failed}"
            );
        }
    }

    #[test]
    fn who_comes_to_other_states_is_not_compared() {
        let failed = run(&format!("{ANSWER}done 7 9000 1/2/3.000/4\n")).unwrap_err();
        let Absent::Failed(reason) = failed else { panic!("{failed}") };
        assert!(reason.contains("1/2/3.000/4") && reason.contains(&right_tally()), "{reason}");
    }
}
