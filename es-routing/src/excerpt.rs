//! What errors and logs repeat of a text that somebody else has written.

/// The most bytes of a name that an error repeats.
pub(crate) const NAME: usize = 64;

/// The most bytes of what a parser or a serializer says, which can quote what it was given.
pub(crate) const REASON: usize = 256;

/// The beginning of the text, up to so many bytes.
pub(crate) fn excerpt(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or_default()
}
