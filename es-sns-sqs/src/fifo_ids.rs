//! The deduplication ids of FIFO messages, as they are sent.
//!
//! SQS and SNS want one of every FIFO message, and [`NewMessage`](es_core::NewMessage) may have none. It is
//! sent with one that no other message has, and comes back without. A message that is redriven is sent again,
//! perhaps within the five minutes in which its own id would make that a repetition, and be swallowed: it gets
//! a new id, which has its own behind it.
//!
//! ```text
//! ~es.<16 hex digits>            it has none
//! ~es.<16 hex digits>.<its own>  it was sent again
//! ```

use es_core::{Entropy, NewMessage};

const MARK: &str = "~es.";
const DIGITS: usize = 16;

/// The id that a message is sent with.
pub(crate) fn of(message: &NewMessage, entropy: &dyn Entropy) -> String {
    message.deduplication_id.clone().unwrap_or_else(|| unique(entropy))
}

/// The id that a message is sent again with. One of its own that leaves no room is not kept.
pub(crate) fn of_repetition(own: Option<&str>, entropy: &dyn Entropy) -> String {
    let unique = unique(entropy);
    match own {
        Some(own) if unique.len() + 1 + own.len() <= NewMessage::MAX_FIFO_ID_LEN => {
            format!("{unique}.{own}")
        }
        _ => unique,
    }
}

/// The deduplication id that the sender of a message gave, if any, of the one that it came with. For those who are
/// given messages by somebody else than [`SqsQueues`](crate::SqsQueues), which says it already.
pub fn own_deduplication_id(sent: &str) -> Option<&str> {
    own(sent)
}

/// The id that the sender gave, if any.
pub(crate) fn own(sent: &str) -> Option<&str> {
    let Some(marked) = sent.strip_prefix(MARK) else { return Some(sent) };
    match marked.split_at_checked(DIGITS) {
        Some((_, "")) => None,
        Some((_, rest)) => rest.strip_prefix('.').or(Some(sent)),
        None => Some(sent),
    }
}

fn unique(entropy: &dyn Entropy) -> String {
    format!("{MARK}{:016x}", entropy.next_u64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use es_core::SystemEntropy;

    #[test]
    fn a_message_without_an_id_comes_back_without_one() {
        let message = NewMessage::new("x").group("g");
        let ids = [of(&message, &SystemEntropy), of(&message, &SystemEntropy)];
        assert_ne!(ids[0], ids[1]);
        assert_eq!(own(&ids[0]), None);
        assert_eq!(own(&of_repetition(None, &SystemEntropy)), None);
    }

    #[test]
    fn who_is_given_a_message_by_somebody_else_finds_the_id_that_its_sender_gave() {
        let sent = NewMessage::new("x").group("g");
        assert_eq!(own_deduplication_id(&of(&sent, &SystemEntropy)), None);
        let sent = sent.deduplication_id("d");
        assert_eq!(own_deduplication_id(&of(&sent, &SystemEntropy)), Some("d"));
        assert_eq!(own_deduplication_id(&of_repetition(Some("d"), &SystemEntropy)), Some("d"));
        // A sender without this framework gives what it likes.
        assert_eq!(own_deduplication_id("of another"), Some("of another"));
    }

    #[test]
    fn a_message_that_is_sent_again_keeps_its_id() {
        for id in ["d", "a.b", "~es.", "~es.0123456789abcdef!", "~es.x"] {
            assert_eq!(
                own(&of(&NewMessage::new("x").deduplication_id(id), &SystemEntropy)),
                Some(id)
            );
            let again = of_repetition(Some(id), &SystemEntropy);
            assert_ne!(again, id);
            assert_eq!(own(&again), Some(id));
        }
        let longest = "d".repeat(107);
        assert_eq!(own(&of_repetition(Some(&longest), &SystemEntropy)), Some(&*longest));
        assert_eq!(own(&of_repetition(Some(&"d".repeat(108)), &SystemEntropy)), None);
    }
}
