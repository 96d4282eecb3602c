use super::*;

fn counted(path: &str, instructions: u64) -> Counted {
    Counted { path: path.to_owned(), items: 1000, item: "event".to_owned(), instructions }
}

fn machine() -> Machine {
    Machine {
        rustc: "rustc 1.95.0 (59807616e 2026-04-14)".to_owned(),
        target: "x86_64-unknown-linux-gnu".to_owned(),
        libc: "glibc 2.36".to_owned(),
        valgrind: "valgrind-3.19.0".to_owned(),
        vectors: "avx2".to_owned(),
    }
}

fn complaints(accepted: &[Counted], now: &[Counted]) -> Vec<String> {
    Comparison::between(now, &Accepted::of(machine(), accepted)).complaints()
}

#[test]
fn a_count_may_differ_by_two_of_a_hundred() {
    let accepted = [counted("replay", 1_000_000)];
    for now in [980_000, 999_999, 1_000_000, 1_020_000] {
        assert_eq!(complaints(&accepted, &[counted("replay", now)]), [""; 0], "{now}");
    }
}

#[test]
fn more_than_that_is_a_complaint() {
    let more = complaints(&[counted("replay", 1_000_000)], &[counted("replay", 1_021_000)]);
    assert_eq!(more, ["replay takes 2.1 % more instructions than accepted"]);
}

#[test]
fn so_is_an_improvement_that_is_not_accepted() {
    let less = complaints(&[counted("replay", 1_000_000)], &[counted("replay", 900_000)]);
    let said = "replay takes 10.0 % fewer instructions than accepted, which should be accepted";
    assert_eq!(less, [said]);
}

#[test]
fn a_path_that_was_not_counted_or_not_accepted_is_a_complaint() {
    let (old, new) =
        ([counted("old", 1), counted("both", 1)], [counted("both", 1), counted("new", 1)]);
    let said = complaints(&old, &new);
    assert_eq!(said, ["new has no accepted value", "old is accepted and was not counted"]);
}

#[test]
fn what_was_accepted_as_nothing_may_not_become_something() {
    assert_eq!(complaints(&[counted("replay", 0)], &[counted("replay", 0)]), [""; 0]);
    assert_eq!(complaints(&[counted("replay", 0)], &[counted("replay", 1)]).len(), 1);
}

#[test]
fn the_table_has_counts_their_difference_and_a_figure_for_each_item() {
    let accepted = Accepted::of(machine(), &[counted("replay", 1_000_000)]);
    let now = [counted("replay", 1_005_000), counted("append", 2_000)];
    let table = Comparison::between(&now, &accepted).to_string();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(
        lines,
        [
            "path     accepted        now  difference         for each",
            "replay  1,000,000  1,005,000     +0.50 %  1,005 per event",
            "append       none      2,000                  2 per event",
        ]
    );
}

#[test]
fn counts_of_another_compiler_target_library_or_tool_say_nothing() {
    let rustc = Machine { rustc: "rustc 1.96.0".to_owned(), ..machine() };
    let libc = Machine { libc: "glibc 2.39".to_owned(), ..machine() };
    let target = Machine { target: "aarch64-unknown-linux-gnu".to_owned(), ..machine() };
    let valgrind = Machine { valgrind: "valgrind-3.25.1".to_owned(), ..machine() };
    let vectors = Machine { vectors: "narrower".to_owned(), ..machine() };
    let now = [counted("replay", 2)];
    let accepted = Accepted::of(machine(), &[counted("replay", 1)]);
    for other in [rustc, libc, target, valgrind, vectors] {
        let verdict = Verdict::on(&Comparison::between(&now, &accepted), &accepted, &other);
        assert!(matches!(verdict, Verdict::NotCompared(_)), "{other}: {verdict:?}");
    }
    let same = Verdict::on(&Comparison::between(&now, &accepted), &accepted, &machine());
    assert!(matches!(same, Verdict::Complaints(_)), "{same:?}");
}

#[test]
fn what_is_accepted_is_read_as_it_was_written() {
    let accepted = Accepted::of(machine(), &[counted("b", 2), counted("a", 1)]);
    let text = accepted.to_toml();
    assert_eq!(toml::from_str::<Accepted>(&text).expect("a file as it is written"), accepted);
    assert!(text.ends_with("[instructions]\na = 1\nb = 2\n"), "{text}");
}

#[test]
fn the_file_that_is_checked_in_can_be_read() {
    assert!(!Accepted::read().expect("a file").instructions.is_empty());
}

#[test]
fn the_number_that_callgrind_collected_is_found() {
    let printed = "==7== Callgrind, a call-graph generating cache profiler\n\
                   ==7== Events    : Ir\n==7== Collected : 123456789\n==7== \n";
    assert_eq!(valgrind::collected(printed), Some(123_456_789));
    assert_eq!(valgrind::collected("==7== Collected : many"), None);
    assert_eq!(valgrind::collected(""), None);
}

#[test]
fn a_listed_path_has_a_name_items_and_times() {
    let path = HotPath { name: "replay".into(), items: 1000, item: "event".into(), times: 10 };
    assert_eq!(HotPath::listed("replay 1000 event 10"), Some(path));
    assert_eq!(HotPath::listed("replay 1000 event"), None);
}
