/// Says how many dead letters a redrive did not look at, if it knows of any.
pub fn unseen_note(unseen: Option<u64>) -> Option<String> {
    match unseen? {
        0 => None,
        1 => Some(
            "note: 1 dead letter could not be looked at now: somebody else has it at hand"
                .to_owned(),
        ),
        n => Some(format!(
            "note: {n} dead letters could not be looked at now: somebody else has them at hand"
        )),
    }
}
