use super::*;

#[test]
fn a_note_has_process_and_port() {
    assert_eq!(parsed("4711 4566\n"), Some((4711, 4566)));
}

/// Of the processes with the ids of the beginning of ours, most are not.
#[test]
fn a_note_that_was_cut_off_is_none() {
    for note in ["", "4711", "4711 45", "4711 99999\n", "x 1\n"] {
        assert_eq!(parsed(note), None, "{note:?}");
    }
}

/// Stopping asks the process of the note to end.
#[test]
#[cfg(unix)]
fn another_process_is_not_taken_for_the_server() {
    assert!(!is_ministack(1));
}
